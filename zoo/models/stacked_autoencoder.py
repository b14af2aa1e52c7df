"""A stacked autoencoder: dense layers that narrow to a coding and widen again to a reconstruction.

With `tied=True` the kernels of the decoder are the transposed kernels of the encoder, which halves the number of weights; the
decoder has its own biases. It is trained as a whole, or first one layer after the other, each as a shallow autoencoder of the
codings before it.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Stacked Autoencoders (1/3 to 3/3): 784-300-150-300-784, ELU, tied
weights, a linear output; He initialisation and L2 as in Géron 2017, "Hands-On Machine Learning with Scikit-Learn and TensorFlow",
chapter 15. No departures.
"""

import math

import keras
from keras import layers

from zoo.layers import Interpolation, TiedDense
from zoo.shapes import require_fixed_size


def stacked_autoencoder(
    input_shape: tuple[int, ...] = (28, 28, 1),
    units: tuple[int, ...] = (300, 150),
    tied: bool = True,
    activation: str = "elu",
    l2: float = 1e-4,
    name: str = "stacked_autoencoder",
) -> keras.Model:
    """Builds the network: 281,734 weights by default, 561,934 with `tied=False`.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        units: Width of each encoder layer, the last being the coding; the decoder mirrors the others.
        tied: Whether the decoder uses the transposed kernels of the encoder.
        activation: Activation of every layer but the last, which is linear.
        l2: Weight of the L2 penalty on every kernel; a tied kernel counts once.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `reconstruction` of the same shape. The coding is the
        output of the layer `codings`; `encoder(model)` and `decoder(model)` are the two halves.

    Raises:
        ValueError: If `units` is empty or the examples do not have a fixed size.

    Example:
        >>> stacked_autoencoder().count_params(), stacked_autoencoder(tied=False).count_params()
        (281734, 561934)
    """
    require_fixed_size(name, input_shape)
    if not units:
        raise ValueError("`units` of stacked_autoencoder must have at least one number, the width of the coding, got none.")
    size = math.prod(input_shape)
    options = {"kernel_initializer": "he_normal", "kernel_regularizer": keras.regularizers.L2(l2)}
    last = len(units)

    x = inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    encoding = []
    for index, width in enumerate(units, start=1):
        if tied:
            back = activation if index > 1 else None
            layer = TiedDense(width, activation, reverse_activation=back, name=f"encoder{index}", **options)
        else:
            layer = layers.Dense(width, activation=activation, name=f"encoder{index}", **options)
        encoding.append(layer)
        x = layer(x)
    x = layers.Identity(name="codings")(x)
    for index, width in zip(range(last, 0, -1), (*reversed(units[:-1]), size)):
        if tied:
            x = encoding[index - 1](x, reverse=True)
        else:
            out = activation if index > 1 else None
            x = layers.Dense(width, activation=out, name=f"decoder{last + 1 - index}", **options)(x)
    outputs = layers.Reshape(input_shape, dtype="float32", name="reconstruction")(x)
    return keras.Model(inputs, outputs, name=name)


def reconstructor(model: keras.Model) -> keras.Model:
    """The whole network with its coding as a second output, sharing the weights of `model`.

    Args:
        model: A model from `stacked_autoencoder`, `denoising_autoencoder` or `sparse_autoencoder`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`reconstruction`: same shape; `coding`: (batch, units[-1])}.

    Example:
        >>> list(reconstructor(stacked_autoencoder()).output)
        ['reconstruction', 'coding']
    """
    outputs = {"reconstruction": model.output, "coding": model.get_layer("codings").output}
    return keras.Model(model.input, outputs, name="reconstructor")


def encoder(model: keras.Model) -> keras.Model:
    """The half from image to coding, sharing the weights of `model`.

    Args:
        model: A model from `stacked_autoencoder`, `denoising_autoencoder` or `sparse_autoencoder`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`coding`: (batch, units[-1])}.

    Example:
        >>> encoder(stacked_autoencoder()).output["coding"].shape
        (None, 150)
    """
    return keras.Model(model.input, {"coding": model.get_layer("codings").output}, name="encoder")


def decoder(model: keras.Model) -> keras.Model:
    """The half from coding to image, sharing the weights of `model`.

    Args:
        model: A model from `stacked_autoencoder`, `denoising_autoencoder` or `sparse_autoencoder`.

    Returns:
        A `keras.Model` from `coding` (batch, units[-1]) to {`reconstruction`: (batch, *input_shape)}.

    Example:
        >>> decoder(stacked_autoencoder()).output["reconstruction"].shape
        (None, 28, 28, 1)
    """
    names = {layer.name for layer in model.layers}
    count = _depth(model)
    x = coding = keras.Input(model.get_layer("codings").output.shape[1:], name="coding")
    for index in range(1, count + 1):
        if "decoder1" in names:
            x = model.get_layer(f"decoder{index}")(x)
        else:
            x = model.get_layer(f"encoder{count + 1 - index}")(x, reverse=True)
    return keras.Model(coding, {"reconstruction": model.get_layer("reconstruction")(x)}, name="decoder")


def interpolator(model: keras.Model) -> keras.Model:
    """The pictures on the way from one to another: codings on the straight line between theirs, decoded.

    JAX cannot compile it, because `steps` determines a shape.

    Args:
        model: A model from `stacked_autoencoder`, `denoising_autoencoder` or `sparse_autoencoder`.

    Returns:
        A `keras.Model` from [`image_a`, `image_b` (batch, height, width, channels), `steps` () int32, at least 2], or a
        dictionary of them, to {`interpolation`: (batch, height, steps * width, channels)}, side by side.

    Example:
        >>> image = keras.ops.zeros((1, 28, 28, 1))
        >>> inputs = {"image_a": image, "image_b": image, "steps": keras.ops.array(5)}
        >>> tuple(interpolator(stacked_autoencoder())(inputs)["interpolation"].shape)
        (1, 28, 140, 1)
    """
    encode, decode = encoder(model), decoder(model)
    images = [keras.Input(model.input.shape[1:], name=f"image_{which}") for which in "ab"]
    steps = keras.Input(batch_shape=(), dtype="int32", name="steps")
    first, last = (encode(image)["coding"] for image in images)
    strip = Interpolation(decode, name="interpolation")(first, last, steps)
    return keras.Model([*images, steps], {"interpolation": strip}, name="interpolator")


def endpoints(model: keras.Model) -> dict:
    """What can be asked of the network, {name: `keras.Model`}.

    Args:
        model: A model from `stacked_autoencoder`, `denoising_autoencoder` or `sparse_autoencoder`.
    """
    return {
        "serving_default": reconstructor(model),
        "encode": encoder(model),
        "decode": decoder(model),
        "interpolate": interpolator(model),
    }


def shallow_autoencoder(model, index):
    """One layer of `model` as an autoencoder of its own, sharing its weights: the layer's codings and back.

    Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Stacked Autoencoders; Hinton & Salakhutdinov 2006, "Reducing the
    Dimensionality of Data with Neural Networks", for training one layer after the other.

    Args:
        model: A model from `stacked_autoencoder`.
        index: Number of the encoder layer, from 1.

    Returns:
        An uncompiled `keras.Model` from `codings` (batch, width of the layer before) to `reconstruction` of the same shape. Layer
        1 reads the flattened image.

    Example:
        >>> shallow_autoencoder(stacked_autoencoder(), 2).count_params()  # 300 x 150, and a bias for either direction
        45450
    """
    layer = model.get_layer(f"encoder{index}")
    inputs = keras.Input(layer.input.shape[1:], name="codings")
    coding = layer(inputs)
    tied = isinstance(layer, TiedDense)
    x = layer(coding, reverse=True) if tied else model.get_layer(f"decoder{_depth(model) + 1 - index}")(coding)
    return keras.Model(inputs, layers.Identity(dtype="float32", name="reconstruction")(x), name=f"shallow{index}")


def layer_inputs(model, index):
    """What an encoder layer of `model` reads, sharing the weights of the layers before it.

    Args:
        model: A model from `stacked_autoencoder`.
        index: Number of the encoder layer, from 1.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`codings`: (batch, width of the layer before)}.

    Example:
        >>> layer_inputs(stacked_autoencoder(), 2).output["codings"].shape
        (None, 300)
    """
    before = "flatten" if index == 1 else f"encoder{index - 1}"
    return keras.Model(model.input, {"codings": model.get_layer(before).output}, name="layer_inputs")


def _depth(model):
    """The number of encoder layers."""
    return sum(layer.name.startswith("encoder") for layer in model.layers)
