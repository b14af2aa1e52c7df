"""Monthly sunspot numbers of Zürich, 1749 to 1983: a cycle of about eleven years, no two of the same height."""

from zoo.data.forecasting import forecasting_data
from zoo.data.library import library_series
from zoo.types import Count

ORIGIN = "Time Series Data Library (Andrews & Herzberg 1985)"
SEASON = 132  # months


def load(window: Count = 132, horizon: Count = 24):
    """The 2 820 months: those to June 1913 to train, to September 1948 to validate, to December 1983 to test.

    They are read from `timeseries/monthly-sunspots.csv` in the folder of `ZOO_DATA_DIR`, or downloaded once into the user's
    cache.

    Args:
        window: Number of months that the network sees in training.
        horizon: How many months ahead it forecasts.

    Returns:
        A `zoo.data.Data` with `series` (window, 1), float32, and targets (examples, window, horizon).

    Raises:
        UsageError: If the series is missing and cannot be downloaded, or is too short for window and horizon.

    Example:
        `zoo.datasets.sunspots.load().test.inputs["series"].shape` is `(400, 132, 1)`.
    """
    values = library_series("monthly-sunspots.csv", 2820, ORIGIN)
    return forecasting_data(values, window, horizon, SEASON, f"monthly sunspots, {ORIGIN}", "Time Series Data Library")
