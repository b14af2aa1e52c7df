"""A denoising autoencoder: it sees damaged pictures in training, and learns to give back the whole ones.

The damage is Gaussian noise, or inputs that are switched off. Outside training nothing is added: what is given is taken for the
picture to be cleaned.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Denoising Autoencoders (1/3 to 3/3): 784-300-150-300-784, ReLU;
Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and Composing Robust Features with Denoising Autoencoders". Departure:
the outputs are logistic instead of linear, because pixels lie in [0, 1].
"""

import math

import keras
from keras import layers

from zoo.layers import MaskingNoise
from zoo.shapes import require_fixed_size


def denoising_autoencoder(
    input_shape: tuple[int, ...] = (28, 28, 1),
    units: tuple[int, ...] = (300, 150),
    corruption: str = "gaussian",
    amount: float = 1.0,
    activation: str = "relu",
    name: str = "denoising_autoencoder",
) -> keras.Model:
    """Builds the network: 561,934 weights by default.

    Args:
        input_shape: Shape of one picture with pixels in [0, 1]; it is flattened.
        units: Width of each encoder layer, the last being the coding; the decoder mirrors the others.
        corruption: "gaussian" for noise that is added to each pixel, or "masking" for pixels that are switched off.
        amount: Standard deviation of the noise, at least 0; or the share of the pixels that are switched off, at least 0 and less
            than 1.
        activation: Activation of every layer but the last, which is logistic.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape), clean in training and damaged in use, to `reconstruction`
        of the same shape, in [0, 1]. The coding is the output of the layer `codings`. The functions `reconstructor`, `encoder`,
        `decoder` and `interpolator` of `zoo.models.stacked_autoencoder` make its parts.

    Raises:
        ValueError: If `units` is empty, `corruption` is unknown, `amount` is not in its range, or the pictures have no fixed
            size.

    Example:
        >>> denoising_autoencoder().count_params()
        561934
    """
    require_fixed_size(name, input_shape)
    if not units:
        raise ValueError(f"`units` of {name} must have at least one number, the width of the coding, got none.")
    options = {"activation": activation, "kernel_initializer": "he_normal"}

    x = inputs = keras.Input(input_shape, name="image")
    x = _damage(corruption, amount)(x)
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        x = layers.Dense(width, name=f"encoder{index}", **options)(x)
    x = layers.Identity(name="codings")(x)
    for index, width in enumerate(reversed(units[:-1]), start=1):
        x = layers.Dense(width, name=f"decoder{index}", **options)(x)
    x = layers.Dense(math.prod(input_shape), activation="sigmoid", name=f"decoder{len(units)}")(x)
    outputs = layers.Reshape(input_shape, dtype="float32", name="reconstruction")(x)
    return keras.Model(inputs, outputs, name=name)


def _damage(corruption, amount):
    """The layer that damages pictures in training."""
    if corruption == "gaussian":
        if not amount >= 0:
            raise ValueError(f"`amount` of Gaussian noise must be at least 0, got {amount}.")
        return layers.GaussianNoise(amount, name="noise")
    if corruption == "masking":
        return MaskingNoise(amount, name="noise")
    raise ValueError(f'`corruption` must be "gaussian" or "masking", got {corruption!r}.')
