"""LeNet-5, the convolutional network that read digits on bank cheques.

Convolutions (C) and subsampling layers (S) alternate, and the feature maps shrink from 32 x 32 to 1 x 1. Subsampling averages
2 x 2 pixels, multiplies the mean by a trained coefficient and adds a trained bias; each map has one of both. In C3 each map is
connected to only some of the maps of S2, as listed in a table, which breaks the symmetry between them and saves weights.

Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", section II.B; Kwak 2016,
"Introduction to CNNs and RNNs", Convolutional Neural Networks. Departures: the output layer is linear, with cross-entropy, where
the paper has radial basis functions with fixed codes; the coefficients multiply the mean, not the sum, and start at 1; the other
weights have Glorot initialisation.
"""

import keras
from keras import layers, ops

from zoo.layers import PartiallyConnectedConv2D
from zoo.shapes import require_fixed_size

# Table I of the paper: for each map of C3, the maps of S2 that it is connected to. Six are connected to three maps in a row,
# counting in a circle, six to four in a row, three to four with gaps, and one to all.
C3_CONNECTIONS = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


@keras.saving.register_keras_serializable("zoo")
def scaled_tanh(x):
    """The activation of the paper, `1.7159 * tanh(2 / 3 * x)`, which is 1 at 1 and -1 at -1.

    Example:
        >>> round(float(scaled_tanh(keras.ops.array(1.0))), 4)
        1.0
    """
    return 1.7159 * ops.tanh(2.0 / 3.0 * x)


def lenet5(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    padding: int = 2,
    partial: bool = True,
    augmentation: layers.Layer | None = None,
    name: str = "lenet5",
) -> keras.Model:
    """Builds the network: 60,850 weights by default, 61,750 with `partial=False`.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        num_classes: Number of classes.
        padding: Width of the border of zeros around the image. 2 turns 28 x 28 pixels into the paper's 32 x 32, the smallest size
            that the network accepts.
        partial: Whether C3 has the partial connections of the paper; otherwise it is connected to all maps.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes). The layers
        are named as in the paper, in lower case: `c1` to `f6`.

    Raises:
        ValueError: If the images are smaller than 32 x 32 with their padding or do not have a fixed size.

    Example:
        >>> lenet5().count_params(), lenet5(partial=False).count_params()
        (60850, 61750)
    """
    require_fixed_size(name, input_shape)
    if min(input_shape[:2]) + 2 * padding < 32:
        raise ValueError(
            f"{name} needs images of 32 x 32 or larger, got the input shape {tuple(input_shape)} with padding {padding}."
        )
    x = inputs = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    x = layers.ZeroPadding2D(padding, name="pad")(x)
    # The paper's range of pixels, from -0.1 for the background to 1.175 for the stroke: their mean is about 0.
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
    # A 1 x 1 depthwise convolution is one coefficient and one bias per map.
    return layers.DepthwiseConv2D(1, depthwise_initializer="ones", activation=scaled_tanh, name=name)(x)
