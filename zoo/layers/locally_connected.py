"""Convolutions whose weights are not shared: each position has its own filters. Keras 2 had them, Keras 3 does not."""

import copy
import math

import keras
from keras import ops


class _LocallyConnected(keras.layers.Layer):
    """The code of both layers, which differ only in `rank`, the number of spatial axes."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation=None,
        use_bias: bool = True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if filters < 1:
            raise ValueError(f"`filters` of {type(self).__name__} must be at least 1, got {filters}.")
        if padding != "valid":
            raise ValueError(
                f'`padding` of {type(self).__name__} must be "valid", got {padding!r}; add a padding layer before it.'
            )
        data_format = data_format or keras.config.image_data_format()
        if data_format not in ("channels_last", "channels_first"):
            raise ValueError(f'`data_format` must be "channels_last" or "channels_first", got {data_format!r}.')
        self.filters = filters
        self.kernel_size = self._one_per_axis("kernel_size", kernel_size)
        self.strides = self._one_per_axis("strides", strides)
        self.padding = padding
        self.data_format = data_format
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    def _one_per_axis(self, name, value):
        values = (value,) * self.rank if isinstance(value, int) else tuple(value)
        if len(values) != self.rank or not all(isinstance(number, int) and number > 0 for number in values):
            raise ValueError(f"`{name}` of {type(self).__name__} must be {self.rank} positive integers or one, got {value!r}.")
        return values

    def _positions(self, input_shape):
        """The number of positions along each spatial axis."""
        spatial = tuple(input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:])
        if None in input_shape[1:]:
            raise ValueError(
                f"{type(self).__name__} has weights for each position and needs inputs of a fixed size, "
                f"got shape {tuple(input_shape)}."
            )
        if any(size < kernel for size, kernel in zip(spatial, self.kernel_size)):
            raise ValueError(
                f"Inputs of {type(self).__name__} must be at least as large as its kernel, {self.kernel_size}, "
                f"got {spatial} from inputs of shape {tuple(input_shape)} in the format {self.data_format}."
            )
        return tuple((size - kernel) // stride + 1 for size, kernel, stride in zip(spatial, self.kernel_size, self.strides))

    def build(self, input_shape):
        positions = self._positions(input_shape)
        channels = input_shape[-1 if self.data_format == "channels_last" else 1]
        self.kernel = self.add_weight(
            shape=(math.prod(positions), math.prod(self.kernel_size) * channels, self.filters),
            initializer=with_fans(self.kernel_initializer, input_axes=[1], output_axes=[2]),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(*positions, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        # The whole shape: `call` would accept another shape of the same size and compute nonsense.
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))

    def call(self, inputs):
        shape = tuple(inputs.shape[1:])
        positions = self._positions(tuple(inputs.shape))
        pitches = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))  # offsets from one index to the next
        if self.data_format == "channels_last":
            window, spatial_pitches = (*self.kernel_size, shape[-1]), pitches[:-1]
        else:
            window, spatial_pitches = (shape[0], *self.kernel_size), pitches[1:]
        corners = _places(positions, [stride * pitch for stride, pitch in zip(self.strides, spatial_pitches)])
        places = ops.expand_dims(corners, 1) + _places(window, pitches)  # (positions, window)

        # With the batch last, the values of one position are contiguous, and the patches, by far the largest tensor, need no
        # transposition.
        flat = ops.transpose(ops.reshape(inputs, (-1, math.prod(shape))))
        patches = ops.take(flat, places, axis=0)  # (positions, window, batch)
        outputs = ops.matmul(ops.transpose(self.kernel, (0, 2, 1)), patches)  # (positions, filters, batch)
        if self.data_format == "channels_last":
            order, output_shape = (2, 0, 1), (*positions, self.filters)
        else:
            order, output_shape = (2, 1, 0), (self.filters, *positions)
        outputs = ops.reshape(ops.transpose(outputs, order), (-1, *output_shape))
        if self.bias is not None:
            outputs = outputs + ops.reshape(self.bias, output_shape)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        positions = self._positions(input_shape)
        if self.data_format == "channels_last":
            return (input_shape[0], *positions, self.filters)
        return (input_shape[0], self.filters, *positions)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }


@keras.saving.register_keras_serializable("zoo")
class LocallyConnected1D(_LocallyConnected):
    """`keras.layers.Conv1D` with weights that are not shared: each position has its own filters.

    Source: LeCun 1989, "Generalization and Network Design Strategies"; the layer of the same name in Keras 2, whose weights
    (`implementation=1`) can be loaded. Departure from Keras 2: see `LocallyConnected2D`.

    Args:
        filters: Number of outputs at each position.
        kernel_size: Number of steps that an output sees; an integer or a tuple of one.
        strides: Steps from one position to the next; an integer or a tuple of one.
        padding: Only "valid", that is, no padding: no position has weights for inputs outside the border.
        data_format: "channels_last" or "channels_first"; the one configured in Keras if None.
        activation: Activation; linear by default.
        use_bias: Whether each output has its own bias.
        kernel_initializer: Initializer of the kernel; the fans are those of one position.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the biases.
        kernel_constraint: Constraint of the kernel; axis 1 covers the inputs of one output.
        bias_constraint: Constraint of the biases.

    Call arguments:
        inputs: `(batch, steps, channels)`, or `(batch, channels, steps)` with "channels_first". All sizes but that of
            the batch are fixed.

    Returns:
        `(batch, positions, filters)`, or `(batch, filters, positions)` with "channels_first", where `positions` is
        `(steps - kernel_size) // strides + 1`.

    Raises:
        ValueError: If an argument is out of range, or if the inputs are shorter than the kernel or their length is not fixed.

    Example:
        >>> layer = LocallyConnected1D(4, 3)
        >>> tuple(layer(keras.ops.ones((2, 10, 5))).shape)
        (2, 8, 4)
        >>> [tuple(weight.shape) for weight in layer.weights]
        [(8, 15, 4), (8, 4)]
    """

    rank = 1


@keras.saving.register_keras_serializable("zoo")
class LocallyConnected2D(_LocallyConnected):
    """`keras.layers.Conv2D` with weights that are not shared: each position has its own filters.

    The kernel is `(positions, window, filters)`. The positions are in row-major order; the weights of a window are in the order
    of the inputs: height, width, channels with "channels_last" and channels, height, width with "channels_first". The bias is
    `(rows, columns, filters)`; with "channels_first" its values are read in the order of the outputs: filters, rows, columns.
    Both are as in Keras 2 (`implementation=1`), whose weights can be loaded.

    Source: LeCun 1989, "Generalization and Network Design Strategies"; the layer of the same name in Keras 2. Departure from
        Keras
    2: the fans are those of one position, `window` and `filters`. Keras 2 counts all positions as one large window, which makes
        its
    Glorot weights too small by the square root of the number of positions.

    Args:
        filters: Number of outputs at each position.
        kernel_size: Height and width that an output sees; an integer or a tuple of two.
        strides: Steps from one position to the next, down and across; an integer or a tuple of two.
        padding: Only "valid", that is, no padding: no position has weights for inputs outside the border.
        data_format: "channels_last" or "channels_first"; the one configured in Keras if None.
        activation: Activation; linear by default.
        use_bias: Whether each output has its own bias.
        kernel_initializer: Initializer of the kernel; the fans are those of one position.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the biases.
        kernel_constraint: Constraint of the kernel; axis 1 covers the inputs of one output.
        bias_constraint: Constraint of the biases.

    Call arguments:
        inputs: `(batch, height, width, channels)`, or `(batch, channels, height, width)` with "channels_first". All
            sizes but that of the batch are fixed.

    Returns:
        `(batch, rows, columns, filters)`, or `(batch, filters, rows, columns)` with "channels_first", where `rows` is
        `(height - kernel_size[0]) // strides[0] + 1`, and so on.

    Raises:
        ValueError: If an argument is out of range, or if the inputs are smaller than the kernel or their size is not fixed.

    Example:
        >>> layer = LocallyConnected2D(4, 3)
        >>> tuple(layer(keras.ops.ones((2, 8, 6, 5))).shape)
        (2, 6, 4, 4)
        >>> [tuple(weight.shape) for weight in layer.weights]
        [(24, 45, 4), (6, 4, 4)]
    """

    rank = 2


def with_fans(initializer, input_axes: list[int], output_axes: list[int]):
    """An initializer that computes the fans from the given axes, for weights that hold several maps at once.

    Args:
        initializer: Any initializer. Only initializers that depend on fans (Glorot, He, LeCun and other `VarianceScaling`) are
            changed, unless they name their own axes.
        input_axes: Axes whose sizes determine the fan-in.
        output_axes: Axes whose sizes determine the fan-out.

    Returns:
        An initializer of the same class and seed.

    Example:
        >>> initializer = with_fans(keras.initializers.HeUniform(), [1], [2])
        >>> kernel = initializer((1000, 6, 1))  # six inputs: the limit is sqrt(6 / 6), not sqrt(6 / 6000)
        >>> round(float(keras.ops.max(kernel)), 1)
        1.0
    """
    if not isinstance(initializer, keras.initializers.VarianceScaling) or initializer.input_axes is not None:
        return initializer
    initializer = copy.copy(initializer)
    initializer.input_axes, initializer.output_axes = input_axes, output_axes
    return initializer


def _places(counts, pitches):
    """The memory offsets of a grid with `counts` points along each axis, `pitches` apart: a flat int32 tensor."""
    places = ops.zeros((1,), dtype="int32")
    for count, pitch in zip(counts, pitches):
        places = ops.reshape(ops.expand_dims(places, 1) + pitch * ops.arange(count, dtype="int32"), (-1,))
    return places
