"""A convolution whose filters are each connected to only some of the input channels."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class PartiallyConnectedConv2D(keras.layers.Layer):
    """`keras.layers.Conv2D` with a table of the input channels that each filter is connected to.

    It has one window of weights for each entry of the table, and one bias for each filter. It runs as one convolution over all
    channels, with zeros for the missing connections.

    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition", Table I;
    `SpatialConvolutionMap` of Torch 7.

    Args:
        connections: For each filter the indices of its input channels, such as `[(0, 1), (1, 2), (0, 1, 2)]`.
        kernel_size: Height and width of the windows, one integer.
        activation: Activation; linear by default.
        kernel_initializer: Initializer of the windows, with the fans of a convolution over all channels.
        bias_initializer: Initializer of the biases.

    Call arguments:
        inputs: `(batch, height, width, channels)`.

    Returns:
        `(batch, height - kernel_size + 1, width - kernel_size + 1, filters)`.

    Raises:
        ValueError: If the table is empty, a filter has no channel or the same channel twice, `kernel_size` is not a positive
            integer, or the inputs lack a channel of the table.

    Example:
        >>> layer = PartiallyConnectedConv2D([(0, 1), (1, 2), (0, 1, 2)], 5)
        >>> tuple(layer(keras.ops.ones((2, 8, 6, 3))).shape)
        (2, 4, 2, 3)
        >>> [tuple(weight.shape) for weight in layer.weights]
        [(5, 5, 7), (3,)]
    """

    def __init__(
        self,
        connections: list[tuple[int, ...]],
        kernel_size: int,
        activation=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        connections = tuple(tuple(seen) for seen in connections)
        if not connections or not all(seen and len(set(seen)) == len(seen) and min(seen) >= 0 for seen in connections):
            raise ValueError(
                "`connections` of PartiallyConnectedConv2D must list one or more different channels for each filter, "
                f"got {connections}."
            )
        if not isinstance(kernel_size, int) or kernel_size < 1:
            raise ValueError(f"`kernel_size` of PartiallyConnectedConv2D must be a positive integer, got {kernel_size!r}.")
        self.connections = connections
        self.kernel_size = kernel_size
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels, filters, size = input_shape[-1], len(self.connections), self.kernel_size
        needed = 1 + max(max(seen) for seen in self.connections)
        if channels < needed:
            raise ValueError(f"PartiallyConnectedConv2D needs inputs of {needed} channels, got shape {tuple(input_shape)}.")
        # The index of each window in the kernel of a convolution over all channels, (size, size, channels * filters).
        self.places = [channel * filters + index for index, seen in enumerate(self.connections) for channel in seen]
        self.channels = channels

        def drawn(shape, dtype):
            whole = self.kernel_initializer((size, size, channels, filters), dtype)
            return ops.take(ops.reshape(whole, (size, size, -1)), ops.array(self.places, "int32"), axis=2)

        self.kernel = self.add_weight(shape=(size, size, len(self.places)), initializer=drawn, name="kernel")
        self.bias = self.add_weight(shape=(filters,), initializer=self.bias_initializer, name="bias")

    def call(self, inputs):
        channels, filters, size = self.channels, len(self.connections), self.kernel_size
        placing = ops.one_hot(ops.array(self.places, "int32"), channels * filters, dtype=self.kernel.dtype)
        kernel = ops.reshape(ops.matmul(self.kernel, placing), (size, size, channels, filters))
        return self.activation(ops.conv(inputs, kernel, data_format="channels_last") + self.bias)

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sides = (None if side is None else side - self.kernel_size + 1 for side in (height, width))
        return (batch, *sides, len(self.connections))

    def get_config(self):
        return {
            **super().get_config(),
            "connections": self.connections,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
