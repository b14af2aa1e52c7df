"""A toy convolutional network that tells an X from an O.

Its first three 3 x 3 filters are given, not learned: the two strokes of an X and their crossing. At each position a filter
computes the mean of the products with the image, which is 1 where all nine pixels match. ReLU and max pooling keep the places of
the matches. A second stage of the same three layers has learned filters, and its twelve outputs vote for X or O.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", A Toy ConvNet: X's and O's; Rohrer 2016, "How do Convolutional Neural
Networks work?". Departures: the slides give no filters for the second stage, so these are trained, and so are the votes, which
are logits.
"""

import keras
from keras import layers, ops

from zoo.shapes import require_fixed_size

# 1 is light and -1 is dark, as in the image.
FILTERS = (
    ((1, -1, -1), (-1, 1, -1), (-1, -1, 1)),
    ((1, -1, 1), (-1, 1, -1), (1, -1, 1)),
    ((-1, -1, 1), (-1, 1, -1), (1, -1, -1)),
)


@keras.saving.register_keras_serializable("zoo")
def mean_filters(shape, dtype=None):
    """Initializes a convolution with `FILTERS`, divided by 9 so that its outputs are means of products, not sums.

    Args:
        shape: (3, 3, 1, 3).
        dtype: Name of a floating-point type.

    Returns:
        A tensor of `shape`.
    """
    return ops.reshape(ops.transpose(ops.array(FILTERS, dtype), (1, 2, 0)) / 9, shape)


def xo_convnet(
    input_shape: tuple[int, int, int] = (9, 9, 1),
    num_classes: int = 2,
    filters: int = 3,
    trainable_filters: bool = False,
    name: str = "xo_convnet",
) -> keras.Model:
    """Builds the network: 137 weights by default, of which 110 are trained.

    Args:
        input_shape: Height, width and 1, for one image with pixels in [-1, 1]; at least 3 x 3.
        num_classes: Number of classes.
        filters: Number of 3 x 3 filters of the second stage, which are trained.
        trainable_filters: Whether the three filters of the first stage are trained as well, starting from the given ones.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes). The layers `conv1`,
        `relu1` and `pool1` output the filtered, rectified and pooled maps.

    Raises:
        ValueError: If the images have more than one channel or no fixed size, or, from Keras, are smaller than a filter.

    Example:
        >>> xo_convnet().count_params()
        137
    """
    require_fixed_size(name, input_shape)
    if input_shape[-1] != 1:
        raise ValueError(f"{name} needs images with one channel, got the input shape {tuple(input_shape)}.")
    x = inputs = keras.Input(input_shape, name="image")
    given = {"use_bias": False, "kernel_initializer": mean_filters, "trainable": trainable_filters}
    x = layers.Conv2D(len(FILTERS), 3, **given, name="conv1")(x)  # (7, 7, 3) for 9 x 9
    x = layers.ReLU(name="relu1")(x)
    # Incomplete windows at the border count, too: 7 x 7 becomes 4 x 4.
    x = layers.MaxPooling2D(padding="same", name="pool1")(x)
    x = layers.Conv2D(filters, 3, padding="same", name="conv2")(x)
    x = layers.ReLU(name="relu2")(x)
    x = layers.MaxPooling2D(padding="same", name="pool2")(x)  # (2, 2, filters)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
