"""Sequences of different lengths made equally long."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class PadToLongest(keras.layers.Layer):
    """Puts zeros in front of several sequences until each is `extra` steps longer than the longest of them.

    Numbers written in a place-value system keep their value: 7 is 007.

    Args:
        extra: Number of zeros in front of the longest sequence, 0 or more.

    Call arguments:
        inputs: A list of `(batch, time, ...)`, each with a time of its own.

    Returns:
        A list of `(batch, longest + extra, ...)`.

    Raises:
        ValueError: If `extra` is negative.

    Example:
        >>> a, b = PadToLongest(extra=1)([keras.ops.array([[1, 0, 1]]), keras.ops.array([[1]])])
        >>> keras.ops.convert_to_numpy(a).tolist(), keras.ops.convert_to_numpy(b).tolist()
        ([[0, 1, 0, 1]], [[0, 0, 0, 1]])
    """

    def __init__(self, extra: int = 0, **kwargs):
        # What is only moved needs no cast.
        super().__init__(**{"autocast": False, **kwargs})
        if extra < 0:
            raise ValueError(f"`extra` of PadToLongest must be 0 or more, got {extra}.")
        self.extra = extra

    def call(self, inputs):
        lengths = [ops.shape(sequence)[1] for sequence in inputs]
        known = all(isinstance(length, int) for length in lengths)
        longest = self.extra + (max(lengths) if known else ops.max(ops.stack(lengths)))
        return [
            ops.pad(sequence, [[0, 0], [longest - length, 0], *[[0, 0]] * (len(sequence.shape) - 2)])
            for sequence, length in zip(inputs, lengths)
        ]

    def compute_output_spec(self, inputs):
        lengths = [sequence.shape[1] for sequence in inputs]
        longest = None if None in lengths else max(lengths) + self.extra
        return [keras.KerasTensor((sequence.shape[0], longest, *sequence.shape[2:]), dtype=sequence.dtype) for sequence in inputs]

    def get_config(self):
        return {**super().get_config(), "extra": self.extra}
