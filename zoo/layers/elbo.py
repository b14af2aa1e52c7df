"""The loss of a variational autoencoder as a layer inside its graph."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class NegativeELBO(keras.layers.Layer):
    """Adds the negative evidence lower bound of a decoder and a Gaussian coding to the model's losses.

    The bound is `reconstruction + kl`, both in nats per example: the decoder's negative log-likelihood of the pixels, summed over
    them, and the divergence KL(N(mean, exp(log_variance)) || N(0, 1)), summed over the coding. Both show as metrics,
    `reconstruction` and `kl`.

    Source: Kingma & Welling 2013, equation 10 and appendix B; deck B, "Variational Autoencoders (3/3)".

    Args:
        likelihood: "bernoulli", for pixels in [0, 1] and a decoder that gives logits, or "gaussian", for any values and a decoder
            that gives their means, with variance 1.

    Call arguments:
        outputs: Any tensor; passed through, so that the layer can stand on the way to the model's output.
        image: `(batch, ...)`.
        decoded: What the decoder gives; same shape as `image`.
        mean: `(batch, codings)`.
        log_variance: `(batch, codings)`.

    Returns:
        `outputs`, unchanged.

    Raises:
        ValueError: If `likelihood` is unknown.

    Example:
        >>> elbo, zeros = NegativeELBO(), keras.ops.zeros((1, 2))
        >>> _ = elbo(zeros, zeros, zeros, zeros, zeros)
        >>> round(float(elbo.losses[0]), 4)  # two pixels at probability one half: 2 log 2
        1.3863
    """

    def __init__(self, likelihood="bernoulli", **kwargs):
        super().__init__(**kwargs)
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f'`likelihood` must be "bernoulli" or "gaussian", got {likelihood!r}.')
        self.likelihood = likelihood
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def call(self, outputs, image, decoded, mean, log_variance):
        nll = bernoulli_nll if self.likelihood == "bernoulli" else gaussian_nll
        reconstruction = ops.mean(nll(image, decoded))
        kl = ops.mean(gaussian_kl(mean, log_variance))
        self.add_loss(reconstruction + kl)
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        return outputs

    def compute_output_shape(self, outputs_shape, image_shape, decoded_shape, mean_shape, log_variance_shape):
        return outputs_shape

    def get_config(self):
        return {**super().get_config(), "likelihood": self.likelihood}


def bernoulli_nll(image, logits):
    """Negative log-likelihood of the pixels under independent Bernoulli variables.

    Args:
        image: `(batch, ...)`, values in [0, 1].
        logits: Same shape.

    Returns:
        `(batch,)`, nats per example.

    Example:
        >>> float(bernoulli_nll(keras.ops.ones((1, 1)), keras.ops.zeros((1, 1)))[0]) == float(keras.ops.log(2.0))
        True
    """
    pixels = ops.softplus(logits) - image * logits
    return ops.sum(pixels, axis=tuple(range(1, len(pixels.shape))))


def gaussian_nll(image, means):
    """Negative log-likelihood of the pixels under independent Gaussians of variance 1.

    Args:
        image: `(batch, ...)`.
        means: Same shape.

    Returns:
        `(batch,)`, nats per example.

    Example:
        >>> round(float(gaussian_nll(keras.ops.ones((1, 1)), keras.ops.zeros((1, 1)))[0]), 4)  # (1 + log(2 pi)) / 2
        1.4189
    """
    pixels = 0.5 * (ops.square(image - means) + math.log(2 * math.pi))
    return ops.sum(pixels, axis=tuple(range(1, len(pixels.shape))))


def gaussian_kl(mean, log_variance):
    """Kullback-Leibler divergence of diagonal Gaussians from the standard normal.

    Args:
        mean: `(batch, codings)`.
        log_variance: `(batch, codings)`.

    Returns:
        `(batch,)`, nats per example.

    Example:
        >>> float(gaussian_kl(keras.ops.ones((1, 4)), keras.ops.zeros((1, 4)))[0])
        2.0
    """
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1.0 - log_variance, axis=-1)
