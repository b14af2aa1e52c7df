"""A dense layer with a learned activation: the largest of several affine maps."""

import keras
from keras import ops

from zoo.layers.locally_connected import with_fans


@keras.saving.register_keras_serializable("zoo")
class Maxout(keras.layers.Layer):
    """For each unit the largest of `pieces` affine maps: `max_j(x @ kernel[:, j] + bias[j])`.

    With two pieces a unit can be ReLU, leaky ReLU or the absolute value; with more it can approximate any convex function.

    Source: Goodfellow et al. 2013, "Maxout Networks"; Dibeklioğlu 2025, GE 461 "Deep Learning", Maxout. Departure: in the paper
        the
    axes of the kernel are in the order features, units, pieces.

    Args:
        units: Width of the output.
        pieces: Number of affine maps per unit; the paper's `k`.
        use_bias: Whether the maps have biases.
        kernel_initializer: Initializer of the kernel, `(features, pieces, units)`; the fans are those of one map.
        bias_initializer: Initializer of the biases, `(pieces, units)`.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the biases.
        kernel_constraint: Constraint of the kernel; the paper limits the norm of each map: `keras.constraints.MaxNorm(axis=0)`.
        bias_constraint: Constraint of the biases.

    Call arguments:
        inputs: `(batch, ..., features)`.

    Returns:
        `(batch, ..., units)`.

    Raises:
        ValueError: If `units` or `pieces` is smaller than 1.

    Example:
        >>> layer = Maxout(1, pieces=2, use_bias=False)
        >>> layer.build((None, 1))
        >>> layer.set_weights([keras.ops.array([[[1.0], [-1.0]]])])  # max(x, -x)
        >>> keras.ops.convert_to_numpy(layer(keras.ops.array([[3.0], [-4.0]]))).tolist()
        [[3.0], [4.0]]
    """

    def __init__(
        self,
        units: int,
        pieces: int = 2,
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
        if units < 1:
            raise ValueError(f"`units` of Maxout must be at least 1, got {units}.")
        if pieces < 1:
            raise ValueError(f"`pieces` of Maxout must be at least 1, got {pieces}.")
        self.units = units
        self.pieces = pieces
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        features = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(features, self.pieces, self.units),
            initializer=with_fans(self.kernel_initializer, input_axes=[0], output_axes=[2]),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.pieces, self.units),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs):
        maps = ops.tensordot(inputs, self.kernel, axes=1)  # (batch, ..., pieces, units)
        if self.bias is not None:
            maps = maps + self.bias
        return ops.max(maps, axis=-2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
