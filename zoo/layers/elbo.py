"""The loss of a variational autoencoder, as a layer of its graph."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class NegativeELBO(keras.layers.Layer):
    """Adds the negative evidence lower bound of a decoder and a Gaussian coding to the model's losses.

    It adds two losses whose sum is the bound, both in nats per example and averaged over the batch. The first is the
    reconstruction loss: the decoder's negative log-likelihood of the pixels, summed over the pixels. The second is the divergence
    KL(N(mean, exp(log_variance)) || N(0, 1)), summed over the coding.

    Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes", equation 10 and appendix B; Payberah 2018, "Deep Learning
    for Poets (Part IV)", Variational Autoencoders (3/3).

    Args:
        likelihood: "bernoulli", for pixels in [0, 1] and a decoder whose outputs are logits, or "gaussian", for pixels of any
            value and a decoder whose outputs are their means; the variance is 1.

    Call arguments:
        outputs: Any tensor; returned unchanged, so that the layer can be placed between the decoder and the model's output.
        image: `(batch, ...)`.
        decoded: Output of the decoder; same shape as `image`.
        mean: `(batch, codings)`.
        log_variance: `(batch, codings)`.

    Returns:
        `outputs`, unchanged.

    Raises:
        ValueError: If `likelihood` is unknown.

    Example:
        >>> elbo, zeros = NegativeELBO(), keras.ops.zeros((1, 2))
        >>> _ = elbo(zeros, zeros, zeros, zeros, zeros)
        >>> [round(float(loss), 4) for loss in elbo.losses]  # two pixels at probability one half: 2 log 2
        [1.3863, 0.0]
    """

    def __init__(self, likelihood: str = "bernoulli", **kwargs):
        super().__init__(**kwargs)
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f'`likelihood` must be "bernoulli" or "gaussian", got {likelihood!r}.')
        self.likelihood = likelihood

    def nll(self, image, decoded):
        """The negative log-likelihood `(batch,)` of images `(batch, ...)` under what the decoder gives."""
        return (bernoulli_nll if self.likelihood == "bernoulli" else gaussian_nll)(image, decoded)

    def call(self, outputs, image, decoded, mean, log_variance):
        self.add_loss(ops.mean(self.nll(image, decoded)))
        self.add_loss(ops.mean(gaussian_kl(mean, log_variance)))
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
