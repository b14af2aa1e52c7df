"""A siamese network: two towers with the same weights, and the distance between what they see in two images.

Trained with a contrastive loss, the embeddings of two images with the same content come to lie near each other, and others apart,
also for images that the network has never seen.

Source: deck A, "Metric/Contrastive Learning"; Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant
Mapping" (a small convolutional tower, the loss). Departures: the deck's embedding is linear, w . x, and here it is a tower; ReLU
for tanh.
"""

import keras
from keras import layers, ops

from zoo.layers.euclidean_distance import EuclideanDistance


def siamese_network(
    input_shape=(28, 28, 1),
    filters=(16, 32),
    units=128,
    embedding=64,
    dropout=0.0,
    normalize=False,
    augmentation=None,
    name="siamese_network",
):
    """Builds the network: 87,104 weights by default, in one tower.

    Args:
        input_shape: Height, width and channels of one image with pixels in [0, 1].
        filters: Number of 5 x 5 filters of each convolution; each is followed by a 2 x 2 max pooling.
        units: Width of the dense layer.
        embedding: Number of dimensions of the embedding.
        dropout: Fraction of the dense layer's outputs dropped in training.
        normalize: Whether embeddings are scaled to the length 1, so that no distance is above 2. Losses that reward distance
            without a bound, such as `zoo.losses.sum_of_distances`, need it.
        augmentation: A keras layer that changes the images in training only, each in its own way, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from {`image_a`, `image_b`}, both (batch, *input_shape), to `distance` (batch, 1), the
        Euclidean distance between the two embeddings. `matcher(model)` says which pairs are the same, `embedder(model)` is the
        tower.

    Raises:
        ValueError: From Keras, if an image is too small for the convolutions.

    Example:
        >>> siamese_network().count_params()
        87104
    """
    x = image = keras.Input(input_shape, name="image")
    if augmentation is not None:
        x = augmentation(x)
    for index, width in enumerate(filters, start=1):
        x = layers.Conv2D(width, 5, activation="relu", name=f"conv{index}")(x)
        x = layers.MaxPooling2D(name=f"pool{index}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    # A bias would cancel in the difference.
    x = layers.Dense(embedding, use_bias=False, dtype="float32", name="embedding")(x)
    if normalize:
        x = layers.UnitNormalization(dtype="float32", name="unit_length")(x)
    tower = keras.Model(image, x, name="tower")

    pair = {side: keras.Input(input_shape, name=side) for side in ("image_a", "image_b")}
    outputs = EuclideanDistance(name="distance")([tower(image) for image in pair.values()])
    return keras.Model(pair, outputs, name=name)


def matcher(model, threshold=0.5):
    """Whether two images are the same, sharing the weights of `model`.

    Args:
        model: A model from `siamese_network`.
        threshold: The distance below which they are: half of the margin of the loss.

    Returns:
        A `keras.Model` from {`image_a`, `image_b`}, both (batch, *input_shape), to {`distance`: (batch,); `same`: (batch,) int32,
        1 or 0}.

    Example:
        >>> list(matcher(siamese_network()).output)
        ['distance', 'same']
    """
    distance = ops.squeeze(model.output, axis=-1)
    return keras.Model(model.input, {"distance": distance, "same": ops.cast(distance < threshold, "int32")}, name="matcher")


def embedder(model):
    """The tower, sharing the weights of `model`: near embeddings mean the same content.

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
