"""A linear support vector machine of several classes: f = Wx + b, trained with the multiclass hinge loss.

The loss is `zoo.losses.multiclass_hinge`: every wrong class should score less than the true one, by a margin. The L2 penalty on W
is what makes the margin wide.

Source: Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition"; deck A, "Hinge Loss/Multi class SVM
Loss" and "Weight Regularization"; deck E, "Classification problems". Departures: see the loss.
"""

import keras
from keras import layers


def linear_svm(input_shape=(28, 28, 1), num_classes=10, l2=1e-4, name="linear_svm"):
    """Builds the network: 7,850 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        l2: Weight of the L2 penalty on W, 0 or more.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes): scores, which are
        compared with each other and are no logarithms of probabilities.

    Example:
        >>> linear_svm().count_params()
        7850
    """
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    penalty = keras.regularizers.L2(l2)
    outputs = layers.Dense(num_classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
