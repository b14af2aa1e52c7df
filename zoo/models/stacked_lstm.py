"""A stack of LSTM layers that reads a sequence and classifies it.

Each layer reads the outputs of the one below; the top layer's last output goes into a linear head. By default the sequence is an
image, read row by row.

Source: deck B, "LSTM in TensorFlow" (a list of `BasicLSTMCell`s; `states[-1][1]` into a dense layer). As there, the forget gate's
bias starts at 1. Departures: dropout between the layers and augmentation are options, off by default.
"""

import keras
from keras import layers


def stacked_lstm(
    input_shape=(None, 28),
    num_classes=10,
    units=(150, 150, 150),
    dropout=0.0,
    augmentation=None,
    name="stacked_lstm",
):
    """Builds the network: 470,110 weights by default.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        units: Width of each LSTM layer, bottom to top.
        dropout: Fraction of each layer's outputs dropped in training.
        augmentation: A keras layer that changes the sequences in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes). `step(model)` reads
        one frame at a time.

    Raises:
        ValueError: If `units` is empty.

    Example:
        >>> stacked_lstm().count_params()
        470110
    """
    if not units:
        raise ValueError("`units` must name the width of at least one LSTM layer, got an empty tuple.")
    x = inputs = keras.Input(input_shape, name="sequence")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(units, start=1):
        x = layers.LSTM(width, return_sequences=index < len(units), name=f"lstm{index}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def step(model):
    """One step in time with the state in the open, sharing the weights of `model`; dropout and augmentation are left out.

    Starting from zeros, and with each step's state given to the next, the logits after a frame are those of `model` for the
    sequence up to it.

    Args:
        model: A model from `stacked_lstm`.

    Returns:
        A `keras.Model` from [`frame` (batch, features), `h1`, `c1`, `h2`, `c2`, ... (batch, units of that layer), output and cell
        of each layer, bottom to top], or a dict of them, to {`logits`: (batch, num_classes); `next_h1`, `next_c1`, ...}.

    Example:
        >>> sorted(step(stacked_lstm(units=(3, 2))).output)
        ['logits', 'next_c1', 'next_c2', 'next_h1', 'next_h2']
    """
    cells = [layer.cell for layer in model.layers if isinstance(layer, layers.LSTM)]
    frame = keras.Input(model.input.shape[2:], name="frame")
    states = [
        [keras.Input((cell.units,), name=f"{part}{index}") for part in ("h", "c")] for index, cell in enumerate(cells, start=1)
    ]
    output, new_states = layers.StackedRNNCells(cells, name="cells")(frame, states)
    states, new_states = keras.tree.flatten(states), keras.tree.flatten(new_states)
    outputs = {f"next_{state.name}": new_state for state, new_state in zip(states, new_states)}
    return keras.Model([frame, *states], {"logits": model.get_layer("logits")(output), **outputs}, name="step")
