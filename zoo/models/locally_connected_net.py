"""A network of locally connected layers: convolutions whose weights are not shared.

Each unit sees a small window of the layer below, as in a convolution, but each position has its own filters. That takes many
more weights than a convolution. It suits images in which every position has its own meaning, such as aligned faces.

Source: Kwak 2016, "Introduction to CNNs and RNNs", Locally Connected Layer; LeCun 1989, "Generalization and Network Design
Strategies", whose "Net-3" has two such layers below ten outputs. Departures from Net-3: images of 28 x 28 instead of 16 x 16,
with windows and filters to match; ReLU instead of the sigmoid; dropout is an option, off by default.
"""

import keras
from keras import layers

from zoo.layers import LocallyConnected2D
from zoo.shapes import require_fixed_size


def locally_connected_net(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    filters: tuple[int, ...] = (8, 32),
    kernel_size: int = 5,
    dropout: float = 0.0,
    augmentation: layers.Layer | None = None,
    name: str = "locally_connected_net",
) -> keras.Model:
    """Builds the network: 137,994 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of filters at each position, for each layer; the windows of a layer are two pixels apart.
        kernel_size: Height and width of each window.
        dropout: Fraction of the last layer's outputs dropped in training.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If the images are too small for the windows or do not have a fixed size.

    Example:
        >>> locally_connected_net().count_params()
        137994
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(filters, start=1):
        local = LocallyConnected2D(width, kernel_size, 2, activation="relu", kernel_initializer="he_normal", name=f"local{index}")
        x = local(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
