"""Tokens as one-hot vectors."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class OneHot(keras.layers.Layer):
    """Gives each token a vector with a 1 at its number and 0 elsewhere.

    `keras.layers.CategoryEncoding` does so for single tokens only, once it is in a graph.

    Args:
        num_tokens: How many tokens there are, at least 1.

    Call arguments:
        tokens: Integers `(...)`, from 0 to `num_tokens - 1`.

    Returns:
        `(..., num_tokens)`.

    Raises:
        ValueError: If `num_tokens` is smaller than 1.

    Example:
        >>> OneHot(3)(ops.array([[1, 2]], "int32")).numpy().tolist()
        [[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]]
    """

    def __init__(self, num_tokens: int, **kwargs):
        super().__init__(**kwargs)
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` of OneHot must be at least 1, got {num_tokens}.")
        self.num_tokens = num_tokens

    def call(self, tokens):
        return ops.one_hot(tokens, self.num_tokens, dtype=self.compute_dtype)

    def compute_output_spec(self, tokens):
        return keras.KerasTensor((*tokens.shape, self.num_tokens), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens}
