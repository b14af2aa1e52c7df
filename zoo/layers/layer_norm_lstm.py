"""An LSTM with layer normalization."""

import keras

from zoo.layers.layer_norm_simple_rnn import standardize
from zoo.layers.no_forget_lstm import GatedCell


@keras.saving.register_keras_serializable("zoo")
class LayerNormLSTMCell(GatedCell):
    """An LSTM whose sums and cell state are normalized at each step: a cell for `keras.layers.RNN`.

    With N(a) for a minus its mean, over its standard deviation, along the units, and sigma for the logistic function:

        i, f, g, o = split(input_gain * N(x[t] @ kernel) + recurrent_gain * N(h[t-1] @ recurrent_kernel) + bias)
        c[t] = sigma(f) * c[t-1] + sigma(i) * tanh(g)
        h[t] = sigma(o) * tanh(cell_gain * N(c[t]) + cell_bias)

    The first two means are over all four gates. The cell state is carried on as it is: only what is read of it is normalized.

    Source: Ba, Kiros & Hinton 2016, "Layer Normalization", equations 20 to 22; COMP547, lecture on recurrent networks,
    Regularization: Layer Normalization. Departures: `bias` is the sum of three vectors of the paper, which are only ever added;
    `epsilon` is added to the variances; the forget gates begin with a bias of 1, as in Keras (`unit_forget_bias`).

    Args:
        units: Width of the output and of both states.
        gain_initializer: Initializer of the three gains, `(4 * units,)`, `(4 * units,)` and `(units,)`.
        epsilon: Added to the variances, above 0.
        **kwargs: All other arguments of `keras.layers.LSTMCell`. With `recurrent_dropout`, all gates share one mask.

    Call arguments:
        inputs: `(batch, features)`.
        states: `[h, c]`, each `(batch, units)`.
        training: Whether `dropout` and `recurrent_dropout` work.

    Returns:
        `h` and `[h, c]`, each `(batch, units)`.

    Raises:
        ValueError: If `units` is smaller than 1, or `epsilon` is not positive.

    Example:
        >>> cell = LayerNormLSTMCell(5)
        >>> tuple(keras.layers.RNN(cell)(keras.ops.ones((2, 10, 3))).shape)
        (2, 5)
        >>> [weight.name for weight in cell.weights]
        ['kernel', 'recurrent_kernel', 'bias', 'input_gain', 'recurrent_gain', 'cell_gain', 'cell_bias']
    """

    def __init__(self, units: int, *, gain_initializer="ones", epsilon: float = 1e-5, **kwargs):
        super().__init__(units, **kwargs)
        if epsilon <= 0:
            raise ValueError(f"`epsilon` of LayerNormLSTMCell must be positive, got {epsilon}.")
        self.gain_initializer = keras.initializers.get(gain_initializer)
        self.epsilon = epsilon

    def build(self, input_shape):
        super().build(input_shape)
        self.input_gain = self._add_gain("input_gain", 4 * self.units)
        self.recurrent_gain = self._add_gain("recurrent_gain", 4 * self.units)
        self.cell_gain = self._add_gain("cell_gain", self.units)
        self.cell_bias = self.add_weight(shape=(self.units,), initializer="zeros", name="cell_bias")

    def _add_gain(self, name, width):
        return self.add_weight(shape=(width,), initializer=self.gain_initializer, name=name)

    def call(self, inputs, states, training=False):
        h, c = states
        of_inputs, of_state = self.products(inputs, h, training)
        of_inputs = self.input_gain * standardize(of_inputs, self.epsilon)
        of_state = self.recurrent_gain * standardize(of_state, self.epsilon)
        i, f, g, o = self.gates(of_inputs + of_state, 4)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        read = self.cell_gain * standardize(c, self.epsilon) + self.cell_bias
        h = self.recurrent_activation(o) * self.activation(read)
        return h, [h, c]

    def get_config(self):
        return {
            **super().get_config(),
            "gain_initializer": keras.initializers.serialize(self.gain_initializer),
            "epsilon": self.epsilon,
        }
