"""The network that won ImageNet in 2012: five convolutions, local response normalisation, overlapping poolings, dropout.

Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks"; deck E.
Departures: one tower instead of two halves on two processors (62.4 million weights instead of 60.97); the image is 227 x 227,
with which the paper's own sizes come out; pixels are brought from [0, 1] to [-1, 1] where the paper subtracts the mean image;
He's initialisation, which came later, and biases of 0 where the paper begins some with 1.
"""

import keras
from keras import layers

from zoo.layers.local_response_normalization import LocalResponseNormalization


def alexnet(
    input_shape=(227, 227, 3),
    num_classes=1000,
    filters=(96, 256, 384, 384, 256),
    kernel_size=11,
    strides=4,
    units=4096,
    dropout=0.5,
    augmentation=None,
    name="alexnet",
):
    """Builds the network: 62,378,344 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of filters of the five convolutions; the second has 5 x 5 pixels, those after it 3 x 3.
        kernel_size: Height and width of the filters of the first convolution.
        strides: Strides of the first convolution.
        units: Width of the two dense layers.
        dropout: Fraction of the inputs of either dense layer dropped in training.
        augmentation: A keras layer that changes the images in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `filters` has not five numbers, or an image is too small for the poolings.

    Example:
        `alexnet().count_params()` is 62378344.
    """
    if len(filters) != 5:
        raise ValueError(f"`filters` must have five numbers, got {filters}.")
    # Backwards from one pixel after the third pooling: each pooling of 3 in steps of 2 needs 2 n + 1 pixels.
    smallest = 14 * strides + kernel_size
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"images of {input_shape[0]} x {input_shape[1]} are too small; expected {smallest} x {smallest} or more."
        )
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    x = layers.Rescaling(2.0, -1.0, name="rescaling")(x)
    x = _convolution(filters[0], kernel_size, "conv1", strides, "valid")(x)
    x = LocalResponseNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = _convolution(filters[1], 5, "conv2")(x)
    x = LocalResponseNormalization(name="norm2")(x)
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = _convolution(filters[2], 3, "conv3")(x)
    x = _convolution(filters[3], 3, "conv4")(x)
    x = _convolution(filters[4], 3, "conv5")(x)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)
    x = layers.Flatten(name="flatten")(x)
    for index in (6, 7):
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
        x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"dense{index}")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def alexnet_small(input_shape=(32, 32, 3), num_classes=10, dropout=0.5, augmentation=None, name="alexnet_small"):
    """Builds the network for small images, with a third of the filters or fewer: 441,610 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        dropout: Fraction of the inputs of either dense layer dropped in training.
        augmentation: A keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If an image is smaller than 19 x 19.

    Example:
        >>> alexnet_small().count_params()
        441610
    """
    return alexnet(input_shape, num_classes, (32, 80, 112, 112, 80), 5, 1, 192, dropout, augmentation, name)


def _convolution(filters, size, name, strides=1, padding="same"):
    return layers.Conv2D(filters, size, strides, padding, activation="relu", kernel_initializer="he_normal", name=name)
