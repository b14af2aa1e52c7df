"""A simple recurrent layer that says whether the number of ones so far is even or odd.

One bit of state is enough, which each one in the input flips; but a flip is an exclusive or, and the state must not drift in
hundreds of steps.

Source: "Deep Learning: Recurrent Networks", lecture of 26 February 2018, RNN: The parity problem: "Trivial solution.
Generalizes to input of any size". The multilayer perceptron that the lecture sets against it, in MLP: The parity problem, takes
sequences of one length: `mlp((10,), 1, units=(10,))` has the hidden unit for each input that it says are needed. Departures: an
answer at every step, by which the layer is trained, since from the last one alone the parity is hardly learned; noise on the
inputs in training is an option, off by default.
"""

import keras
from keras import layers, ops


def parity_rnn(units: int = 16, input_noise: float = 0.0, name: str = "parity_rnn") -> keras.Model:
    """Builds the network: 305 weights by default.

    Args:
        units: Width of the recurrent layer.
        input_noise: Standard deviation of the noise that is added to each input in training, 0 or more.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `bits` (batch, time), int32 of 0 and 1, to `logits` (batch, time, 1), above 0 where the
        number of ones up to that step is odd. `parity(model)` returns the parity of the whole.

    Example:
        >>> parity_rnn().count_params()
        305
    """
    inputs = keras.Input((None,), dtype="int32", name="bits")
    x = ops.expand_dims(ops.cast(inputs, "float32"), axis=-1)
    if input_noise:
        x = layers.GaussianNoise(input_noise, name="noise")(x)
    x = layers.SimpleRNN(units, return_sequences=True, name="rnn")(x)
    outputs = layers.Dense(1, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def parity(model: keras.Model) -> keras.Model:
    """The parity of a whole sequence and of its beginnings, sharing the weights of `model`.

    Args:
        model: A model from `parity_rnn`.

    Returns:
        A `keras.Model` from `bits` to {`label`: (batch,) int32, 1 where the number of ones is odd; `odd`: (batch, time), the
        probability that it is odd up to each step}.

    Example:
        >>> answers = parity(parity_rnn())(ops.array([[1, 0, 1]]))
        >>> tuple(answers["label"].shape), tuple(answers["odd"].shape)
        ((1,), (1, 3))
    """
    logits = ops.squeeze(model.output, axis=-1)
    return keras.Model(model.input, {"label": ops.cast(logits[:, -1] > 0, "int32"), "odd": ops.sigmoid(logits)}, name="parity")
