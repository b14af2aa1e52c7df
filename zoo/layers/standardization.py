"""Numbers in units of their deviation, and back."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class Standardization(keras.layers.Layer):
    """Takes the mean of all values away and divides by their standard deviation; with `reverse=True` the way back.

    Both numbers are weights that are not trained; `adapt` finds them. Unlike `keras.layers.Normalization` it has one pair for all
    values, whatever their shape, and runs in both directions, so that a network answers in the units that it was asked in.

    Call arguments:
        inputs: Any shape.
        reverse: Whether standardised values are turned into the original ones.

    Returns:
        The same shape.

    Example:
        >>> layer = Standardization()
        >>> layer.adapt([1.0, 3.0])
        >>> keras.ops.convert_to_numpy(layer(keras.ops.array([1.0, 2.0, 5.0]))).tolist()
        [-1.0, 0.0, 3.0]
        >>> float(layer(keras.ops.array(3.0), reverse=True))
        5.0
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        options = {"shape": (), "trainable": False}
        self.mean = self.add_weight(**options, initializer="zeros", name="mean")
        self.deviation = self.add_weight(**options, initializer="ones", name="deviation")

    def adapt(self, values):
        """Finds mean and deviation of values of any shape; of values that are all the same, the deviation is taken to be 1.

        Raises:
            ValueError: If there is no value.
        """
        values = ops.convert_to_tensor(values, "float32")
        if not ops.size(values):
            raise ValueError("`adapt` of Standardization needs at least one value, got none.")
        deviation = ops.std(values)
        self.mean.assign(ops.mean(values))
        self.deviation.assign(ops.where(deviation > 0, deviation, 1.0))

    def call(self, inputs, reverse=False):
        return inputs * self.deviation + self.mean if reverse else (inputs - self.mean) / self.deviation

    def compute_output_shape(self, input_shape):
        return input_shape
