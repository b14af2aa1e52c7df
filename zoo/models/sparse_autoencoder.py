"""A sparse autoencoder: a wide coding of which only a few units are active for a picture.

A penalty on active units, and not the width of the coding, keeps it from copying its inputs.

Source: Kwak 2016, "Introduction to CNNs and RNNs", Sparsity in the hidden units; Ng 2011, "Sparse autoencoder", for the penalty;
Géron 2017, "Hands-On Machine Learning with Scikit-Learn and TensorFlow", chapter 15, for the logistic coding. No departures.
"""

import math

import keras
from keras import layers

from zoo.layers import Sparsity
from zoo.shapes import require_fixed_size


def sparse_autoencoder(
    input_shape: tuple[int, ...] = (28, 28, 1),
    units: int = 300,
    penalty: str = "kl",
    strength: float = 1e-3,
    rate: float = 0.05,
    name: str = "sparse_autoencoder",
) -> keras.Model:
    """Builds the network: 471,484 weights by default.

    Args:
        input_shape: Shape of one picture with pixels in [0, 1]; it is flattened.
        units: Width of the coding.
        penalty: What keeps the coding sparse: "kl", the divergence of each unit's mean activation from `rate`, or "l1", the sum
            of the activations of a picture.
        strength: Weight of the penalty in the loss.
        rate: Target of the mean activation, for "kl".
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `reconstruction` of the same shape, in [0, 1]. The
        coding, in [0, 1], is the output of the layer `codings`. The penalty is part of the graph, beside the loss that it is
        compiled with. The functions `reconstructor`, `encoder`, `decoder` and `interpolator` of `zoo.models.stacked_autoencoder`
        make its parts.

    Raises:
        ValueError: If an argument is unknown or not in its range, or the pictures do not have a fixed size.

    Example:
        >>> sparse_autoencoder().count_params()
        471484
    """
    require_fixed_size(name, input_shape)
    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="sigmoid", name="encoder1")(x)
    x = Sparsity(penalty, strength, rate, dtype="float32", name="codings")(x)
    x = layers.Dense(math.prod(input_shape), activation="sigmoid", name="decoder1")(x)
    outputs = layers.Reshape(input_shape, dtype="float32", name="reconstruction")(x)
    return keras.Model(inputs, outputs, name=name)
