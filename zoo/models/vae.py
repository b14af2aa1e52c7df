"""A variational autoencoder with dense layers and a Bernoulli decoder.

The encoder computes the mean and the log-variance of a Gaussian; a coding is sampled from it; the decoder computes the logit of
each pixel. The loss, the negative evidence lower bound, is part of the graph, in nats per image.

Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes"; Burda, Grosse & Salakhutdinov 2015, "Importance Weighted
Autoencoders" (784-200-200-50, tanh); Payberah 2018, "Deep Learning for Poets (Part IV)", Variational Autoencoders (1/3 to 3/3).
No departures. The loss samples the coding in evaluation as it does in training, so that `val_loss` is the bound; the output of
the model is decoded from the mean, so that a prediction is the same in each call.
"""

import math

import keras
from keras import layers, ops

from zoo.layers import CodingGrid, FixedGaussianSamples, GaussianSampling, Interpolation, NegativeELBO, SeededNormal
from zoo.layers.elbo import bernoulli_nll, gaussian_kl
from zoo.shapes import require_fixed_size


def vae(
    input_shape: tuple[int, ...] = (28, 28, 1),
    units: tuple[int, ...] = (200, 200),
    codings: int = 50,
    activation: str = "tanh",
    augmentation: layers.Layer | None = None,
    name: str = "vae",
) -> keras.Model:
    """Builds the network: 425,284 weights by default.

    Args:
        input_shape: Shape of one image with pixels in [0, 1]; it is flattened.
        units: Width of each hidden layer of the encoder; the decoder mirrors them.
        codings: Number of dimensions of the coding.
        activation: Activation of the hidden layers.
        augmentation: A Keras layer that changes the images in training only, such as `zoo.layers.RandomBinarization`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to `logits` of the same shape, decoded from the mean
        coding. Compile it without a loss: the bound is part of the graph, and its two terms are the metrics `reconstruction` and
        `kl`. The parts are `model.get_layer("encoder")`, from image to [mean, log_variance], and `model.get_layer("decoder")`,
        from coding to logits; the other functions of this file make what is for use of them.

    Raises:
        ValueError: If the images do not have a fixed size.

    Example:
        >>> vae().count_params()
        425284
    """
    require_fixed_size(name, input_shape)
    x = image = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(x)
    for index, width in enumerate(units, start=1):
        x = layers.Dense(width, activation=activation, name=f"encoder{index}")(x)
    mean = layers.Dense(codings, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(codings, dtype="float32", name="log_variance")(x)
    encoder = keras.Model(image, [mean, log_variance], name="encoder")

    x = coding = keras.Input((codings,), name="coding")
    for index, width in enumerate(reversed(units), start=1):
        x = layers.Dense(width, activation=activation, name=f"decoder{index}")(x)
    x = layers.Dense(math.prod(input_shape), dtype="float32", name="pixels")(x)
    decoder = keras.Model(coding, layers.Reshape(input_shape, dtype="float32", name="shape")(x), name="decoder")
    return whole(encoder, decoder, augmentation, name)


def whole(encoder, decoder, augmentation, name):
    """A variational autoencoder of its two halves.

    Args:
        encoder: A `keras.Model` from `image` to [mean, log_variance], named "encoder".
        decoder: A `keras.Model` from `coding` to the logits of the pixels, named "decoder".
        augmentation: A Keras layer that changes the images in training only, or None.
        name: Name of the model.

    Returns:
        What `vae` returns.
    """
    x = inputs = keras.Input(encoder.input.shape[1:], name="image")
    if augmentation is not None:
        x = augmentation(x)
    mean, log_variance = encoder(x)
    sampled = GaussianSampling(dtype="float32", name="sampling")(mean, log_variance)
    outputs = NegativeELBO(dtype="float32", name="logits")(decoder(mean), x, decoder(sampled), mean, log_variance)
    return VariationalAutoencoder(inputs, outputs, name=name)


@keras.saving.register_keras_serializable("zoo")
class VariationalAutoencoder(keras.Model):
    """A functional model that reports the two losses of its `NegativeELBO` as the metrics `reconstruction` and `kl`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_parts = [keras.metrics.Mean(name="reconstruction"), keras.metrics.Mean(name="kl")]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        # Here and not in the layer's `call`: on JAX, Keras tracks metrics in this method only.
        for metric, loss in zip(self.loss_parts, self.losses):
            metric.update_state(loss)
        return super().compute_loss(x, y, y_pred, sample_weight, training)


def encoder(model: keras.Model) -> keras.Model:
    """The half from image to the Gaussian of its coding, sharing the weights of `model`.

    Args:
        model: A model from `vae` or `conv_vae`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`mean`: (batch, codings); `log_variance`: (batch, codings)}.

    Example:
        >>> encoder(vae()).output["mean"].shape
        (None, 50)
    """
    part = model.get_layer("encoder")
    mean, log_variance = part.outputs
    return keras.Model(part.input, {"mean": mean, "log_variance": log_variance}, name="encoder")


def decoder(model: keras.Model) -> keras.Model:
    """The half from coding to image, sharing the weights of `model`.

    Args:
        model: A model from `vae` or `conv_vae`.

    Returns:
        A `keras.Model` from `coding` (batch, codings) to {`reconstruction`: (batch, *input_shape)}, the probability of each
        pixel, in [0, 1].

    Example:
        >>> decoder(vae()).output["reconstruction"].shape
        (None, 28, 28, 1)
    """
    part = model.get_layer("decoder")
    return keras.Model(part.input, {"reconstruction": ops.sigmoid(part.output)}, name="decoder")


def sampler(model: keras.Model) -> keras.Model:
    """Generates new images from codings of the prior, the standard normal distribution, sharing the weights of `model`.

    The same seed gives the same images on every backend and runtime. JAX cannot compile it, because `count` determines a shape.

    Args:
        model: A model from `vae` or `conv_vae`.

    Returns:
        A `keras.Model` from [`count` (), `seed` ()], int32, the seed 0 or more, or a dictionary of them, to
        {`image`: (count, *input_shape)}, the probability of each pixel, in [0, 1].

    Example:
        >>> inputs = {"count": keras.ops.array(5), "seed": keras.ops.array(1)}
        >>> tuple(sampler(vae())(inputs)["image"].shape)
        (5, 28, 28, 1)
    """
    part = model.get_layer("decoder")
    count = keras.Input(batch_shape=(), dtype="int32", name="count")
    seed = keras.Input(batch_shape=(), dtype="int32", name="seed")
    coding = SeededNormal(part.input.shape[-1], dtype="float32", name="prior")(count, seed)
    return keras.Model([count, seed], {"image": ops.sigmoid(part(coding))}, name="sampler")


def reconstructor(model: keras.Model) -> keras.Model:
    """Encodes images and decodes their mean codings, sharing the weights of `model`.

    Args:
        model: A model from `vae` or `conv_vae`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`reconstruction`: same shape, the probability of each pixel, in
        [0, 1]; `coding`: (batch, codings), the mean}.

    Example:
        >>> reconstructor(vae()).output["coding"].shape
        (None, 50)
    """
    part = model.get_layer("encoder")
    mean, _ = part.outputs
    reconstruction = ops.sigmoid(model.get_layer("decoder")(mean))
    return keras.Model(part.input, {"reconstruction": reconstruction, "coding": mean}, name="reconstructor")


def anomaly(model: keras.Model, samples: int = 8) -> keras.Model:
    """How unlikely images are: the negative evidence lower bound, sharing the weights of `model`.

    The mean over the coding is taken over `zoo.layers.FixedGaussianSamples`, so that the answer is the same in each call and in
    every exported file.

    Args:
        model: A model from `vae` or `conv_vae`.
        samples: Number of codings of each image, even, at least 4.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to {`negative_elbo`: (batch,)}, nats per image.

    Example:
        >>> anomaly(vae()).output["negative_elbo"].shape
        (None,)
    """
    image = keras.Input(model.input.shape[1:], name="image")
    mean, log_variance = model.get_layer("encoder")(image)
    codings = FixedGaussianSamples(samples, dtype="float32", name="samples")(mean, log_variance)  # (batch, samples, codings)
    logits = model.get_layer("decoder")(ops.reshape(codings, (-1, mean.shape[-1])))
    nll = bernoulli_nll(ops.repeat(image, samples, axis=0), logits)
    reconstruction = ops.mean(ops.reshape(nll, (-1, samples)), axis=1)
    return keras.Model(image, {"negative_elbo": reconstruction + gaussian_kl(mean, log_variance)}, name="anomaly")


def interpolator(model: keras.Model) -> keras.Model:
    """The images on the way from one to another: codings on the straight line between their means, decoded.

    JAX cannot compile it, because `steps` determines a shape.

    Args:
        model: A model from `vae` or `conv_vae`, of images (height, width, channels).

    Returns:
        A `keras.Model` from [`image_a`, `image_b` (batch, height, width, channels), `steps` () int32, at least 2], or a
        dictionary of them, to {`interpolation`: (batch, height, steps * width, channels)}, the probability of each pixel, the
        images side by side.

    Example:
        >>> image = keras.ops.zeros((1, 28, 28, 1))
        >>> inputs = {"image_a": image, "image_b": image, "steps": keras.ops.array(5)}
        >>> tuple(interpolator(vae())(inputs)["interpolation"].shape)
        (1, 28, 140, 1)
    """
    part = model.get_layer("encoder")
    images = [keras.Input(part.input.shape[1:], name=f"image_{which}") for which in "ab"]
    steps = keras.Input(batch_shape=(), dtype="int32", name="steps")
    (first, _), (last, _) = (part(image) for image in images)
    strip = Interpolation(decoder(model), dtype="float32", name="interpolation")(first, last, steps)
    return keras.Model([*images, steps], {"interpolation": strip}, name="interpolator")


def latent_map(model: keras.Model, extent: float = 2.0) -> keras.Model:
    """The map of a two-dimensional coding: the images of a square grid of codings, sharing the weights of `model`.

    The first image is that of the coding (-extent, extent), at the top left, the last that of (extent, -extent). JAX cannot
    compile it, because `columns` determines a shape.

    Args:
        model: A model from `vae` or `conv_vae` with two codings.
        extent: The largest coordinate; 95 % of the prior's coordinates lie between -2 and 2.

    Returns:
        A `keras.Model` from `columns` () int32, at least 1, or a dictionary of it, to {`image`: (columns * columns,
        *input_shape), the probability of each pixel; `coding`: (columns * columns, 2)}.

    Raises:
        ValueError: If the coding does not have two dimensions.

    Example:
        >>> tuple(latent_map(vae(codings=2))({"columns": keras.ops.array(3)})["image"].shape)
        (9, 28, 28, 1)
    """
    part = model.get_layer("decoder")
    width = part.input.shape[-1]
    if width != 2:
        raise ValueError(f"a map needs a coding of 2 dimensions, got {width}; build the network with codings=2.")
    columns = keras.Input(batch_shape=(), dtype="int32", name="columns")
    coding = CodingGrid(extent, dtype="float32", name="grid")(columns)
    return keras.Model(columns, {"image": ops.sigmoid(part(coding)), "coding": coding}, name="latent_map")


def endpoints(model: keras.Model) -> dict:
    """What can be asked of the network, {name: `keras.Model`}; of a two-dimensional coding also its map.

    Args:
        model: A model from `vae` or `conv_vae`.
    """
    is_plane = model.get_layer("decoder").input.shape[-1] == 2
    return {
        "serving_default": reconstructor(model),
        "encode": encoder(model),
        "decode": decoder(model),
        "sample": sampler(model),
        "interpolate": interpolator(model),
        "anomaly": anomaly(model),
        **({"map": latent_map(model)} if is_plane else {}),
    }


def negative_log_likelihood(model: keras.Model, images, samples: int = 5000, chunk: int = 250, seed: int = 0):
    """Estimates -log p(image) by importance sampling from the Gaussian of the encoder.

    The estimate `-log mean_k p(image | z_k) p(z_k) / q(z_k | image)` is an upper bound in expectation, which decreases towards
    the true value as `samples` grows; with one sample it is the negative evidence lower bound.

    Source: Burda, Grosse & Salakhutdinov 2015, "Importance Weighted Autoencoders", section 5 (5000 samples).

    Args:
        model: A model from `vae`, or another whose parts have the same names. Its layer `logits` tells the likelihood.
        images: `(batch, *input_shape)`: for a Bernoulli decoder binary pixels.
        samples: Number of codings sampled per image.
        chunk: Number of codings sampled at a time; it limits the memory, to `batch x chunk` images.
        seed: Integer seed of the samples.

    Returns:
        `(batch,)` float32, nats per image.

    Raises:
        ValueError: If `samples` is larger than `chunk` and not a multiple of it.

    Example:
        >>> model = vae(input_shape=(2, 2, 1), units=(3,), codings=1)
        >>> tuple(negative_log_likelihood(model, keras.ops.ones((4, 2, 2, 1)), samples=10).shape)
        (4,)
    """
    chunk = min(chunk, samples)
    if samples % chunk:
        raise ValueError(f"`samples` must be a multiple of `chunk`, got {samples} and {chunk}.")
    seeds = keras.random.SeedGenerator(seed)
    mean, log_variance = model.get_layer("encoder")(images)
    total = ops.full((len(images),), -float("inf"))
    for _ in range(samples // chunk):
        noise = keras.random.normal((chunk, *mean.shape), seed=seeds)
        total = ops.logaddexp(total, _log_weights(model, images, mean, log_variance, noise))
    return float(ops.log(float(samples))) - total


def _log_weights(model, images, mean, log_variance, noise):
    """Log sum_k p(image | z_k) p(z_k) / q(z_k | image) over the codings z_k made of `noise` (chunk, batch, codings)."""
    coding = mean + ops.exp(0.5 * log_variance) * noise
    decoded = model.get_layer("decoder")(ops.reshape(coding, (-1, coding.shape[-1])))  # (chunk * batch, *input_shape)
    repeated = ops.tile(images, (len(noise), *[1] * (len(images.shape) - 1)))
    log_likelihood = ops.reshape(-model.get_layer("logits").nll(repeated, decoded), (len(noise), -1))  # (chunk, batch)
    # The normalising constants of prior and posterior cancel out, except for the variances.
    log_prior = -0.5 * ops.sum(ops.square(coding), axis=-1)
    log_posterior = -0.5 * ops.sum(ops.square(noise) + log_variance, axis=-1)
    return ops.logsumexp(log_likelihood + log_prior - log_posterior, axis=0)
