"""The Euclidean distance as a layer."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class EuclideanDistance(keras.layers.Layer):
    """The Euclidean distance between two vectors, with a finite gradient for equal vectors.

    The derivative of a square root is infinite at 0. A sum of squares below `epsilon` therefore counts as `epsilon`, and its
    gradient is 0.

    Args:
        epsilon: Smallest sum of squares, positive; its root is the smallest distance.

    Call arguments:
        inputs: List of two tensors, `(batch, ..., features)`.

    Returns:
        `(batch, ..., 1)`, float32.

    Raises:
        ValueError: If `epsilon` is not positive.

    Example:
        >>> layer = EuclideanDistance()
        >>> keras.ops.convert_to_numpy(layer([keras.ops.array([[0.0, 0.0]]), keras.ops.array([[3.0, 4.0]])])).tolist()
        [[5.0]]
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs):
        # In half precision small squares would underflow.
        super().__init__(**{"dtype": "float32", **kwargs})
        if epsilon <= 0:
            raise ValueError(f"`epsilon` of EuclideanDistance must be positive, got {epsilon}.")
        self.epsilon = epsilon

    def call(self, inputs):
        one, other = inputs
        squared = ops.sum(ops.square(one - other), axis=-1, keepdims=True)
        return ops.sqrt(ops.maximum(squared, self.epsilon))

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], 1)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
