"""A variational autoencoder with convolutions, by default with a two-dimensional coding, which can be drawn as a map.

Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes", with its picture of two-dimensional codings; Payberah 2018,
"Deep Learning for Poets (Part IV)", Variational Autoencoders (1/3 to 3/3), for the loss; Radford, Metz & Chintala 2015,
"Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", for strided and transposed
convolutions in place of pooling. Departure from the last: there is no batch normalisation, so that the bound of an image does not
depend on the others of its batch.
"""

import keras
from keras import layers

from zoo.models.vae import whole
from zoo.shapes import require_fixed_size


def conv_vae(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: tuple[int, ...] = (16, 32),
    units: tuple[int, ...] = (256, 256),
    codings: int = 2,
    activation: str = "relu",
    augmentation: layers.Layer | None = None,
    name: str = "conv_vae",
) -> keras.Model:
    """Builds the network: 956,837 weights by default.

    Args:
        input_shape: (height, width, channels) of one image with pixels in [0, 1].
        filters: Number of filters of each convolution of the encoder, each of which halves height and width; the decoder mirrors
            them.
        units: Width of each dense layer between the convolutions of the encoder and the coding; the decoder mirrors them.
        codings: Number of dimensions of the coding.
        activation: Activation of the hidden layers.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.RandomBinarization`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` like that of `vae`, with the same parts and metrics. The functions of `zoo.models.vae` make
        what is for use of it.

    Raises:
        ValueError: If the images do not have a fixed size, or one that cannot be halved for each convolution.

    Example:
        >>> conv_vae().count_params()
        956837
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
    for index, count in enumerate(units, start=1):
        x = layers.Dense(count, activation=activation, name=f"encoder{index}")(x)
    mean = layers.Dense(codings, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(codings, dtype="float32", name="log_variance")(x)
    encoder = keras.Model(image, [mean, log_variance], name="encoder")

    smallest = (height // scale, width // scale, filters[-1])
    x = coding = keras.Input((codings,), name="coding")
    for index, count in enumerate(reversed(units), start=1):
        x = layers.Dense(count, activation=activation, name=f"decoder{index}")(x)
    x = layers.Dense(smallest[0] * smallest[1] * smallest[2], activation=activation, name="maps")(x)
    x = layers.Reshape(smallest, name="shape")(x)
    for index, count in enumerate(reversed(filters), start=1):
        x = layers.Conv2DTranspose(count, strides=2, activation=activation, name=f"transposed{index}", **options)(x)
    x = layers.Conv2D(channels, dtype="float32", name="pixels", **options)(x)
    return whole(encoder, keras.Model(coding, x, name="decoder"), augmentation, name)
