"""A convolutional network for 28 x 28 digits.

Two 5 x 5 convolutions with max pooling, a 1024-unit dense layer with dropout, and a linear head.

Source: deck B, "CNN in TensorFlow" (1/8 to 8/8), where `rate=0.4` is the dropout. No departures; augmentation is an option that
is off by default.
"""

import keras
from keras import layers


def mnist_cnn(
    input_shape=(28, 28, 1),
    num_classes=10,
    filters=(32, 64),
    units=1024,
    dropout=0.4,
    augmentation=None,
    name="mnist_cnn",
):
    """Builds the network: 3,274,634 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of 5 x 5 filters of each convolution; each is followed by a 2 x 2 max pooling.
        units: Width of the dense layer.
        dropout: Fraction of the dense layer's outputs dropped in training.
        augmentation: A keras layer that changes the images in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: From Keras, if an image is too small for the poolings.

    Example:
        >>> mnist_cnn().count_params()
        3274634
    """
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
