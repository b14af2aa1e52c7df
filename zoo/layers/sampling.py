"""Samples of a Gaussian, through which gradients flow or which stay the same, and binary pixels."""

import keras
from keras import ops

from zoo.layers.noise import SeededNormal


@keras.saving.register_keras_serializable("zoo")
class GaussianSampling(keras.layers.Layer):
    """Samples `mean + exp(log_variance / 2) * noise` with standard normal noise, in training and in evaluation.

    Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes" (the reparameterisation trick); Payberah 2018, "Deep Learning
    for Poets (Part IV)", Variational Autoencoders (2/3).

    Args:
        seed: Integer seed of the noise; taken from `keras.utils.set_random_seed` if None.

    Call arguments:
        mean: `(batch, ...)`.
        log_variance: Same shape as `mean`.

    Returns:
        A sample of the same shape, different in each call.

    Example:
        >>> sample = GaussianSampling(seed=1)(keras.ops.zeros((2, 3)), keras.ops.zeros((2, 3)))
        >>> tuple(sample.shape)
        (2, 3)
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, mean, log_variance):
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(0.5 * log_variance) * noise

    def compute_output_shape(self, mean_shape, log_variance_shape):
        return mean_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("zoo")
class FixedGaussianSamples(keras.layers.Layer):
    """The same samples of a Gaussian in each call: `mean + exp(log_variance / 2) * noise`, for means over that Gaussian.

    The noise is drawn once from a seed, in pairs of opposite signs, and scaled to a variance of 1 in every dimension. So the mean
    of a linear function over the samples is exact, and that of a sum of squares of the dimensions too. An answer depends on
    nothing but its example, and no exported file has to draw random numbers.

    Source: Hammersley & Morton 1956, "A New Monte Carlo Technique: Antithetic Variates", for the pairs.

    Args:
        samples: Number of samples, even, at least 4.
        seed: Integer seed, 0 or more.

    Call arguments:
        mean: `(batch, codings)`.
        log_variance: The same shape.

    Returns:
        `(batch, samples, codings)`.

    Raises:
        ValueError: If `samples` is odd or below 4.

    Example:
        >>> samples = FixedGaussianSamples(4)(keras.ops.zeros((2, 3)), keras.ops.zeros((2, 3)))
        >>> tuple(samples.shape), round(float(keras.ops.mean(samples[0] ** 2)), 4)
        ((2, 4, 3), 1.0)
    """

    def __init__(self, samples: int = 8, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        if samples < 4 or samples % 2:
            raise ValueError(f"`samples` of FixedGaussianSamples must be an even number of at least 4, got {samples}.")
        self.samples, self.seed = samples, seed

    def build(self, mean_shape, log_variance_shape):
        half = SeededNormal(mean_shape[-1])(ops.array(self.samples // 2), ops.array(self.seed))
        half = half / ops.sqrt(ops.mean(ops.square(half), axis=0))
        self.noise = ops.convert_to_numpy(ops.concatenate([half, -half]))

    def call(self, mean, log_variance):
        return mean[:, None] + ops.exp(0.5 * log_variance)[:, None] * ops.cast(self.noise, mean.dtype)

    def compute_output_shape(self, mean_shape, log_variance_shape):
        return (mean_shape[0], self.samples, mean_shape[-1])

    def get_config(self):
        return {**super().get_config(), "samples": self.samples, "seed": self.seed}


@keras.saving.register_keras_serializable("zoo")
class RandomBinarization(keras.layers.Layer):
    """Sets each pixel in [0, 1] to 1 with its value as the probability, otherwise to 0; in training only.

    Pixels that are 0 or 1 stay the same. Outside training all inputs do.

    Source: Salakhutdinov & Murray 2008, "On the Quantitative Analysis of Deep Belief Networks"; Burda, Grosse & Salakhutdinov
        2015,
    "Importance Weighted Autoencoders", who sample the pixels again in each epoch, as this layer does.

    Args:
        seed: Integer seed of the samples; taken from `keras.utils.set_random_seed` if None.

    Call arguments:
        inputs: `(batch, ...)`, values in [0, 1].

    Returns:
        The same shape: 0 or 1 in training, the inputs themselves otherwise.

    Example:
        >>> tuple(RandomBinarization(seed=1)(keras.ops.ones((1, 2)), training=True).shape)
        (1, 2)
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        draws = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return ops.cast(draws < inputs, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
