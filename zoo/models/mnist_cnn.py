"""A convolutional network for 28 x 28 digits.

It has two 5 x 5 convolutions with max pooling, a dense layer of 1024 units with dropout, and a linear head.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", CNN in TensorFlow (1/8 to 8/8). No departures; augmentation is an
option, off by default.
"""

import keras
from keras import layers

from zoo.shapes import require_fixed_size


def mnist_cnn(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    filters: tuple[int, ...] = (32, 64),
    units: int = 1024,
    dropout: float = 0.4,
    augmentation: layers.Layer | None = None,
    name: str = "mnist_cnn",
) -> keras.Model:
    """Builds the network: 3,274,634 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of 5 x 5 filters of each convolution; each is followed by 2 x 2 max pooling.
        units: Width of the dense layer.
        dropout: Fraction of the dense layer's outputs dropped in training.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the images do not have a fixed size, or, from Keras, are too small for the pooling layers.

    Example:
        >>> mnist_cnn().count_params()
        3274634
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 5, padding="same", activation="relu", name=f"conv{index}")(x)
        x = layers.MaxPooling2D(name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
