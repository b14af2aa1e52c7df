"""Adaline, the adaptive linear neuron: one linear unit that is trained before its sign is taken.

Stochastic gradient descent on the squared error to -1 and 1, one example at a time, is the rule of Widrow and Hoff (least mean
squares): every example moves the weights by its error times its features. With a falling rate they end at the least-squares
solution.

Source: Widrow & Hoff 1960, "Adaptive Switching Circuits"; deck E, "Variants of ANNs". No departures.
"""

import keras
from keras import layers


def adaline(input_shape=(2,), name="adaline"):
    """Builds the network: 3 weights by default, all 0.

    Args:
        input_shape: Number of features of one example, a tuple of one.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `features` (batch, *input_shape) to `logits` (batch, 1), near -1 for class 0 and near 1
        for class 1 once trained. `zoo.models.perceptron.binary_classifier(model)` gives the class.

    Example:
        >>> adaline().count_params()
        3
    """
    inputs = keras.Input(input_shape, name="features")
    outputs = layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="logits")(inputs)
    return keras.Model(inputs, outputs, name=name)
