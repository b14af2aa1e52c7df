"""Residual networks: blocks of two 3 x 3 convolutions whose input is added to their output.

Source: He, Zhang, Ren & Sun 2015, "Deep Residual Learning for Image Recognition"; Kwak 2016, "Introduction to CNNs and RNNs", the
slides on that paper. `resnet34` is the paper's network for ImageNet, `resnet20` its smallest network for CIFAR-10.
`residual=False` leaves the additions out: that is the paper's plain network, which trains worse the deeper it is.

The shortcuts of small images take every second pixel and fill the new channels with zeros (option A of the paper), those of large
images are projections (option B). Departure: with strides of 2 Keras pads the bottom and the right, the authors' code all sides.
"""

import keras
from keras import layers, ops


def resnet(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    blocks: tuple[int, ...] = (3, 4, 6, 3),
    filters: tuple[int, ...] = (64, 128, 256, 512),
    small_images: bool = False,
    residual: bool = True,
    augmentation: layers.Layer | None = None,
    name: str = "resnet",
) -> keras.Model:
    """Builds a residual network of basic blocks: `2 * sum(blocks) + 2` layers deep.

    Args:
        input_shape: Height, width (None: any) and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        blocks: Number of blocks in each stage; every stage but the first halves height and width.
        filters: Number of filters in each stage.
        small_images: Whether to start with a 3 x 3 convolution, as the paper does for CIFAR-10, and to pad shortcuts with zeros.
            Otherwise the network starts with a 7 x 7 convolution and max pooling, which keep a sixteenth of the pixels.
        residual: Whether the input of a block is added to its output; False is the plain network.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If `blocks` and `filters` differ in length, or the images are smaller than the product of all strides.

    Example:
        >>> resnet((32, 32, 3), 10, blocks=(1, 1), filters=(8, 16), small_images=True).count_params()
        5218
    """
    if len(blocks) != len(filters):
        raise ValueError(f"`blocks` and `filters` must have one number per stage, got {blocks} and {filters}.")
    smallest = (1 if small_images else 4) * 2 ** (len(blocks) - 1)
    if any(side is not None and side < smallest for side in input_shape[:2]):
        raise ValueError(
            f"{name} needs images of {smallest} x {smallest} or larger for {len(blocks)} stages, "
            f"got the input shape {tuple(input_shape)}."
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


def resnet20(
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    num_classes: int = 10,
    blocks: int = 3,
    residual: bool = True,
    augmentation: layers.Layer | None = None,
    name: str = "resnet20",
) -> keras.Model:
    """Builds the paper's network for CIFAR-10, 20 layers deep: 271,098 weights by default.

    Args:
        input_shape: Height, width (None: any) and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        blocks: Number of blocks in each of the three stages: 3, 5, 7 and 9 are the paper's ResNet-20, -32, -44 and -56.
        residual: Whether the input of a block is added to its output.
        augmentation: A Keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the images are smaller than 4 x 4.

    Example:
        >>> resnet20().count_params()
        271098
    """
    return resnet(input_shape, num_classes, (blocks,) * 3, (16, 32, 64), True, residual, augmentation, name)


def resnet34(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    num_classes: int = 1000,
    residual: bool = True,
    augmentation: layers.Layer | None = None,
    name: str = "resnet34",
) -> keras.Model:
    """Builds the paper's network for ImageNet, 34 layers deep: 21,814,696 weights by default, 21,797,672 of them trained.

    Args:
        input_shape: Height, width (None: any) and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        residual: Whether the input of a block is added to its output.
        augmentation: A Keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the images are smaller than 32 x 32.

    Example:
        `resnet34().count_params()` is 21814696.
    """
    return resnet(input_shape, num_classes, residual=residual, augmentation=augmentation, name=name)


def _block(x, filters, strides, small_images, residual, name):
    """Two convolutions and their shortcut."""
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
    """Every `strides`-th pixel, with zeros in the new channels."""
    if strides > 1:
        x = layers.AveragePooling2D(1, strides, padding="same", name=f"{name}_subsample")(x)
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, filters - x.shape[-1])))
