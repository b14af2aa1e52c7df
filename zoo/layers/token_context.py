"""The last few tokens at every place of a text."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class TokenContext(keras.layers.Layer):
    """Gives, at every place of a text, the token there and those before it, oldest first; before the text stands padding, 0.

    Args:
        size: Number of tokens.

    Call arguments:
        tokens: int32 `(batch, time)`.

    Returns:
        int32 `(batch, time, size)`.

    Raises:
        ValueError: If `size` is smaller than 1.

    Example:
        >>> TokenContext(2)(ops.array([[7, 8, 9]], "int32")).numpy().tolist()
        [[[0, 7], [7, 8], [8, 9]]]
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"`size` of TokenContext must be at least 1, got {size}.")
        self.size = size

    def call(self, tokens):
        time = ops.shape(tokens)[1]
        padded = ops.pad(tokens, [[0, 0], [self.size - 1, 0]])
        return ops.stack([padded[:, start : start + time] for start in range(self.size)], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.size)

    def get_config(self):
        return {**super().get_config(), "size": self.size}
