"""Whole words that are left out in training."""

import keras
from keras import ops

PADDING = 0


@keras.saving.register_keras_serializable("zoo")
class TokenDropout(keras.layers.Layer):
    """Puts the unknown token in the place of some tokens in training; otherwise it returns its inputs unchanged.

    A network that has read texts with gaps leans on several words instead of one, and knows the unknown token when it meets it.

    Source: Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", section 3 (word
    dropout). Departure: a token is replaced, not taken away, so that the others keep their places.

    Args:
        rate: Fraction of the tokens, at least 0 and less than 1.
        unknown: Number of the unknown token.
        seed: Integer seed, or None.

    Call arguments:
        inputs: `(batch, time)` integers; padding, 0, stays.

    Returns:
        The same shape and dtype.

    Raises:
        ValueError: If `rate` is not in its range.

    Example:
        >>> TokenDropout(0.5, unknown=3)(keras.ops.array([[7, 8, 0]])).shape[1]
        3
    """

    def __init__(self, rate: float, unknown: int, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` of TokenDropout must be at least 0 and less than 1, got {rate}.")
        self.rate, self.unknown, self.seed = rate, unknown, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        chosen = keras.random.uniform(ops.shape(inputs), seed=self.seed_generator) < self.rate
        return ops.where(ops.logical_and(chosen, inputs != PADDING), ops.cast(self.unknown, inputs.dtype), inputs)

    def compute_output_spec(self, inputs, training=False):
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "unknown": self.unknown, "seed": self.seed}
