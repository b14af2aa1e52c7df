"""The largest value of each feature of a sequence."""

import keras
from keras import ops

FAR = 1e9  # below every feature


@keras.saving.register_keras_serializable("zoo")
class MaxOverTime(keras.layers.Layer):
    """Takes the largest value of each feature over all steps that are no padding.

    Unlike `keras.layers.GlobalMaxPooling1D` it reads the mask, so that a sequence has the same maximum however much it is padded.

    Call arguments:
        inputs: `(batch, time, features)`.
        mask: `(batch, time)` booleans, False at padding, or None; each sequence has a step that is none.

    Returns:
        `(batch, features)`.

    Example:
        >>> values, mask = keras.ops.array([[[-2.0], [-1.0], [5.0]]]), keras.ops.array([[True, True, False]])
        >>> keras.ops.convert_to_numpy(MaxOverTime()(values, mask=mask)).tolist()
        [[-1.0]]
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is not None:
            # By arithmetic: LiteRT cannot give a tensor of booleans another axis.
            padding = 1.0 - ops.cast(mask, inputs.dtype)
            inputs = inputs - FAR * ops.expand_dims(padding, axis=-1)
        return ops.max(inputs, axis=1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *input_shape[2:])
