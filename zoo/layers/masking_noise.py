"""Inputs that are switched off in training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class MaskingNoise(keras.layers.Layer):
    """Sets a share of its inputs to 0 in training, each at random; otherwise it returns them unchanged.

    Source: Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and Composing Robust Features with Denoising Autoencoders",
    section 2.3; Payberah 2018, "Deep Learning for Poets (Part IV)", Denoising Autoencoders (2/3). Unlike `keras.layers.Dropout`
    it does not scale up the inputs that are left: they stay the picture that was damaged.

    Args:
        rate: Share of the inputs that are switched off, at least 0 and less than 1.
        seed: Integer seed; taken from `keras.utils.set_random_seed` if None.

    Call arguments:
        inputs: `(batch, ...)`.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: If `rate` is not in its range.

    Example:
        >>> noisy = MaskingNoise(0.5, seed=1)(keras.ops.ones((1, 1000)), training=True)
        >>> 0.4 < float(keras.ops.mean(noisy)) < 0.6
        True
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` of MaskingNoise must be at least 0 and less than 1, got {rate}.")
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        draws = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
        return ops.where(draws < self.rate, ops.zeros_like(inputs), inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
