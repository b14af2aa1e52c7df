"""A linear support vector machine for several classes: f = Wx + b, trained with the multiclass hinge loss.

The loss is `zoo.losses.multiclass_hinge`: each wrong class should score less than the true one, by a margin. The L2 penalty on W
widens the margin.

Source: Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition"; Dibeklioğlu 2025, GE 461 "Deep
Learning", Hinge Loss/Multi class SVM Loss and Weight Regularization; Kwak 2016, "Introduction to CNNs and RNNs", Classification
problems. No departures.
"""

import keras
from keras import layers

from zoo.shapes import require_fixed_size


def linear_svm(
    input_shape: tuple[int, ...] = (28, 28, 1), num_classes: int = 10, l2: float = 1e-4, name: str = "linear_svm"
) -> keras.Model:
    """Builds the network: 7,850 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        l2: Weight of the L2 penalty on W, 0 or more.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes): scores, of
        which only the order matters; they are not log-probabilities.

    Raises:
        ValueError: If the examples do not have a fixed size.

    Example:
        >>> linear_svm().count_params()
        7850
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    penalty = keras.regularizers.L2(l2)
    outputs = layers.Dense(num_classes, kernel_regularizer=penalty, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
