"""Initializers that Keras does not have. They need nothing but Keras and run on each of its backends."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class ChronoInitializer(keras.initializers.Initializer):
    """Biases of an LSTM whose units forget after 1 to `longest_dependency - 1` steps, spread evenly.

    A unit with forget gate `f` keeps its cell state for about `1 / (1 - f)` steps. The bias of the forget gates is
    `log(uniform(1, longest_dependency - 1))`, that of the input gates its negative, so that what comes in is weighted by what is
    forgotten; the other biases are 0. The gates are in Keras's order: input, forget, cell, output.

    It is the `bias_initializer` of `keras.layers.LSTM`, `keras.layers.LSTMCell` and the cells of the zoo that have a forget gate,
    with `unit_forget_bias=False`: otherwise Keras calls it for single gates and sets those of the forget gates to 1.

    Source: Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?", chrono initialization.

    Args:
        longest_dependency: The number of steps between what is to be remembered and its use at most, the paper's `T_max`; 3 or
            more.
        seed: Integer; None takes one that follows from `keras.utils.set_random_seed`. As with Keras's initializers, the same
            object gives the same values at each call, unless `seed` is a `keras.random.SeedGenerator`.

    Call arguments:
        shape: `(4 * units,)`.
        dtype: Dtype of the biases; that of `keras.config.floatx()` if None.

    Returns:
        `(4 * units,)`.

    Raises:
        ValueError: If `longest_dependency` is smaller than 3, or the shape is not that of the biases of four gates.

    Example:
        >>> lstm = keras.layers.LSTM(2, bias_initializer=ChronoInitializer(100, seed=1), unit_forget_bias=False)
        >>> lstm.build((None, None, 3))
        >>> i, f, c, o = keras.ops.split(lstm.cell.bias, 4)
        >>> bool(keras.ops.all((f >= 0) & (f <= keras.ops.log(99.0)) & (i == -f)))
        True
        >>> keras.ops.convert_to_numpy(c).tolist(), keras.ops.convert_to_numpy(o).tolist()
        ([0.0, 0.0], [0.0, 0.0])
    """

    def __init__(self, longest_dependency: int, seed=None):
        if longest_dependency < 3:
            raise ValueError(f"`longest_dependency` of ChronoInitializer must be at least 3, got {longest_dependency}.")
        self.longest_dependency = longest_dependency
        self.seed = seed
        self._steps = keras.initializers.RandomUniform(1.0, longest_dependency - 1.0, seed)

    def __call__(self, shape, dtype=None):
        shape = tuple(shape)
        if len(shape) != 1 or shape[0] % 4:
            raise ValueError(f"ChronoInitializer is for the bias of an LSTM, of shape (4 * units,), got shape {shape}.")
        units = shape[0] // 4
        forget = ops.log(self._steps((units,), dtype))
        return ops.concatenate([-forget, forget, ops.zeros((2 * units,), forget.dtype)])

    def get_config(self):
        return {"longest_dependency": self.longest_dependency, "seed": self._steps.get_config()["seed"]}
