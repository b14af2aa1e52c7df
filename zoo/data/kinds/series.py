"""Series: numbers along time, `(time, channels)`, or `(time,)` for one channel."""

import os

import numpy as np

from zoo.data.kinds import vector
from zoo.errors import UsageError
from zoo.types import counted

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a drawn series


def read(source, name, field):
    """One series of a text file with a step per line, or of the command line: "3 5 8" is three steps of one channel.

    Raises:
        UsageError: If a step has another number of channels, or something is not a number.

    Example:
        >>> from zoo.data import Field
        >>> read("3 5 8", "series", Field("float32", (None, 1), kind="series"))[0].tolist()
        [[[3.0], [5.0], [8.0]]]
    """
    rows = vector.read_numbers(source, name)
    channels = field.shape[1] if len(field.shape) > 1 else 1
    if len(rows) == 1 and channels == 1:
        rows = [[number] for number in rows[0]]
    if any(len(row) != channels for row in rows):
        number, found = next((number, len(row)) for number, row in enumerate(rows, start=1) if len(row) != channels)
        raise UsageError(f"`{name}` has {found} numbers in step {number} of {str(source)!r}; expected {channels}.")
    notes = [f"{counted(len(rows), 'step')} of {source}"] if os.path.isfile(source) else []
    return np.array(rows, field.dtype).reshape(1, len(rows), *field.shape[1:]), notes


def value(row, field):
    """The array itself."""
    return row


def words(row, field):
    """A line of bars for each channel, with its range.

    Example:
        >>> words(np.array([0.0, 1.0, 7.0]), None)
        '▁▂█ 0 to 7'
    """
    return "\n".join(_bars(channel) for channel in np.asarray(row, "float64").reshape(len(row), -1).T)


def _bars(channel):
    low, high = channel.min(), channel.max()
    steps = channel[np.linspace(0, len(channel) - 1, min(WIDTH, len(channel))).astype(int)]
    heights = np.round((steps - low) / ((high - low) or 1) * (len(BARS) - 1)).astype(int)
    return f"{''.join(BARS[height] for height in heights)} {low:.4g} to {high:.4g}"
