"""A recurrent layer that has to remember: what matters comes early in a sequence, and is asked for at its end.

A tanh unit that holds a bit against noise hardly feels any more what set it, so that the gradient of the early inputs vanishes.
The cell of an LSTM is held by its forget gate instead, and that can begin at any time scale: with biases from
`ChronoInitializer` some units forget after a few steps, and others after `memory` of them.

Source: Bengio, Simard & Frasconi 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult", the latching
problem, as in COMP547, lecture on recurrent networks, A Toy Example: "Can the single tanh unit learn to store for T time steps
1 bit of information given by the sign of initial input?" (`units=1, cell="tanh"`); Hochreiter & Schmidhuber 1997, "Long
Short-Term Memory"; Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?". Departure: two classes, each with a
logit of its own.
"""

import keras
from keras import layers

from zoo.initializers import ChronoInitializer

CELLS = ("tanh", "gru", "lstm")


def latch_rnn(
    input_shape: tuple[int | None, int] = (None, 1),
    num_classes: int | None = 2,
    units: int = 32,
    cell: str = "lstm",
    memory: int | None = 200,
    each_step: bool = False,
    name: str = "latch_rnn",
) -> keras.Model:
    """Builds the network: 4,418 weights by default.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes; None for a network that answers with a number.
        units: Width of the recurrent layer.
        cell: "tanh", "gru" or "lstm".
        memory: Longest time scale of an LSTM's forget gates when training begins, in steps, at least 3: about the length of the
            sequences. None for Keras's biases, with which a unit forgets after about 4 steps.
        each_step: Whether there is an answer at each step, instead of one at the end.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes), or to `value`
        (batch, 1); with `each_step` to (batch, time, num_classes) or (batch, time, 1).

    Raises:
        ValueError: If `cell` is unknown, or `memory` is smaller than 3.

    Example:
        >>> latch_rnn().count_params()
        4418
    """
    if cell not in CELLS:
        raise ValueError(f"`cell` of latch_rnn must be one of {', '.join(CELLS)}, got {cell!r}.")
    inputs = keras.Input(input_shape, name="sequence")
    options = {"return_sequences": each_step, "name": cell}
    if cell == "tanh":
        x = layers.SimpleRNN(units, **options)(inputs)
    elif cell == "gru":
        x = layers.GRU(units, **options)(inputs)
    elif memory is None:
        x = layers.LSTM(units, **options)(inputs)
    else:
        x = layers.LSTM(units, bias_initializer=ChronoInitializer(memory), unit_forget_bias=False, **options)(inputs)
    if num_classes is None:
        outputs = layers.Dense(1, dtype="float32", name="value")(x)
    else:
        outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
