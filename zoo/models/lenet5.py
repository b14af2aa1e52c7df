"""LeNet-5, the convolutional network that read digits on bank cheques.

Convolutions (C) and subsamplings (S) alternate, and the maps shrink from 32 x 32 to 1 x 1. A subsampling averages 2 x 2 numbers,
multiplies the mean by a trained coefficient and adds a trained bias, one of each per map. In C3 each map sees some maps of S2
only, by a table, which breaks the symmetry between them and saves weights.

Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B; deck E,
"Lecun 1998". Departures: the outputs are a linear layer with cross-entropy, not radial basis functions with fixed codes; a
coefficient multiplies the mean, not the sum, and starts at 1; the other weights are drawn by Glorot's rule.
"""

import keras
from keras import layers, ops

from zoo.layers.partially_connected import PartiallyConnectedConv2D

# Table I of the paper: for each map of C3 the maps of S2 that it sees. Six see three in a row, where the last is followed by the
# first, six see four in a row, three see four with gaps, and one sees all.
C3_CONNECTIONS = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


@keras.saving.register_keras_serializable("zoo")
def scaled_tanh(x):
    """The paper's squashing function, `1.7159 * tanh(2 / 3 * x)`, which is 1 at 1 and -1 at -1.

    Example:
        >>> round(float(scaled_tanh(keras.ops.array(1.0))), 4)
        1.0
    """
    return 1.7159 * ops.tanh(2.0 / 3.0 * x)


def lenet5(
    input_shape=(28, 28, 1),
    num_classes=10,
    padding=2,
    partial=True,
    augmentation=None,
    name="lenet5",
):
    """Builds the network: 60,850 weights by default, 61,750 with `partial=False`.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        padding: Number of zeros around the image; 2 makes 28 x 28 pixels the paper's 32 x 32, the least that the network takes.
        partial: Whether C3 has the paper's partial connections, or sees all maps.
        augmentation: A keras layer that changes the images in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes). The layers bear the
        paper's names in lower case, `c1` to `f6`.

    Raises:
        ValueError: If an image is smaller than 32 x 32 with its padding.

    Example:
        >>> lenet5().count_params(), lenet5(partial=False).count_params()
        (60850, 61750)
    """
    if min(input_shape[:2]) + 2 * padding < 32:
        raise ValueError(
            f"lenet5 needs images of 32 x 32 or more, got the input shape {tuple(input_shape)} with padding {padding}."
        )
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    x = layers.ZeroPadding2D(padding, name="pad")(x)
    # The paper's pixels: -0.1 where nothing is written and 1.175 at the darkest, so that they are about 0 in the mean.
    x = layers.Rescaling(1.275, -0.1, name="rescale")(x)
    x = layers.Conv2D(6, 5, activation=scaled_tanh, name="c1")(x)  # (28, 28, 6) for 32 x 32
    x = _subsampling(x, "s2")  # (14, 14, 6)
    if partial:
        x = PartiallyConnectedConv2D(C3_CONNECTIONS, 5, activation=scaled_tanh, name="c3")(x)  # (10, 10, 16)
    else:
        x = layers.Conv2D(16, 5, activation=scaled_tanh, name="c3")(x)
    x = _subsampling(x, "s4")  # (5, 5, 16)
    x = layers.Conv2D(120, 5, activation=scaled_tanh, name="c5")(x)  # (1, 1, 120)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(84, activation=scaled_tanh, name="f6")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def _subsampling(x, name):
    x = layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    # A depthwise convolution of 1 x 1 is a coefficient and a bias per map.
    return layers.DepthwiseConv2D(1, depthwise_initializer="ones", activation=scaled_tanh, name=name)(x)
