"""A deep recurrent network: recurrent layers on top of each other, whose final states together decide.

Each layer reads the outputs of the layer below; the final states of all layers are concatenated and go into a linear head. By
default the sequence is an image, read row by row.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", RNN in TensorFlow (3/3): a `MultiRNNCell` of ReLU cells,
`tf.concat(axis=1, values=states)` and a dense layer. Other cells and layers in both directions are options, off by default;
"Deep Learning: Recurrent Networks", lecture of 26 February 2018, Bidirectional LSTM, and Kwak 2016, "Introduction to CNNs and
RNNs", Bidirectional, draw the latter. Departure: kernels start as Keras's do, the recurrent ones orthogonal.
"""

import keras
from keras import layers

CELLS = ("relu", "tanh", "gru", "lstm")


def deep_rnn(
    input_shape: tuple[int | None, int] = (None, 28),
    num_classes: int = 10,
    units: tuple[int, ...] = (100, 100, 100),
    cell: str = "relu",
    bidirectional: bool = False,
    name: str = "deep_rnn",
) -> keras.Model:
    """Builds the network: 56,110 weights by default.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        units: Width of each recurrent layer, bottom to top.
        cell: "relu" or "tanh" for simple layers with that activation, "gru" or "lstm".
        bidirectional: Whether each layer also reads backwards, with weights of its own; this doubles the width of its outputs
            and of its final state.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `cell` is unknown, or `units` is empty.

    Example:
        >>> deep_rnn().count_params()
        56110
    """
    if cell not in CELLS:
        raise ValueError(f"`cell` of deep_rnn must be one of {', '.join(CELLS)}, got {cell!r}.")
    if not units:
        raise ValueError("`units` of deep_rnn must have at least one number, the width of a recurrent layer, got none.")
    x = inputs = keras.Input(input_shape, name="sequence")
    finals = []
    for index, width in enumerate(units, start=1):
        layer = _recurrent(cell, width, f"{cell}{index}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"both_ways{index}")
        x, *states = layer(x)
        # An LSTM has two states in each direction: its output, and its cell, which stays inside.
        finals += states[::2] if cell == "lstm" else states
    x = layers.Concatenate(name="final_states")(finals) if len(finals) > 1 else finals[0]
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _recurrent(cell, units, name):
    options = {"return_sequences": True, "return_state": True, "name": name}
    if cell == "gru":
        return layers.GRU(units, **options)
    if cell == "lstm":
        return layers.LSTM(units, **options)
    return layers.SimpleRNN(units, activation=cell, **options)
