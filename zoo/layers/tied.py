"""A dense layer that also runs in reverse, with the transpose of its kernel."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class TiedDense(keras.layers.Layer):
    """A dense layer whose kernel is used in two directions: forwards, and transposed with `reverse=True`.

    Forwards it computes `activation(x @ kernel + bias)`, in reverse `reverse_activation(x @ transpose(kernel) + reverse_bias)`.
    Because both are calls of the same layer, they stay tied through saving, loading and cloning.

    Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Stacked Autoencoders (2/3 and 3/3): the weights of the decoder are
    the transposed weights of the encoder, with separate biases.

    Args:
        units: Width of the forward output.
        activation: Activation of the forward direction; linear by default.
        reverse_activation: Activation of the reverse direction; linear by default.
        kernel_initializer: Initializer of the kernel.
        kernel_regularizer: Regularizer of the kernel, which is penalised once.

    Call arguments:
        inputs: `(batch, features)` forwards, `(batch, units)` in reverse.
        reverse: Whether to use the transposed kernel. The first call of a layer must be a forward one.

    Returns:
        `(batch, units)` forwards, `(batch, features)` in reverse.

    Raises:
        ValueError: If `units` is smaller than 1.

    Example:
        >>> layer = TiedDense(3)
        >>> codings = layer(keras.ops.ones((2, 5)))
        >>> tuple(layer(codings, reverse=True).shape)
        (2, 5)
    """

    def __init__(
        self,
        units: int,
        activation=None,
        reverse_activation=None,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"`units` of TiedDense must be at least 1, got {units}.")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.reverse_activation = keras.activations.get(reverse_activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        features = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(features, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.reverse_bias = self.add_weight(shape=(features,), initializer="zeros", name="reverse_bias")

    def call(self, inputs, reverse=False):
        if reverse:
            return self.reverse_activation(ops.matmul(inputs, ops.transpose(self.kernel)) + self.reverse_bias)
        return self.activation(ops.matmul(inputs, self.kernel) + self.bias)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "reverse_activation": keras.activations.serialize(self.reverse_activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
