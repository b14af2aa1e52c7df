"""A multilayer perceptron of maxout units: each is the largest of several affine maps of its inputs.

Source: Goodfellow et al. 2013, "Maxout Networks" (two layers of maxout, with dropout, for MNIST without its geometry); deck A,
"Maxout", max(w1 . x + b1, w2 . x + b2). Departures from the paper: smaller layers, no bound on the norms of the weights, and no
dropout of the inputs.
"""

import keras
from keras import layers

from zoo.layers.maxout import Maxout


def maxout_mlp(
    input_shape=(28, 28, 1),
    num_classes=10,
    units=(192, 192),
    pieces=2,
    dropout=0.5,
    name="maxout_mlp",
):
    """Builds the network: 377,482 weights by default.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        num_classes: Number of classes.
        units: Width of each maxout layer, bottom to top.
        pieces: Number of affine maps per unit.
        dropout: Fraction of each maxout layer's outputs dropped in training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` (batch, num_classes).

    Raises:
        ValueError: If a layer has no units, or `pieces` is smaller than 1.

    Example:
        >>> maxout_mlp().count_params()
        377482
    """
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        x = Maxout(width, pieces, name=f"maxout{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
