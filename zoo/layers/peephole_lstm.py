"""An LSTM whose gates see the cell state."""

import keras

from zoo.layers.no_forget_lstm import GatedCell


@keras.saving.register_keras_serializable("zoo")
class PeepholeLSTMCell(GatedCell):
    """An LSTM with peepholes, through which the gates look at the cell state: a cell for `keras.layers.RNN`.

    With `W [x, h]` for `x @ kernel + h @ recurrent_kernel`, split into the gates i, f, c, o, sigma for the logistic function, and
    the peepholes p:

        f[t] = sigma(p_f * c[t-1] + W_f [x[t], h[t-1]] + b_f)
        i[t] = sigma(p_i * c[t-1] + W_i [x[t], h[t-1]] + b_i)
        c[t] = f[t] * c[t-1] + i[t] * tanh(W_c [x[t], h[t-1]] + b_c)
        o[t] = sigma(p_o * c[t] + W_o [x[t], h[t-1]] + b_o)
        h[t] = o[t] * tanh(c[t])

    The forget and the input gate see the old cell state, the output gate the new one. With peepholes of 0, as they begin, it is
    `keras.layers.LSTMCell`.

    Source: "Deep Learning: Recurrent Networks", lecture of 26 February 2018, LSTM: The "Peephole" Connection; COMP547, lecture on
    recurrent networks, Extension I: Peephole LSTM; Gers & Schmidhuber 2000, "Recurrent Nets that Time and Count". Departure from
    the slides: they write matrices; as in the paper, the gates of a unit see the cell state of this unit only.

    Args:
        units: Width of the output and of both states.
        peephole_initializer: Initializer of the three peepholes, each `(units,)`.
        peephole_regularizer: Regularizer of the peepholes.
        peephole_constraint: Constraint of the peepholes.
        **kwargs: All other arguments of `keras.layers.LSTMCell`. With `recurrent_dropout`, all gates share one mask.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`.
        training: Whether `dropout` and `recurrent_dropout` work.

    Returns:
        `h` and `[h, c]`, each `(batch, units)`.

    Raises:
        ValueError: If `units` is smaller than 1.

    Example:
        >>> cell = PeepholeLSTMCell(5)
        >>> tuple(keras.layers.RNN(cell, return_sequences=True)(keras.ops.ones((2, 10, 3))).shape)
        (2, 10, 5)
        >>> [weight.name for weight in cell.weights]
        ['kernel', 'recurrent_kernel', 'bias', 'input_peephole', 'forget_peephole', 'output_peephole']
    """

    def __init__(
        self,
        units: int,
        *,
        peephole_initializer="zeros",
        peephole_regularizer=None,
        peephole_constraint=None,
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.peephole_regularizer = keras.regularizers.get(peephole_regularizer)
        self.peephole_constraint = keras.constraints.get(peephole_constraint)

    def build(self, input_shape):
        super().build(input_shape)
        self.input_peephole = self._add_peephole("input_peephole")
        self.forget_peephole = self._add_peephole("forget_peephole")
        self.output_peephole = self._add_peephole("output_peephole")

    def _add_peephole(self, name):
        return self.add_weight(
            shape=(self.units,),
            initializer=self.peephole_initializer,
            regularizer=self.peephole_regularizer,
            constraint=self.peephole_constraint,
            name=name,
        )

    def call(self, inputs, states, training=False):
        h, c = states
        of_inputs, of_state = self.products(inputs, h, training)
        i, f, g, o = self.gates(of_inputs + of_state, 4)
        i = self.recurrent_activation(i + self.input_peephole * c)
        f = self.recurrent_activation(f + self.forget_peephole * c)
        c = f * c + i * self.activation(g)
        o = self.recurrent_activation(o + self.output_peephole * c)
        h = o * self.activation(c)
        return h, [h, c]

    def get_config(self):
        return {
            **super().get_config(),
            "peephole_initializer": keras.initializers.serialize(self.peephole_initializer),
            "peephole_regularizer": keras.regularizers.serialize(self.peephole_regularizer),
            "peephole_constraint": keras.constraints.serialize(self.peephole_constraint),
        }
