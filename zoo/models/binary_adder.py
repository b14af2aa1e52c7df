"""A simple recurrent layer that adds two binary numbers of any length.

From the right to the left, as people add on paper, it reads a digit of each number and writes a digit of the sum; the carry it
has to discover, and to keep in its state.

Source: "Deep Learning: Recurrent Networks", lecture of 26 February 2018, Recurrent structures can do what static structures
cannot, and MLPs vs RNNs: "Very simple, can add two numbers of any size". The multilayer perceptron that the lecture sets against
it takes numbers of one length: `mlp((2, 8), 9)` adds two numbers of 8 bits, once it has seen enough of all their pairs.
"""

import keras
from keras import layers, ops

from zoo.layers import PadToLongest


def binary_adder(units: int = 16, name: str = "binary_adder") -> keras.Model:
    """Builds the network: 321 weights by default.

    Args:
        units: Width of the recurrent layer.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from {`a`: (batch, digits), `b`: (batch, digits)}, int32 of 0 and 1 as people write numbers,
        the most significant digit first and each with a length of its own, to `logits` (batch, longest + 1, 1), above 0 where the
        sum has a 1. `adder(model)` returns the sum.

    Example:
        >>> binary_adder().count_params()
        321
    """
    inputs = [keras.Input((None,), dtype="int32", name=name) for name in ("a", "b")]
    x = ops.cast(ops.stack(PadToLongest(extra=1, name="pad")(inputs), axis=-1), "float32")  # (batch, digits + 1, 2)
    x = ops.flip(x, axis=1)  # the least significant digit first
    x = layers.SimpleRNN(units, return_sequences=True, name="rnn")(x)
    outputs = layers.Dense(1, dtype="float32", name="logits")(ops.flip(x, axis=1))
    return keras.Model(inputs, outputs, name=name)


def adder(model: keras.Model) -> keras.Model:
    """The sum of two numbers, sharing the weights of `model`.

    Args:
        model: A model from `binary_adder`.

    Returns:
        A `keras.Model` from the same inputs to {`sum`: (batch, longest + 1) int32 of 0 and 1, the most significant digit first}.

    Example:
        >>> digits = adder(binary_adder())({"a": ops.array([[1, 0, 1, 1]]), "b": ops.array([[1, 1, 0]])})["sum"]
        >>> tuple(digits.shape)
        (1, 5)
    """
    return keras.Model(model.input, {"sum": ops.cast(ops.squeeze(model.output, axis=-1) > 0, "int32")}, name="adder")
