"""The mask of padded token sequences."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class PaddingMask(keras.layers.Layer):
    """Marks the positions of a padded sequence that hold a token, that is, any index but 0.

    Call arguments:
        inputs: `(batch, time)` integers.

    Returns:
        `(batch, time)` booleans, False at padding.

    Example:
        >>> keras.ops.convert_to_numpy(PaddingMask()(keras.ops.array([[5, 7, 0]]))).tolist()
        [[True, True, False]]
    """

    def call(self, inputs):
        return ops.not_equal(inputs, 0)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype="bool")
