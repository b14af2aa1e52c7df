"""A network of local receptive fields that share no weights.

Each unit sees a small window of the layer below, as in a convolution, but every position has filters of its own. That takes many
more weights than a convolution; it suits images in which each place means something else, such as faces that are lined up.

Source: deck E, "Locally Connected Layer"; LeCun 1989, "Generalization and Network Design Strategies", whose "Net-3" has two such
layers below ten outputs. Departures: 28 x 28 images for its 16 x 16, windows and filters to match, ReLU for its sigmoids, and a
dropout that is off by default.
"""

import keras
from keras import layers

from zoo.layers.locally_connected import LocallyConnected2D


def locally_connected_net(
    input_shape=(28, 28, 1),
    num_classes=10,
    filters=(8, 32),
    kernel_size=5,
    dropout=0.0,
    augmentation=None,
    name="locally_connected_net",
):
    """Builds the network: 137,994 weights by default.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        filters: Number of filters at each position, layer by layer; each layer moves its window by two pixels.
        kernel_size: Height and width of every window.
        dropout: Fraction of the last layer's outputs dropped in training.
        augmentation: A keras layer that changes the images in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If an image is too small for the windows.

    Example:
        >>> locally_connected_net().count_params()
        137994
    """
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
