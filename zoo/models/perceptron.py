"""The perceptron: one linear unit whose sign is the class, sign(w . x + b).

Stochastic gradient descent on `zoo.losses.perceptron_criterion`, one example at a time, is Rosenblatt's rule: an example on the
wrong side of the line, or on it, is added to the weights or subtracted from them; any other example changes nothing.

Source: Rosenblatt 1958, "The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain"; Kwak 2016,
"Introduction to CNNs and RNNs", Variants of ANNs and Classification problems: y = sign(w . x + b). Departure: this is only the
last layer of Rosenblatt's machine, the one that learns.
"""

import keras
from keras import layers, ops


def perceptron(input_shape: tuple[int] = (2,), name: str = "perceptron") -> keras.Model:
    """Builds the network: 3 weights by default, all 0.

    Args:
        input_shape: Number of features of one example, as a tuple of one number.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `features` (batch, *input_shape) to `logits` (batch, 1), above 0 for class 1.
        `binary_classifier(model)` returns the class.

    Example:
        >>> perceptron().count_params()
        3
    """
    inputs = keras.Input(input_shape, name="features")
    outputs = layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="logits")(inputs)
    return keras.Model(inputs, outputs, name=name)


def binary_classifier(model: keras.Model) -> keras.Model:
    """The side of the line on which an example lies, sharing the weights of `model`.

    Args:
        model: A model whose only output is `logits` (batch, 1).

    Returns:
        A `keras.Model` from the same inputs to {`score`: (batch,), w . x + b; `label`: (batch,) int32, 1 where the score is above
        0, otherwise 0}.

    Example:
        >>> answers = binary_classifier(perceptron())(ops.ones((5, 2)))
        >>> tuple(answers["score"].shape), tuple(answers["label"].shape)
        ((5,), (5,))
    """
    score = ops.squeeze(model.output, axis=-1)
    return keras.Model(model.input, {"score": score, "label": ops.cast(score > 0, "int32")}, name="binary_classifier")
