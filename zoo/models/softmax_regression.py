"""Softmax regression, the one-layer network: a weighted sum of all pixels for each class.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", One-Layer Network For Classifying MNIST (1/4 to 4/4), with
cross-entropy; Dibeklioğlu 2025, GE 461 "Deep Learning", Weight Regularization (L1, L2 and elastic net). No departures: softmax is
part of the loss, and of the endpoints of the trained network.
"""

import keras
from keras import layers

from zoo.shapes import require_fixed_size


def softmax_regression(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    l1: float = 0.0,
    l2: float = 0.0,
    name: str = "softmax_regression",
) -> keras.Model:
    """Builds the network: 7,850 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        l1: Weight of the L1 penalty on the kernel, 0 or more.
        l2: Weight of the L2 penalty on the kernel, 0 or more; with both the penalty is the elastic net.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the examples do not have a fixed size.

    Example:
        >>> softmax_regression().count_params()
        7850
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    penalty = keras.regularizers.L1L2(l1, l2)
    outputs = layers.Dense(num_classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
