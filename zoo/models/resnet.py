"""Residual networks: blocks of two 3 x 3 convolutions whose input is added to their output.

Source: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition"; deck E. `resnet34` is the paper's network for
ImageNet, `resnet20` its smallest one for CIFAR-10. `residual=False` leaves the additions out: the paper's plain network, which
trains worse where it is deeper.

Departures: Keras pads a stride of 2 on the far side where the authors' code pads both; the shortcuts of small images take every
second pixel and pad the new channels with zeros (the paper's option A), those of large ones are projections (option B).
"""

import keras
from keras import layers, ops


def resnet(
    input_shape=(224, 224, 3),
    num_classes=1000,
    blocks=(3, 4, 6, 3),
    filters=(64, 128, 256, 512),
    small_images=False,
    residual=True,
    augmentation=None,
    name="resnet",
):
    """Builds a residual network of basic blocks: `2 * sum(blocks) + 2` layers deep.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        blocks: Number of blocks of each stage; every stage but the first halves height and width.
        filters: Number of filters of each stage.
        small_images: Whether to begin with a 3 x 3 convolution, as the paper does for CIFAR-10, and to pad shortcuts with zeros.
            Otherwise the network begins with a 7 x 7 convolution and a max pooling, which leave a sixteenth of the pixels.
        residual: Whether the input of a block is added to its output; False gives the plain network.
        augmentation: A keras layer that changes the images in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `blocks` and `filters` differ in length, or an image is smaller than its strides.

    Example:
        >>> resnet((32, 32, 3), 10, blocks=(1, 1), filters=(8, 16), small_images=True).count_params()
        5218
    """
    if len(blocks) != len(filters):
        raise ValueError(f"`blocks` and `filters` must have a number for each stage, got {blocks} and {filters}.")
    smallest = (1 if small_images else 4) * 2 ** (len(blocks) - 1)
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"images of {input_shape[0]} x {input_shape[1]} are too small; expected {smallest} x {smallest} or more."
        )
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    size, strides = (3, 1) if small_images else (7, 2)
    x = _convolution(x, filters[0], size, strides, "stem")
    x = layers.ReLU(name="stem_relu")(x)
    if not small_images:
        x = layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for stage, (count, width) in enumerate(zip(blocks, filters), start=1):
        for block in range(1, count + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(x, width, strides, small_images, residual, f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def resnet20(input_shape=(32, 32, 3), num_classes=10, blocks=3, residual=True, augmentation=None, name="resnet20"):
    """Builds the paper's network for CIFAR-10, 20 layers deep: 271,098 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        blocks: Number of blocks of each of the three stages: 3, 5, 7 and 9 are the paper's ResNet-20, -32, -44 and -56.
        residual: Whether the input of a block is added to its output.
        augmentation: A keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If an image is smaller than 4 x 4.

    Example:
        >>> resnet20().count_params()
        271098
    """
    return resnet(input_shape, num_classes, (blocks,) * 3, (16, 32, 64), True, residual, augmentation, name)


def resnet34(input_shape=(224, 224, 3), num_classes=1000, residual=True, augmentation=None, name="resnet34"):
    """Builds the paper's network for ImageNet, 34 layers deep: 21,814,696 weights by default, 21,797,672 of them trained.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        residual: Whether the input of a block is added to its output.
        augmentation: A keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If an image is smaller than 32 x 32.

    Example:
        `resnet34().count_params()` is 21814696.
    """
    return resnet(input_shape, num_classes, residual=residual, augmentation=augmentation, name=name)


def _block(x, filters, strides, small_images, residual, name):
    """Two convolutions, and the way around them."""
    y = _convolution(x, filters, 3, strides, f"{name}_conv1")
    y = layers.ReLU(name=f"{name}_relu1")(y)
    y = _convolution(y, filters, 3, 1, f"{name}_conv2")
    if residual:
        if x.shape[-1] != filters or strides > 1:
            x = _padded(x, filters, strides, name) if small_images else _convolution(x, filters, 1, strides, f"{name}_projection")
        y = layers.Add(name=f"{name}_add")([y, x])
    return layers.ReLU(name=f"{name}_relu2")(y)


def _convolution(x, filters, size, strides, name):
    x = layers.Conv2D(filters, size, strides, "same", use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)


def _padded(x, filters, strides, name):
    """Every `strides`-th pixel, and zeros in the channels that are new."""
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, padding="same", name=f"{name}_subsample")(x)
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])))
