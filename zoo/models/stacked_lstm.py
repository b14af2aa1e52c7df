"""A stack of LSTM layers that reads a sequence and classifies it.

Each layer reads the outputs of the layer below; the last output of the top layer goes into a linear head. By default the sequence
is an image, read row by row.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", LSTM in TensorFlow (a list of `BasicLSTMCell`s, with `states[-1][1]`
into a dense layer). As there, the bias of the forget gate starts at 1. Departures: dropout between the layers and augmentation
are options, off by default.
"""

import keras
from keras import layers


def stacked_lstm(
    input_shape: tuple[int | None, int] = (None, 28),
    num_classes: int = 10,
    units: tuple[int, ...] = (150, 150, 150),
    dropout: float = 0.0,
    augmentation: layers.Layer | None = None,
    name: str = "stacked_lstm",
) -> keras.Model:
    """Builds the network: 470,110 weights by default.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        units: Width of each LSTM layer, bottom to top.
        dropout: Fraction of each layer's outputs dropped in training.
        augmentation: A Keras layer that changes the sequences in training only, such as `zoo.layers.Augmentation`, or None.
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
        raise ValueError("`units` of stacked_lstm must have at least one number, the width of an LSTM layer, got none.")
    x = inputs = keras.Input(input_shape, name="sequence")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(units, start=1):
        x = layers.LSTM(width, return_sequences=index < len(units), name=f"lstm{index}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def step(model: keras.Model) -> keras.Model:
    """One time step with the state as an input and an output, sharing the weights of `model`, without dropout and augmentation.

    With a state of zeros for the first step, and the state of each step passed to the next, the logits after a frame are those of
    `model` for the sequence up to that frame.

    Args:
        model: A model from `stacked_lstm`.

    Returns:
        A `keras.Model` from [`frame` (batch, features), `h1`, `c1`, `h2`, `c2`, ... (batch, units of that layer), output and cell
        of each layer, bottom to top], or a dictionary of them, to {`logits`: (batch, num_classes); `next_h1`, `next_c1`, ...}.

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
