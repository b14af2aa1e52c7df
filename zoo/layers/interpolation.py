"""The pictures on the straight line between two codings."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class Interpolation(keras.layers.Layer):
    """Decodes codings at equal distances on the straight line between two, and lays the pictures side by side.

    Args:
        decoder: A `keras.Model` from codings (batch, codings) to {name: (batch, height, width, channels)}, one output.

    Call arguments:
        first: `(batch, codings)`.
        last: The same shape.
        steps: Scalar int32, at least 2: the number of pictures, those of the two codings among them.

    Returns:
        `(batch, height, steps * width, channels)`.

    Example:
        >>> coding = keras.Input((3,), name="coding")
        >>> picture = keras.layers.Reshape((2, 4, 1))(keras.layers.Dense(8)(coding))
        >>> ends = keras.ops.zeros((5, 3)), keras.ops.ones((5, 3))
        >>> tuple(Interpolation(keras.Model(coding, {"picture": picture}))(*ends, keras.ops.array(6)).shape)
        (5, 2, 24, 1)
    """

    def __init__(self, decoder, **kwargs):
        super().__init__(**kwargs)
        self.decoder = decoder

    def call(self, first, last, steps):
        shares = ops.cast(ops.arange(steps, dtype="int32"), first.dtype) / ops.cast(ops.maximum(steps - 1, 1), first.dtype)
        line = first[:, None] + shares[:, None] * (last - first)[:, None]  # (batch, steps, codings)
        (pictures,) = self.decoder(ops.reshape(line, (-1, first.shape[-1]))).values()  # (batch * steps, height, width, channels)
        height, width, channels = pictures.shape[1:]
        pictures = ops.transpose(ops.reshape(pictures, (-1, steps, height, width, channels)), (0, 2, 1, 3, 4))
        return ops.reshape(pictures, (-1, height, steps * width, channels))

    def compute_output_spec(self, first, last, steps):
        (picture,) = self.decoder.output.values()
        height, _, channels = picture.shape[1:]
        return keras.KerasTensor((first.shape[0], height, None, channels), dtype=picture.dtype)

    def get_config(self):
        return {**super().get_config(), "decoder": keras.saving.serialize_keras_object(self.decoder)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "decoder": keras.saving.deserialize_keras_object(config["decoder"])})
