"""Series of the Time Series Data Library (Hyndman)."""

import pathlib
import urllib.error

from zoo.data.prepared import cache_folder, data_folder, missing
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
    given, instead = data_folder(), "data=csv:FILE with a series of your own, or data=series"
    if given:
        path = given / "timeseries" / file
        if not path.is_file():
            raise missing(str(path), origin, instead)
    else:
        import pooch

        try:
            path = pathlib.Path(pooch.retrieve(URL + file, known_hash=None, fname=file, path=cache_folder() / "timeseries"))
        except (OSError, urllib.error.URLError) as error:
            raise missing(f"{URL}{file} (download failed: {type(error).__name__})", origin, instead) from error
    values = filled(read_column(path), path)
    if len(values) != steps:
        raise UsageError(f"{path} holds {len(values):,} values; expected {steps:,}. Fetch it again from {URL}{file}.")
    return values
