"""A simple recurrent layer of rectified linear units that begins by copying its state: the IRNN.

The recurrent kernel starts as the identity and the bias at 0, so that without input the state stays as it is, and gradients flow
back through time undiminished: a long memory without gates. By default the sequence is an image, read row by row.

Source: Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 100 units.
Dibeklioğlu 2025, GE 461 "Deep Learning", names the initialisation. No departures; the paper reads MNIST pixel by pixel.
"""

import keras
from keras import layers


def identity_rnn(
    input_shape: tuple[int | None, int] = (None, 28),
    num_classes: int = 10,
    units: int = 100,
    kernel_scale: float = 0.001,
    name: str = "identity_rnn",
) -> keras.Model:
    """Builds the network: 13,910 weights by default.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        units: Width of the recurrent layer.
        kernel_scale: Standard deviation of the normal distribution from which the weights of the inputs are drawn.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes).

    Example:
        >>> identity_rnn().count_params()
        13910
    """
    inputs = keras.Input(input_shape, name="sequence")
    x = layers.SimpleRNN(
        units,
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(stddev=kernel_scale),
        recurrent_initializer="identity",
        name="rnn",
    )(inputs)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
