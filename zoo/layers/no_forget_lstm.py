"""The LSTM of 1997, which has no forget gate, and what all LSTM cells of the zoo share."""

import keras
from keras import ops


class GatedCell(keras.layers.LSTMCell):
    """What the LSTM cells of the zoo have in common: the arguments of Keras's own, and two matrix products for all gates."""

    def __init__(self, units: int, **kwargs):
        super().__init__(units, **kwargs)
        # With `recurrent_dropout`, Keras's cell has a mask and a matrix product for each gate.
        self.implementation, self.dropout_mask_count = 2, None

    def products(self, inputs, h, training):
        """`inputs @ kernel` and `h @ recurrent_kernel`, each `(batch, gates * units)`, with dropout in training."""
        if training and self.dropout > 0:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout > 0:
            h = h * self.get_recurrent_dropout_mask(h)
        return ops.matmul(inputs, self.kernel), ops.matmul(h, self.recurrent_kernel)

    def gates(self, sums, number):
        """The sums `(batch, number * units)` plus the bias, if there is one, as one tensor per gate."""
        return ops.split(sums if self.bias is None else sums + self.bias, number, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class NoForgetLSTMCell(GatedCell):
    """The first LSTM, which adds to its cell state and never forgets: a cell for `keras.layers.RNN`.

    With `W [x, h]` for `x @ kernel + h @ recurrent_kernel`, split into the gates i, c, o, and sigma for the logistic function:

        i[t] = sigma(W_i [x[t], h[t-1]] + b_i)
        c[t] = c[t-1] + i[t] * tanh(W_c [x[t], h[t-1]] + b_c)
        o[t] = sigma(W_o [x[t], h[t-1]] + b_o)
        h[t] = o[t] * tanh(c[t])

    The error flows back through c unchanged, however long the sequence is; but c can only be corrected, never cleared.

    Source: COMP547, lecture on recurrent networks, The Original LSTM Cell; Hochreiter & Schmidhuber 1997, "Long Short-Term
    Memory". Departures from the paper, as on the slide: tanh in place of its two scaled logistic functions; gradients are not
    truncated.

    Args:
        units: Width of the output and of both states.
        **kwargs: All other arguments of `keras.layers.LSTMCell` but `unit_forget_bias`. With `recurrent_dropout`, all gates share
            one mask.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`.
        training: Whether `dropout` and `recurrent_dropout` work.

    Returns:
        `h` and `[h, c]`, each `(batch, units)`.

    Raises:
        ValueError: If `units` is smaller than 1.

    Example:
        >>> cell = NoForgetLSTMCell(5)
        >>> tuple(keras.layers.RNN(cell)(keras.ops.ones((2, 10, 3))).shape)
        (2, 5)
        >>> {weight.name: tuple(weight.shape) for weight in cell.weights}
        {'kernel': (3, 15), 'recurrent_kernel': (5, 15), 'bias': (15,)}
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, unit_forget_bias=False, **kwargs)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 3 * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 3 * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
            name="recurrent_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(3 * self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def call(self, inputs, states, training=False):
        h, c = states
        of_inputs, of_state = self.products(inputs, h, training)
        i, g, o = self.gates(of_inputs + of_state, 3)
        c = c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    def get_config(self):
        config = super().get_config()
        del config["unit_forget_bias"]
        return config
