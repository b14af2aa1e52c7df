"""AlexNet, the network that won ImageNet in 2012: five convolutions, local response normalisation, overlapping pooling, dropout.

Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks"; Kwak 2016,
"Introduction to CNNs and RNNs", Alexnet and Complexity (Alexnet). Departures: one tower instead of two halves on two GPUs (62.4
million weights instead of 60.97 million); images of 227 x 227, which lead to the layer sizes that the paper gives; pixels are
scaled from [0, 1] to [-1, 1] where the paper subtracts the mean image; He initialisation, which is younger than the paper; all
biases start at 0 where some of the paper's start at 1.
"""

import keras
from keras import layers

from zoo.layers import LocalResponseNormalization
from zoo.shapes import require_fixed_size


def alexnet(
    input_shape: tuple[int, int, int] = (227, 227, 3),
    num_classes: int = 1000,
    filters: tuple[int, int, int, int, int] = (96, 256, 384, 384, 256),
    kernel_size: int = 11,
    strides: int = 4,
    units: int = 4096,
    dropout: float = 0.5,
    augmentation: layers.Layer | None = None,
    name: str = "alexnet",
) -> keras.Model:
    """Builds the network: 62,378,344 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of filters of each of the five convolutions; those of the second are 5 x 5, those after it 3 x 3.
        kernel_size: Height and width of the filters of the first convolution.
        strides: Strides of the first convolution.
        units: Width of the two dense layers.
        dropout: Fraction of the inputs of both dense layers dropped in training.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `filters` does not have five numbers, or the images are too small for the pooling layers or do not have a
            fixed size.

    Example:
        `alexnet().count_params()` is 62378344.
    """
    require_fixed_size(name, input_shape)
    if len(filters) != 5:
        raise ValueError(f"`filters` must have five numbers, got {filters}.")
    # Counted back from one pixel after the third pooling: for n pixels, a pooling of 3 x 3 with strides of 2 needs 2 n + 1.
    smallest = 14 * strides + kernel_size
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"{name} needs images of {smallest} x {smallest} or larger with these strides, "
            f"got the input shape {tuple(input_shape)}."
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


def alexnet_small(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    num_classes: int = 10,
    dropout: float = 0.5,
    augmentation: layers.Layer | None = None,
    name: str = "alexnet_small",
) -> keras.Model:
    """Builds the network for small images, with at most a third of the filters: 441,610 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        dropout: Fraction of the inputs of both dense layers dropped in training.
        augmentation: A Keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the images are smaller than 19 x 19 or do not have a fixed size.

    Example:
        >>> alexnet_small().count_params()
        441610
    """
    return alexnet(input_shape, num_classes, (32, 80, 112, 112, 80), 5, 1, 192, dropout, augmentation, name)


def _convolution(filters, size, name, strides=1, padding="same"):
    return layers.Conv2D(filters, size, strides, padding, activation="relu", kernel_initializer="he_normal", name=name)
