"""Adaline, the adaptive linear neuron: one linear unit, trained on its output before the sign is taken.

Stochastic gradient descent on the squared error to the targets -1 and 1, one example at a time, is the rule of Widrow and Hoff
(least mean squares): each example changes the weights by its error times its features. With a decaying learning rate the weights
converge to the least-squares solution.

Source: Widrow & Hoff 1960, "Adaptive Switching Circuits"; Kwak 2016, "Introduction to CNNs and RNNs", Variants of ANNs. No
departures.
"""

import keras
from keras import layers


def adaline(input_shape: tuple[int] = (2,), name: str = "adaline") -> keras.Model:
    """Builds the network: 3 weights by default, all 0.

    Args:
        input_shape: Number of features of one example, as a tuple of one number.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `features` (batch, *input_shape) to `logits` (batch, 1), after training near -1
        for class 0 and near 1 for class 1. `zoo.models.perceptron.binary_classifier(model)` returns the class.

    Example:
        >>> adaline().count_params()
        3
    """
    inputs = keras.Input(input_shape, name="features")
    outputs = layers.Dense(1, kernel_initializer="zeros", dtype="float32", name="logits")(inputs)
    return keras.Model(inputs, outputs, name=name)
