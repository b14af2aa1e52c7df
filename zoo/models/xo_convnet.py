"""A toy convolutional network that tells an X from an O.

Three 3 x 3 filters that are given, not learned: the two strokes of an X and their crossing. Each is laid over every place of the
image and gives the mean of the products, 1 where all nine pixels match. ReLU and max pooling keep where the matches are. A second
round of the same three layers has learned filters, and its twelve numbers vote for X or O.

Source: deck B, "A Toy ConvNet: X's and O's"; Rohrer 2016, "How do Convolutional Neural Networks work?". Departures: the deck
names no filters for its second round, so these are trained, as are the votes, which are logits.
"""

import keras
from keras import layers, ops

# 1 and -1 stand for light and dark, as in the image.
FILTERS = (
    ((1, -1, -1), (-1, 1, -1), (-1, -1, 1)),
    ((1, -1, 1), (-1, 1, -1), (1, -1, 1)),
    ((-1, -1, 1), (-1, 1, -1), (1, -1, -1)),
)


@keras.saving.register_keras_serializable("zoo")
def mean_filters(shape, dtype=None):
    """The initializer of a convolution with `FILTERS` that gives means, not sums, of products.

    Args:
        shape: (3, 3, 1, 3).
        dtype: Name of a floating-point type.

    Returns:
        A tensor of `shape`.
    """
    return ops.reshape(ops.transpose(ops.array(FILTERS, dtype), (1, 2, 0)) / 9, shape)


def xo_convnet(input_shape=(9, 9, 1), num_classes=2, filters=3, trainable_filters=False, name="xo_convnet"):
    """Builds the network: 137 weights by default, of which 110 are trained.

    Args:
        input_shape: Height, width and 1, for one image with pixels in [-1, 1]; at least 3 x 3.
        num_classes: Number of classes.
        filters: Number of 3 x 3 filters of the second round, which are trained.
        trainable_filters: Whether the three filters are trained on; at first they are the deck's.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes). The layers `conv1`,
        `relu1` and `pool1` give the filtered, rectified and pooled maps.

    Raises:
        ValueError: If the image has more than one channel, or, from Keras, if it is smaller than a filter.

    Example:
        >>> xo_convnet().count_params()
        137
    """
    if input_shape[-1] != 1:
        raise ValueError(f"the filters of xo_convnet are for images of one channel, got the input shape {tuple(input_shape)}.")
    x = inputs = keras.Input(input_shape, name="image")
    given = {"use_bias": False, "kernel_initializer": mean_filters, "trainable": trainable_filters}
    x = layers.Conv2D(len(FILTERS), 3, **given, name="conv1")(x)  # (7, 7, 3) for 9 x 9
    x = layers.ReLU(name="relu1")(x)
    # Windows that reach over the edge count, too: 7 x 7 becomes 4 x 4.
    x = layers.MaxPooling2D(padding="same", name="pool1")(x)
    x = layers.Conv2D(filters, 3, padding="same", name="conv2")(x)
    x = layers.ReLU(name="relu2")(x)
    x = layers.MaxPooling2D(padding="same", name="pool2")(x)  # (2, 2, filters)
    x = layers.Flatten(name="flatten")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
