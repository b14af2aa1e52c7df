"""A variational autoencoder with convolutions, by default with a two-dimensional coding, which can be drawn as a map.

Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes", and the picture of its two-dimensional codings; Payberah 2018, "Deep
Learning for Poets (Part IV)", Variational Autoencoders (1/3 to 3/3), for the loss; Radford, Metz & Chintala 2015, "Unsupervised
Representation Learning with Deep Convolutional Generative Adversarial Networks", for strided and transposed convolutions in place
of pooling. Departure: batch normalisation is left out, since a layer between the halves that looks at the whole batch would make
the bound of a picture depend on the others.
"""

import keras
from keras import layers, ops

from zoo.layers import CodingGrid
from zoo.models.vae import whole
from zoo.shapes import require_fixed_size


def conv_vae(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: tuple[int, ...] = (32, 64),
    units: int = 256,
    codings: int = 2,
    activation: str = "relu",
    augmentation: layers.Layer | None = None,
    name: str = "conv_vae",
) -> keras.Model:
    """Builds the network: 0 weights by default.

    Args:
        input_shape: (height, width, channels) of one image with pixels in [0, 1].
        filters: Number of filters of each convolution of the encoder, each of which halves height and width; the decoder mirrors
            them.
        units: Width of the dense layer beside the coding in either half.
        codings: Number of dimensions of the coding.
        activation: Activation of the hidden layers.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.RandomBinarization`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` like that of `vae`, with the same parts and metrics. The functions of `zoo.models.vae` make
        what is for use, and `latent_map` here draws a two-dimensional coding.

    Raises:
        ValueError: If the images do not have a fixed size, or one that cannot be halved for each convolution.

    Example:
        >>> conv_vae().count_params()
        0
    """
    require_fixed_size(name, input_shape)
    height, width, channels = input_shape
    scale = 2 ** len(filters)
    if height % scale or width % scale or not filters:
        raise ValueError(
            f"{name} halves its images {len(filters)} times, got {height} x {width} pixels; give multiples of {scale}, and at "
            "least one convolution."
        )
    options = {"kernel_size": 3, "padding": "same"}
    x = image = keras.Input(input_shape, name="image")
    for index, count in enumerate(filters, start=1):
        x = layers.Conv2D(count, strides=2, activation=activation, name=f"conv{index}", **options)(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, activation=activation, name="encoder_dense")(x)
    mean = layers.Dense(codings, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(codings, dtype="float32", name="log_variance")(x)
    encoder = keras.Model(image, [mean, log_variance], name="encoder")

    smallest = (height // scale, width // scale, filters[-1])
    x = coding = keras.Input((codings,), name="coding")
    x = layers.Dense(units, activation=activation, name="decoder_dense")(x)
    x = layers.Dense(smallest[0] * smallest[1] * smallest[2], activation=activation, name="maps")(x)
    x = layers.Reshape(smallest, name="shape")(x)
    for index, count in enumerate(reversed(filters), start=1):
        x = layers.Conv2DTranspose(count, strides=2, activation=activation, name=f"transposed{index}", **options)(x)
    x = layers.Conv2D(channels, dtype="float32", name="pixels", **options)(x)
    return whole(encoder, keras.Model(coding, x, name="decoder"), augmentation, name)


def latent_map(model: keras.Model, extent: float = 2.0) -> keras.Model:
    """The map of a two-dimensional coding: the images of a square grid of codings, sharing the weights of `model`.

    The first image is that of the coding (-extent, extent), at the top left, the last that of (extent, -extent). JAX cannot
    compile it, because `columns` determines a shape.

    Args:
        model: A model from `conv_vae` or `vae` with two codings.
        extent: The largest coordinate; 95 % of the prior's coordinates lie between -2 and 2.

    Returns:
        A `keras.Model` from `columns` () int32, at least 1, or a dictionary of it, to {`image`: (columns * columns, *input_shape),
        the probability of each pixel; `coding`: (columns * columns, 2)}.

    Raises:
        ValueError: If the coding does not have two dimensions.

    Example:
        >>> tuple(latent_map(conv_vae())({"columns": keras.ops.array(3)})["image"].shape)
        (9, 28, 28, 1)
    """
    part = model.get_layer("decoder")
    width = part.input.shape[-1]
    if width != 2:
        raise ValueError(f"a map needs a coding of 2 dimensions, got {width}; build the network with codings=2.")
    columns = keras.Input(batch_shape=(), dtype="int32", name="columns")
    coding = CodingGrid(extent, dtype="float32", name="grid")(columns)
    return keras.Model(columns, {"image": ops.sigmoid(part(coding)), "coding": coding}, name="latent_map")
