"""A simple recurrent network with layer normalization, and the normalization itself."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class LayerNormSimpleRNNCell(keras.layers.SimpleRNNCell):
    """A simple recurrent unit whose sums are normalized at each step: a cell for `keras.layers.RNN`.

        a[t] = x[t] @ kernel + h[t-1] @ recurrent_kernel
        mu[t] = mean(a[t])
        s[t]^2 = mean((a[t] - mu[t])^2)
        h[t] = tanh(gain / s[t] * (a[t] - mu[t]) + bias)

    The means are over the units of one example at one step: neither the other examples nor the other steps matter, so that
    training and inference are the same. However large the kernels are, h neither vanishes nor saturates.

    Source: COMP547, lecture on recurrent networks, Regularization: Layer Normalization; Ba, Kiros & Hinton 2016, "Layer
    Normalization". Departure: `epsilon` is added to the variance, as everywhere today.

    Args:
        units: Width of the output and of the state.
        gain_initializer: Initializer of the gain, `(units,)`.
        epsilon: Added to the variance, above 0.
        **kwargs: All other arguments of `keras.layers.SimpleRNNCell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h]`, `(batch, units)`.
        training: Whether `dropout` and `recurrent_dropout` work.

    Returns:
        `h` and `[h]`, `(batch, units)`.

    Raises:
        ValueError: If `units` is smaller than 1, or `epsilon` is not positive.

    Example:
        >>> cell = LayerNormSimpleRNNCell(5)
        >>> tuple(keras.layers.RNN(cell)(keras.ops.ones((2, 10, 3))).shape)
        (2, 5)
        >>> [weight.name for weight in cell.weights]
        ['kernel', 'recurrent_kernel', 'bias', 'gain']
    """

    def __init__(self, units: int, *, gain_initializer="ones", epsilon: float = 1e-5, **kwargs):
        super().__init__(units, **kwargs)
        if epsilon <= 0:
            raise ValueError(f"`epsilon` of LayerNormSimpleRNNCell must be positive, got {epsilon}.")
        self.gain_initializer = keras.initializers.get(gain_initializer)
        self.epsilon = epsilon

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(shape=(self.units,), initializer=self.gain_initializer, name="gain")

    def call(self, inputs, states, training=False):
        (h,) = states
        if training and self.dropout > 0:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout > 0:
            h = h * self.get_recurrent_dropout_mask(h)
        sums = ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel)
        sums = self.gain * standardize(sums, self.epsilon)
        h = self.activation(sums if self.bias is None else sums + self.bias)
        return h, [h]

    def get_config(self):
        return {
            **super().get_config(),
            "gain_initializer": keras.initializers.serialize(self.gain_initializer),
            "epsilon": self.epsilon,
        }


def standardize(x, epsilon: float):
    """`x` minus its mean, over its standard deviation, both along the last axis.

    Half precision is computed in single precision, in which squares neither overflow nor vanish. The gradient is written by hand:
    it needs two means, where the one that is derived by the backends needs four and takes half as long again.

    Args:
        x: `(..., units)`.
        epsilon: Added to the variance.

    Returns:
        `(..., units)`, in the dtype of `x`.

    Example:
        >>> keras.ops.convert_to_numpy(standardize(keras.ops.array([[1.0, 3.0]]), 1e-9)).tolist()
        [[-1.0, 1.0]]
    """

    @ops.custom_gradient
    def standardized(x):
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        scale = ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + epsilon)
        y = centred * scale

        def gradient(*args, upstream=None):
            (upstream,) = args if upstream is None else (upstream,)
            along = ops.mean(upstream * y, axis=-1, keepdims=True)
            return scale * (upstream - ops.mean(upstream, axis=-1, keepdims=True) - y * along)

        return y, gradient

    precise = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    return ops.cast(standardized(precise), x.dtype)
