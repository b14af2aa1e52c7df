"""Random layers: a Gaussian coding that gradients pass through, and binary pixels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class GaussianSampling(keras.layers.Layer):
    """Draws `mean + exp(log_variance / 2) * noise` with standard normal noise, in training and in evaluation alike.

    Source: Kingma & Welling 2013, "Auto-Encoding Variational Bayes" (the reparameterisation); deck B, "Variational Autoencoders".

    Args:
        seed: Integer seed of the noise; taken from `keras.utils.set_random_seed` if None.

    Call arguments:
        mean: `(batch, ...)`.
        log_variance: Same shape as `mean`.

    Returns:
        A sample of the same shape, different at every call.

    Example:
        >>> sample = GaussianSampling(seed=1)(keras.ops.zeros((2, 3)), keras.ops.zeros((2, 3)))
        >>> tuple(sample.shape)
        (2, 3)
    """

    def __init__(self, seed=None, **kwargs):
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
class RandomBinarization(keras.layers.Layer):
    """Turns each pixel in [0, 1] to 1 with its own value as the probability; in training only.

    Images that are already 0 or 1 pass unchanged, and so does everything outside training.

    Source: Salakhutdinov & Murray 2008; Burda et al. 2015 sample the pixels anew in every epoch, as this layer does.

    Args:
        seed: Integer seed of the draws; taken from `keras.utils.set_random_seed` if None.

    Call arguments:
        inputs: `(batch, ...)`, values in [0, 1].

    Returns:
        The same shape: 0 or 1 in training, the inputs themselves otherwise.

    Example:
        >>> tuple(RandomBinarization(seed=1)(keras.ops.ones((1, 2)), training=True).shape)
        (1, 2)
    """

    def __init__(self, seed=None, **kwargs):
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
