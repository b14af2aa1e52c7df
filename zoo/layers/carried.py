"""A recurrent layer that goes on where it stopped: truncated backpropagation through time."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class CarriedState(keras.layers.Layer):
    """Runs a recurrent layer that, in training, begins each batch with the state in which the batch before left it.

    So a text is read as a whole while gradients flow through one window only. Outside training it begins with zeros, and takes
    batches of any size. `reset_state()` sets the state back to zeros, as before an epoch.

    The state is no weight: it is neither counted nor saved, and it does not bind the weights to a batch size. Other than
    `stateful=True` of Keras it works on JAX too, and evaluation does not move it.

    Source: Williams & Peng 1990, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent Network Trajectories";
    Mikolov et al. 2010, "Recurrent Neural Network Based Language Model".

    Args:
        rnn: A recurrent layer of Keras, made with `return_sequences=True` and `return_state=True`.
        batch_size: Number of rows of every training batch; None to begin with zeros in training too.

    Call arguments:
        inputs: `(batch, time, features)`.

    Returns:
        `(batch, time, units)`.

    Raises:
        ValueError: If the layer does not return sequences and states, or `batch_size` is smaller than 1.

    Example:
        >>> rnn = keras.layers.GRU(3, return_sequences=True, return_state=True)
        >>> tuple(CarriedState(rnn, batch_size=2)(ops.ones((2, 5, 4))).shape)
        (2, 5, 3)
    """

    def __init__(self, rnn: keras.layers.RNN, batch_size: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not (rnn.return_sequences and rnn.return_state):
            raise ValueError("`rnn` of CarriedState must be made with return_sequences=True and return_state=True.")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"`batch_size` of CarriedState must be at least 1, got {batch_size}.")
        self.rnn, self.batch_size = rnn, batch_size

    def build(self, input_shape):
        self.rnn.build(input_shape)
        if self.batch_size is None:
            self.state = []
            return
        self.state = [
            self.add_weight(shape=(self.batch_size, size), initializer="zeros", trainable=False, name=f"state{index}")
            for index, size in enumerate(keras.tree.flatten(self.rnn.state_size))
        ]

    @property
    def weights(self):
        """Those of the recurrent layer."""
        return self.rnn.weights

    def reset_state(self):
        """Sets the state to zeros."""
        for state in self.state:
            state.assign(ops.zeros(state.shape))

    def call(self, inputs, training=False):
        if not training or self.batch_size is None:
            return self.rnn(inputs, training=training)[0]
        outputs, *states = self.rnn(inputs, initial_state=[ops.convert_to_tensor(state) for state in self.state], training=True)
        for state, new in zip(self.state, states):
            state.assign(ops.stop_gradient(new))
        return outputs

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.rnn.units)

    def save_own_variables(self, store):
        """Nothing is saved but what the recurrent layer saves itself."""

    def load_own_variables(self, store):
        """Nothing was saved."""

    def get_config(self):
        return {
            **super().get_config(),
            "rnn": keras.saving.serialize_keras_object(self.rnn),
            "batch_size": self.batch_size,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "rnn": keras.saving.deserialize_keras_object(config["rnn"])})
