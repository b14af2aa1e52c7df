"""A recurrent network that forecasts a series: sequence to a sequence of the same length, shifted by a step.

At each step it has read the values so far and tells those of the next `horizon` steps. Values are standardised inside, and what
the network computes is how they will differ from the present one, so that it answers in the units of the series.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", RNN Design Patterns - Sequence-to-Sequence ("you feed it the prices
over the last N days, and it must output the prices shifted by one day into the future"). Departures: several steps ahead as an
option; the difference from the present value instead of the value.
"""

import keras
from keras import layers, ops

from zoo.layers import Standardization

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU, "tanh": layers.SimpleRNN}


def time_series_rnn(
    horizon: int = 1,
    units: tuple[int, ...] = (64,),
    cell: str = "gru",
    dropout: float = 0.0,
    name: str = "time_series_rnn",
) -> keras.Model:
    """Builds the network: 12,931 weights by default.

    Args:
        horizon: How many steps ahead it tells at each step.
        units: Width of each recurrent layer, bottom to top.
        cell: "gru", "lstm" or "tanh".
        dropout: Fraction of each layer's outputs dropped in training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `series` (batch, time, 1) to `following` (batch, time, horizon), at each step the values
        of the next `horizon` steps. `forecaster(model)` goes on beyond the end of the series. Before it is trained,
        `adapt(model, values)` tells it the mean and the deviation of the series.

    Raises:
        ValueError: If `cell` is unknown, or `units` is empty, or `horizon` is smaller than 1.

    Example:
        >>> time_series_rnn().count_params()
        12931
    """
    if cell not in CELLS:
        raise ValueError(f"`cell` must be one of {', '.join(CELLS)}, got {cell!r}.")
    if not units or horizon < 1:
        raise ValueError(f"{name} needs a recurrent layer and a horizon of at least 1, got units {units} and horizon {horizon}.")
    inputs = keras.Input((None, 1), name="series")
    standardization = Standardization(name="standardization")
    x = present = standardization(inputs)
    for index, width in enumerate(units, start=1):
        x = CELLS[cell](width, return_sequences=True, name=f"rnn{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout{index}")(x)
    change = layers.Dense(horizon, dtype="float32", name="change")(x)
    following = standardization(layers.Add(name="standardized")([present, change]), reverse=True)
    return keras.Model(inputs, layers.Identity(name="following")(following), name=name)


def adapt(model: keras.Model, values) -> None:
    """Gives a model the mean and the deviation of its series.

    Args:
        model: A model from `time_series_rnn`.
        values: The values to train with, of any shape.

    Example:
        >>> model = time_series_rnn()
        >>> adapt(model, [3.0, 5.0])
        >>> float(model.get_layer("standardization").mean)
        4.0
    """
    model.get_layer("standardization").adapt(values)


def step(model: keras.Model) -> keras.Model:
    """One time step with the state as an input and an output, sharing the weights of `model`, without dropout.

    Args:
        model: A model from `time_series_rnn`.

    Returns:
        A `keras.Model` from [`value` (batch, 1), `state1`, `state2`, ... (batch, units), of each layer, bottom to top], or a
        dictionary of them, to {`following`: (batch, horizon); `next_state1`, ...}.

    Example:
        >>> sorted(step(time_series_rnn(units=(3, 2))).output)
        ['following', 'next_state1', 'next_state2']
    """
    standardization = model.get_layer("standardization")
    cells = [layer.cell for layer in model.layers if isinstance(layer, tuple(CELLS.values()))]
    value = keras.Input((1,), name="value")
    states, count = [], 0
    for cell in cells:
        sizes = keras.tree.flatten(cell.state_size)
        states.append([keras.Input((size,), name=f"state{count + index}") for index, size in enumerate(sizes, start=1)])
        count += len(sizes)
    present = standardization(value)
    output, new_states = layers.StackedRNNCells(cells, name="cells")(present, states)
    following = standardization(present + model.get_layer("change")(output), reverse=True)
    new_states = {f"next_state{index}": state for index, state in enumerate(keras.tree.flatten(new_states), start=1)}
    return keras.Model([value, *keras.tree.flatten(states)], {"following": following, **new_states}, name="step")


def forecaster(model: keras.Model) -> keras.Model:
    """Forecasts any number of steps beyond the end of a series, as one graph, sharing the weights of `model`.

    The first `horizon` steps are what the network tells at the last value. They are then read as if they had come true, and what
    it tells at the last of them are the next `horizon` steps, and so on. JAX cannot compile it, because `steps` determines a
    shape.

    Args:
        model: A model from `time_series_rnn`.

    Returns:
        A `keras.Model` from [`series` (batch, time, 1), `steps` () int32, at least 1], or a dictionary of them, to
        {`forecast`: (batch, steps)}.

    Example:
        >>> inputs = {"series": keras.ops.ones((2, 5, 1)), "steps": keras.ops.array(3)}
        >>> tuple(forecaster(time_series_rnn())(inputs)["forecast"].shape)
        (2, 3)
    """
    series = keras.Input((None, 1), name="series")
    steps = keras.Input(batch_shape=(), dtype="int32", name="steps")
    forecast = Forecast(step(model), name="forecast")(series, steps)
    return keras.Model([series, steps], {"forecast": forecast}, name="forecaster")


@keras.saving.register_keras_serializable("zoo")
class Forecast(layers.Layer):
    """The loop of `forecaster`: from `series` (batch, time, 1) and `steps` () to (batch, steps)."""

    def __init__(self, step, **kwargs):
        super().__init__(**kwargs)
        self.step = step

    def call(self, series, steps):
        batch, given = ops.shape(series)[0], ops.shape(series)[1]
        horizon = self.step.output["following"].shape[-1]
        places = ops.arange(steps, dtype="int32")  # (steps,)

        def advance(index, forecast, pending, value, *states):
            """Reads the value at `index`; `place` is where the value after it stands in the forecast, if it does."""
            following, states = _following_and_states(self.step([value, *states]))
            place = index + 1 - given
            turn = ops.mod(ops.maximum(place, 0), horizon)
            pending = ops.where(turn == 0, following, pending)
            told = ops.take(pending, turn, axis=1)[:, None]
            forecast = ops.where((places == place)[None, :], told, forecast)
            read = ops.take(series, ops.minimum(index + 1, given - 1), axis=1)
            return (index + 1, forecast, pending, ops.where(place < 0, read, told), *states)

        states = [ops.zeros((batch, tensor.shape[-1])) for tensor in self.step.inputs[1:]]
        start = (
            ops.zeros((), dtype="int32"),
            ops.zeros((batch, steps)),
            ops.zeros((batch, horizon)),
            series[:, 0],
            *states,
        )
        _, forecast, *_ = ops.while_loop(lambda index, *_: index < given + steps - 1, advance, start)
        return forecast

    def compute_output_spec(self, series, steps):
        return keras.KerasTensor((series.shape[0], None), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "step": keras.saving.serialize_keras_object(self.step)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "step": keras.saving.deserialize_keras_object(config["step"])})


def _following_and_states(outputs):
    """The outputs of `step`, in order."""
    states = sorted((name for name in outputs if name.startswith("next_state")), key=lambda name: (len(name), name))
    return outputs["following"], [outputs[name] for name in states]
