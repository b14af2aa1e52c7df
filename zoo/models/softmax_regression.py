"""Softmax regression, the one-layer network: a weighted sum of all pixels for each class.

Source: deck B, "One-Layer Network For Classifying MNIST" (1/4 to 4/4), with cross-entropy; deck A, "Weight Regularization" (L1,
L2 and both, the elastic net). No departures: softmax is in the loss, and in what the trained network is asked.
"""

import keras
from keras import layers


def softmax_regression(input_shape=(28, 28, 1), num_classes=10, l1=0.0, l2=0.0, name="softmax_regression"):
    """Builds the network: 7,850 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        l1: Weight of the L1 penalty on the kernel, 0 or more.
        l2: Weight of the L2 penalty on the kernel, 0 or more; together with `l1` it is the elastic net.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Example:
        >>> softmax_regression().count_params()
        7850
    """
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    penalty = keras.regularizers.L1L2(l1, l2)
    outputs = layers.Dense(num_classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
