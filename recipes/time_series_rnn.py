"""Monthly sunspot numbers, up to 24 months ahead.

Over the last 35 years the error of its forecasts is 0.98 times that of the best linear autoregression.

Commands:
    zoo train time_series_rnn
    zoo train time_series_rnn data=temperatures --folder temperatures
    zoo train time_series_rnn data=csv:sales.csv column=sales window=36 horizon=6 season=12 --folder sales
    zoo predict time_series_rnn sunspots.csv steps=24 --save forecast.png
"""

from typing import Literal

import keras
import numpy as np
from keras import ops

from zoo import datasets, time_series_rnn
from zoo.data import Field
from zoo.models.time_series_rnn import adapt, forecaster, step
from zoo.recipe import Count, Fraction, Recipe, Target

MOST_STEPS = 1000
SMALLEST_ERROR = 1e-9  # of a rule, such as the seasonal one on a series that repeats itself


class ForecastError(keras.metrics.RootMeanSquaredError):
    """The root mean squared error of what is told at the last step of a window."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(y_true[:, -1], y_pred[:, -1], sample_weight)


def build(
    contract,
    optimizer,
    units: tuple[Count, ...] = (48,),
    cell: Literal["gru", "lstm", "tanh"] = "gru",
    dropout: Fraction = 0.1,
):
    contract["series"]  # says what is needed, where the data are no series
    model = time_series_rnn(contract.horizon, units, cell, dropout)
    deviation = model.get_layer("standardization").deviation

    def squared_error(y_true, y_pred):
        # In units of the series' variance: so a gradient is clipped at the same point whatever the series measures.
        return ops.mean(ops.square((y_true - y_pred) / deviation), axis=(1, 2))

    model.compile(optimizer=optimizer, loss=squared_error, metrics=[ForecastError(name="rmse")])
    return model


def adapt_to(model, part):
    adapt(model, part.inputs["series"])


def endpoints(model):
    return {
        "serving_default": forecaster(model),
        "following": keras.Model(model.input, {"following": model.output}, name="following"),
        "step": step(model),
    }


def fields(contract):
    return {
        "steps": Field("int32", (), 1, MOST_STEPS, batched=False),
        "forecast": Field("float32", (None,), kind="series"),
    }


def estimate(model, part, contract):
    """The errors of the network and of simple rules, and the first one over the smallest of the others."""
    forecast = model.predict(part.inputs["series"], batch_size=250, verbose=0)[:, -1]
    right = part.targets[:, -1]
    errors = {f"{rule}_rmse": _rmse(told, right) for rule, told in part.baselines.items()}
    return {
        "next_step_rmse": _rmse(forecast[:, 0], right[:, 0]),
        **{f"next_step_{rule}_rmse": _rmse(told[:, 0], right[:, 0]) for rule, told in part.baselines.items()},
        **errors,
        "relative_rmse": _rmse(forecast, right) / max(min(errors.values()), SMALLEST_ERROR),
    }


def _rmse(told, right):
    return float(np.sqrt(np.mean((told - right) ** 2)))


def space(hp):
    return {
        # Two thousand months are few: wide layers memorise them.
        "units": (hp.Int("units/width", 16, 80, step=16, default=48),) * hp.Int("units/layers", 1, 2, default=1),
        "cell": hp.Choice("cell", ["gru", "lstm"], default="gru"),
        "dropout": hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.1),
        # Recurrent layers diverge above 1e-2 even with clipped gradients, and learn too slowly below 5e-4.
        "learning_rate": hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=3e-3),
        "batch_size": hp.Choice("batch_size", [32, 64, 128], default=64),
    }


recipe = Recipe(
    build=build,
    data=datasets.sunspots,
    adapt=adapt_to,
    endpoints=endpoints,
    fields=fields,
    estimate=estimate,
    space=space,
    fit={"epochs": 20, "batch_size": 64, "learning_rate": 3e-3, "global_clipnorm": 1.0, "schedule": "cosine"},
    target=Target("relative_rmse", at_most=1.0, aim=0.9, monitor="rmse"),
)
