"""A siamese network: two towers with the same weights, and the distance between their embeddings of two images.

Trained with a contrastive loss, it places images with the same content near each other and other images far apart, including
images that it has never seen.

Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Metric/Contrastive Learning; Hadsell, Chopra & LeCun 2006, "Dimensionality
Reduction by Learning an Invariant Mapping" (a small convolutional tower, the loss). Departures: a convolutional tower where the
embedding of the slides is linear, w . x; ReLU where the paper has tanh.
"""

import keras
from keras import layers, ops

from zoo.layers import EuclideanDistance, UnitLength
from zoo.shapes import require_fixed_size


def siamese_network(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: tuple[int, ...] = (16, 32),
    units: int = 128,
    embedding: int = 64,
    dropout: float = 0.0,
    normalize: bool = False,
    augmentation: layers.Layer | None = None,
    name: str = "siamese_network",
) -> keras.Model:
    """Builds the network: 87,104 weights by default, in one tower.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        filters: Number of 5 x 5 filters of each convolution; each is followed by 2 x 2 max pooling.
        units: Width of the dense layer.
        embedding: Number of dimensions of the embedding.
        dropout: Fraction of the dense layer's outputs dropped in training.
        normalize: Whether embeddings are scaled to length 1, so that no distance is above 2. Losses that reward distance without
            bound, such as `zoo.losses.sum_of_distances`, need it.
        augmentation: A Keras layer that changes the images in training only, each image independently, such as
            `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from {`image_a`, `image_b`}, both (batch, *input_shape), to `distance` (batch, 1), the
        Euclidean distance between the two embeddings. `matcher(model)` tells which pairs are the same, `embedder(model)` is the
        tower.

    Raises:
        ValueError: If the images do not have a fixed size, or, from Keras, are too small for the convolutions.

    Example:
        >>> siamese_network().count_params()
        87104
    """
    require_fixed_size(name, input_shape)
    x = image = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 5, activation="relu", name=f"conv{index}")(x)
        x = layers.MaxPooling2D(name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    # A bias would cancel out in the difference.
    x = layers.Dense(embedding, use_bias=False, dtype="float32", name="embedding")(x)
    if normalize:
        x = UnitLength(name="unit_length")(x)
    tower = keras.Model(image, x, name="tower")

    pair = {side: keras.Input(input_shape, name=side) for side in ("image_a", "image_b")}
    outputs = EuclideanDistance(name="distance")([tower(image) for image in pair.values()])
    return keras.Model(pair, outputs, name=name)


def matcher(model: keras.Model, threshold: float = 0.5) -> keras.Model:
    """Tells whether two images have the same content, sharing the weights of `model`.

    Args:
        model: A model from `siamese_network`.
        threshold: Distance below which two images are the same; by default half the margin of the loss.

    Returns:
        A `keras.Model` from {`image_a`, `image_b`}, both (batch, *input_shape), to {`distance`: (batch,); `same`: (batch,) int32,
        1 or 0}.

    Example:
        >>> list(matcher(siamese_network()).output)
        ['distance', 'same']
    """
    distance = ops.squeeze(model.output, axis=-1)
    return keras.Model(model.input, {"distance": distance, "same": ops.cast(distance < threshold, "int32")}, name="matcher")


def embedder(model: keras.Model) -> keras.Model:
    """The tower, sharing the weights of `model`: it gives images with the same content similar embeddings.

    Args:
        model: A model from `siamese_network`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`embedding`: (batch, embedding)}.

    Example:
        >>> embedder(siamese_network()).output["embedding"].shape
        (None, 64)
    """
    tower = model.get_layer("tower")
    return keras.Model(tower.input, {"embedding": tower.output}, name="embedder")
