"""Daily minimum temperatures in Melbourne, 1981 to 1990, in degrees Celsius."""

from zoo.data.forecasting import forecasting_data
from zoo.data.library import library_series
from zoo.types import Count

ORIGIN = "Time Series Data Library (Australian Bureau of Meteorology)"
SEASON = 365  # days: the series leaves out the 366th of leap years


def load(window: Count = 240, horizon: Count = 14):
    """The 3 650 days: those to the end of 1987 to train, half of the others to validate, the last 548 to test.

    They are read from `timeseries/daily-min-temperatures.csv` in the folder of `ZOO_DATA_DIR`, or downloaded once into the user's
    cache.

    Args:
        window: Number of days that the network sees in training.
        horizon: How many days ahead it forecasts.

    Returns:
        A `zoo.data.Data` with `series` (window, 1), float32, and targets (examples, window, horizon).

    Raises:
        UsageError: If the series is missing and cannot be downloaded, or is too short for window and horizon.

    Example:
        `zoo.datasets.temperatures.load().contract.horizon` is 14.
    """
    values = library_series("daily-min-temperatures.csv", 3650, ORIGIN)
    source = f"daily minimum temperatures in Melbourne, {ORIGIN}"
    return forecasting_data(values, window, horizon, SEASON, source, "Time Series Data Library")
