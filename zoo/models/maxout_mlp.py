"""A multilayer perceptron of maxout units: each is the largest of several affine maps of its inputs.

Source: Goodfellow et al. 2013, "Maxout Networks" (two maxout layers with dropout, for permutation-invariant MNIST); Dibeklioğlu
2025, GE 461 "Deep Learning", Maxout: max(w1 . x + b1, w2 . x + b2). Departures from the paper: smaller layers, no constraint on
the norms of the weights, and no dropout of the inputs.
"""

import keras
from keras import layers

from zoo.layers import Maxout
from zoo.shapes import require_fixed_size


def maxout_mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    num_classes: int = 10,
    units: tuple[int, ...] = (192, 192),
    pieces: int = 2,
    dropout: float = 0.5,
    name: str = "maxout_mlp",
) -> keras.Model:
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
        ValueError: If a layer has no units, `pieces` is smaller than 1, or the examples do not have a fixed size.

    Example:
        >>> maxout_mlp().count_params()
        377482
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        x = Maxout(width, pieces, name=f"maxout{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
