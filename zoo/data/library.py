"""Series of the Time Series Data Library (Hyndman)."""

from zoo.data.prepared import file_of
from zoo.data.tables import filled, read_column
from zoo.errors import UsageError

URL = "https://raw.githubusercontent.com/jbrownlee/Datasets/master/"


def library_series(file, steps, origin):
    """The values of a series, from `timeseries/FILE` under `ZOO_DATA_DIR` or downloaded once into the user's cache.

    Args:
        file: Name of the CSV file.
        steps: Number of values that it must have.
        origin: Where it comes from, for messages.

    Returns:
        `(steps,)` float64.

    Raises:
        UsageError: If it is missing and cannot be downloaded, or is damaged.
    """
    instead = "data=csv:FILE with a series of your own, or data=series"
    path = file_of("timeseries", file, URL + file, origin, instead)
    values = filled(read_column(path), path)
    if len(values) != steps:
        raise UsageError(f"{path} holds {len(values):,} values; expected {steps:,}. Fetch it again from {URL}{file}.")
    return values
