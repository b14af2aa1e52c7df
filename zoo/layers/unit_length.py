"""Vectors of length 1."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class UnitLength(keras.layers.Layer):
    """Scales vectors to length 1, with a finite gradient for vectors of length 0.

    `keras.layers.UnitNormalization` has a NaN gradient for a vector of length 0 on JAX. Here a sum of squares below `epsilon`
    counts as `epsilon`, so that such a vector stays 0.

    Args:
        epsilon: Smallest sum of squares that is scaled to 1, positive.

    Call arguments:
        inputs: `(batch, ..., features)`.

    Returns:
        The same shape, float32.

    Raises:
        ValueError: If `epsilon` is not positive.

    Example:
        >>> keras.ops.convert_to_numpy(UnitLength()(keras.ops.array([[0.0, -2.0], [0.0, 0.0]]))).tolist()
        [[0.0, -1.0], [0.0, 0.0]]
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs):
        # In half precision small squares would underflow.
        super().__init__(**{"dtype": "float32", **kwargs})
        if epsilon <= 0:
            raise ValueError(f"`epsilon` of UnitLength must be positive, got {epsilon}.")
        self.epsilon = epsilon

    def call(self, inputs):
        squared = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        return inputs / ops.sqrt(ops.maximum(squared, self.epsilon))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
