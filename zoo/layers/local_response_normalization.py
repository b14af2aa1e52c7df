"""The normalisation of AlexNet, by which neighbouring channels inhibit each other."""

import keras
from keras import backend, ops


@keras.saving.register_keras_serializable("zoo")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each value by a power of the sum of squares in neighbouring channels at the same position.

    The output is `x[c] / (bias + alpha * sum(x[j] ** 2)) ** beta`, with `j` from `c - size // 2` to `c + size // 2`, as far as
    these channels exist. `alpha` multiplies the sum, as in the paper and in `tf.nn.local_response_normalization`, whose
    `depth_radius` is `size // 2`. `torch.nn.LocalResponseNorm` divides the sum by `size`: its `alpha` is this one times `size`.

    Source: Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 3.3;
    the arguments are its n, k, alpha and beta, with its values.

    Args:
        size: Number of channels in the sum, odd.
        bias: Constant added to the sum, positive.
        alpha: Factor of the sum, 0 or more.
        beta: Exponent.
        data_format: "channels_last" or "channels_first"; the one configured in Keras if None.

    Call arguments:
        inputs: `(batch, ..., channels)`, or `(batch, channels, ...)` with "channels_first". The number of channels must be known.

    Returns:
        The same shape.

    Raises:
        ValueError: If `size` is not odd and positive, `bias` is not positive, `alpha` is negative, or `data_format` is unknown.

    Example:
        >>> layer = LocalResponseNormalization(size=3, bias=1.0, alpha=1.0, beta=1.0)
        >>> [round(float(value), 3) for value in layer(keras.ops.array([[1.0, 1.0, 2.0]]))[0]]  # over 1 + 2, 1 + 6, 1 + 5
        [0.333, 0.143, 0.333]
    """

    def __init__(
        self,
        size: int = 5,
        bias: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        data_format: str | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if size < 1 or size % 2 == 0:
            raise ValueError(f"`size` of LocalResponseNormalization must be an odd number of channels, got {size}.")
        if bias <= 0:
            raise ValueError(f"`bias` of LocalResponseNormalization must be positive, got {bias}.")
        if alpha < 0:
            raise ValueError(f"`alpha` of LocalResponseNormalization must not be negative, got {alpha}.")
        data_format = data_format or keras.config.image_data_format()
        if data_format not in ("channels_last", "channels_first"):
            raise ValueError(f'`data_format` must be "channels_last" or "channels_first", got {data_format!r}.')
        self.size = size
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.data_format = data_format
        self.supports_masking = True

    def call(self, inputs):
        # In half precision the squares of values above 255 would overflow.
        x = ops.cast(inputs, backend.result_type(inputs.dtype, "float32"))
        axis = len(x.shape) - 1 if self.data_format == "channels_last" else 1
        channel = ops.arange(x.shape[axis])
        near = ops.abs(ops.expand_dims(channel, 1) - channel) <= self.size // 2  # (channels, channels)
        # A product with a matrix of zeros and ones: shifted slices and their gradients take several times as long.
        total = ops.moveaxis(ops.tensordot(ops.square(x), ops.cast(near, x.dtype), [[axis], [0]]), -1, axis)
        return ops.cast(x * ops.power(self.bias + self.alpha * total, -self.beta), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
            "data_format": self.data_format,
        }
