"""Windows of series with what follows at each step, and what simple rules forecast for them."""

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part
from zoo.errors import UsageError

# Of the time of one series; the rest is the test part.
TRAIN, VALIDATION = 0.7, 0.15
ORDERS = (1, 2, 3, 6, 12, 24, 36, 48, 72, 96, 144, 192, 288, 384)


def forecasting_data(values, window, horizon, season, source, licence, column=None, notes=(), paths=None):
    """A `Data` of the windows of one long series: the first 70 % of its time to train, 15 % to validate, 15 % to test.

    What is forecast in a part lies in its time; the window before may reach back into the part before.

    Args:
        values: `(time,)` numbers.
        window: Number of steps that a network sees.
        horizon: How many steps ahead the targets reach.
        season: Steps of a period, for the seasonal naive forecast; None where there is none.
        source: Where the series comes from.
        licence: Its licence.
        column: Name of the column of a person's table that it is, or None.
        notes: As in `Data`.
        paths: As in `Data`.

    Returns:
        A `Data` with `series` (window, 1), float32, and targets (examples, window, horizon): at each step the `horizon` values
        that follow it. Each part has `baselines`.

    Raises:
        UsageError: If the series is too short for its window, horizon and season.

    Example:
        >>> data = forecasting_data(np.arange(400.0), window=20, horizon=3, season=5, source="", licence="")
        >>> data.test.inputs["series"][0, -2:, 0].tolist(), data.test.targets[0, -1].tolist()
        ([338.0, 339.0], [340.0, 341.0, 342.0])
        >>> data.test.baselines["seasonal_naive"][0].tolist()
        [335.0, 336.0, 337.0]
    """
    values = np.asarray(values, "float32")
    ends = np.array([TRAIN, TRAIN + VALIDATION, 1.0]) * len(values)
    to_train, to_validate, to_test = ends.round().astype(int)
    needed = _needed(window, horizon, season)
    if len(values) < needed:
        seasons = f", the season of {season}" if season else ""
        raise UsageError(
            f"{source} has {len(values):,} steps; a window of {window} steps{seasons} and {horizon} steps ahead need at least "
            f"{needed:,}. Give smaller ones (window=..., horizon=...), or a longer series."
        )
    first = max(window, season or 0)
    spans = {"train": (first, to_train), "validation": (to_train, to_validate), "test": (to_validate, to_test)}
    parts, seasonal = {}, {}
    for part, (start, end) in spans.items():
        origins = np.arange(start, end - horizon + 1)  # of the first value to forecast
        steps = origins[:, None] - window + np.arange(window)
        ahead = steps[:, :, None] + 1 + np.arange(horizon)
        parts[part] = values[steps], values[ahead]
        if season:
            reached = origins[:, None] + np.arange(horizon)
            seasonal[part] = values[reached - season * (1 + np.arange(horizon) // season)]
    return windows_data(parts, seasonal, source, licence, column, notes, paths)


def windows_data(parts, seasonal, source, licence, column=None, notes=(), paths=None):
    """A `Data` of windows, with the baselines that can be computed from them.

    The baselines are "naive" (the last value), "seasonal_naive" (the value a season before) and "linear" (autoregression by least
    squares, a formula for each step ahead, of the order that is best on the validation part).

    Args:
        parts: {"train", "validation" and "test": (`(examples, window)`, and what follows each step,
            `(examples, window, horizon)`)}.
        seasonal: {part: `(examples, horizon)`}, the seasonal naive forecasts, or {} where there is no season.
        source: Where the series come from.
        licence: Their licence.
        column: Name of the column of a person's table, or None.
        notes: As in `Data`.
        paths: As in `Data`.

    Returns:
        A `Data`; see `forecasting_data`.
    """
    order, linear = _autoregression(parts["train"], parts["validation"])
    made = {}
    for part, (windows, following) in parts.items():
        last = windows[:, -1:]
        baselines = {"naive": np.repeat(last, following.shape[-1], axis=1)}
        if seasonal:
            baselines["seasonal_naive"] = seasonal[part]
        baselines["linear"] = _forecast(windows, order, linear)
        made[part] = Part({"series": windows[..., None]}, following, baselines=baselines)
    windows, following = parts["train"]
    series = Field("float32", (None, 1), kind="series", column=column, usual=(float(windows.min()), float(windows.max())))
    said = f"linear: autoregression on the last {order} values, the order that is best on the validation part."
    return Data(
        **made,
        contract=Contract({"series": series}, horizon=following.shape[-1]),
        source=source,
        licence=licence,
        notes=(*notes, said),
        paths=paths or {},
    )


def _needed(window, horizon, season):
    """The length from which each part has a window: the shortest are the first to be used up."""
    first = max(window, season or 0)
    return int(np.ceil(max((first + horizon + 1) / TRAIN, (horizon + 1) / VALIDATION)))


def _autoregression(train, validation):
    """The order and the coefficients, `(order + 1, horizon)`, of the best linear forecast from the last values."""
    fitted = {}
    for order in ORDERS:
        # With fewer windows than that, least squares fit noise.
        if order > train[0].shape[1] or 2 * (order + 1) > len(train[0]):
            break
        coefficients, *_ = np.linalg.lstsq(_lagged(train[0], order), train[1][:, -1].astype("float64"), rcond=None)
        error = np.mean((_forecast(validation[0], order, coefficients) - validation[1][:, -1]) ** 2)
        fitted[order] = error, coefficients
    best = min(fitted, key=lambda order: fitted[order][0])
    return best, fitted[best][1]


def _forecast(windows, order, coefficients):
    return (_lagged(windows, order) @ coefficients).astype("float32")


def _lagged(windows, order):
    """The last values of each window and a constant, `(examples, order + 1)` float64."""
    return np.pad(windows[:, -order:].astype("float64"), ((0, 0), (0, 1)), constant_values=1.0)
