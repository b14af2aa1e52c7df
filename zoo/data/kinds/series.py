"""Series: numbers along time, `(time, channels)`, or `(time,)` for one channel. One that is answered follows the one given."""

import os

import numpy as np

from zoo.data.files import read_text
from zoo.data.kinds import vector
from zoo.data.tables import filled, read_column
from zoo.errors import UsageError
from zoo.types import counted

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 60  # characters of a drawn series
MOST_NUMBERS = 48  # of a series of one channel that are written out, too
CONTEXT = 6  # times as many steps of the series before an answer are drawn as the answer has, so that it can be seen
MOST_CHARTS = 12


def read(source, name, field):
    """One series of a text file with a step per line, or of the command line: "3 5 8" is three steps of one channel.

    For one channel it may be a CSV file with other columns, such as dates: the column is the one that `field.column` names, else
    the only one of numbers.

    Raises:
        UsageError: If a step has another number of channels, or something is not a number, or a value is missing.

    Example:
        >>> from zoo.data import Field
        >>> read("3 5 8", "series", Field("float32", (None, 1), kind="series"))[0].tolist()
        [[[3.0], [5.0], [8.0]]]
    """
    channels = field.shape[1] if len(field.shape) > 1 else 1
    is_file = os.path.isfile(source)
    if is_file and channels == 1 and len(read_text(source, "numbers").split("\n", 2)) > 2:
        column = read_column(source, preferred=field.column)
        rows = [[number] for number in filled(column, source).tolist()]
    else:
        rows = vector.read_numbers(source, name)
    if len(rows) == 1 and channels == 1:
        rows = [[number] for number in rows[0]]
    if any(len(row) != channels for row in rows):
        number, found = next((number, len(row)) for number, row in enumerate(rows, start=1) if len(row) != channels)
        raise UsageError(f"`{name}` has {found} numbers in step {number} of {str(source)!r}; expected {channels}.")
    notes = [f"{counted(len(rows), 'step')} of {source}"] if is_file else []
    series = np.array(rows, field.dtype)
    low, high = field.usual or (-np.inf, np.inf)
    margin = (high - low) / 2
    if series.min() < low - margin or series.max() > high + margin:
        notes.append(
            f"values from {series.min():.4g} to {series.max():.4g}, and the network was trained on {low:.4g} to {high:.4g}; for "
            "another series than that, train it on yours (data=csv:FILE)"
        )
    return series.reshape(1, len(rows), *field.shape[1:]), notes


def value(row, field):
    """The array itself."""
    return row


def words(row, field):
    """A line of bars for each channel, with its range; below it the numbers, if there is one channel and they are not many.

    Example:
        >>> print(words(np.array([0.0, 1.0, 7.0]), None))
        ▁▂█ 0 to 7
        0 1 7
    """
    channels = np.asarray(row, "float64").reshape(len(row), -1).T
    lines = [_bars(channel) for channel in channels]
    if len(channels) == 1 and len(row) <= MOST_NUMBERS:
        lines.append(" ".join(f"{number:.4g}" for number in channels[0]))
    return "\n".join(lines)


def save_chart(given, answered, name, labels, path):
    """Draws series that were answered behind those that were given, each in a chart of its own.

    Args:
        given: `(batch, time, channels)`, or None.
        answered: `(batch, steps)` or `(batch, steps, channels)`.
        name: What the answer is called.
        labels: What to call each example; empty for one.
        path: The PNG file to write.

    Raises:
        UsageError: If there are too many to be told apart.
    """
    import matplotlib.figure  # takes a second, and few need it

    if len(answered) > MOST_CHARTS:
        raise UsageError(f"got {len(answered)} series; expected at most {MOST_CHARTS} to draw. Give --save a name in .npz.")
    figure = matplotlib.figure.Figure(figsize=(9, 0.7 + 2.9 * len(answered)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(answered), squeeze=False)[:, 0]):
        after = np.asarray(answered[row]).reshape(len(answered[row]), -1)
        before = after[:0] if given is None else np.asarray(given[row]).reshape(len(given[row]), -1)
        start = max(0, len(before) - max(CONTEXT * len(after), WIDTH))
        for channel in range(after.shape[1]):
            known = before[start:, channel]
            axes.plot(np.arange(start + 1, len(before) + 1), known, color="#4c5866", linewidth=1.2, label="given")
            # From the last value that is known, so that the line has no gap.
            whole = np.concatenate([known[-1:], after[:, channel]])
            steps = np.arange(len(whole)) + len(before) + 1 - len(known[-1:])
            axes.plot(steps, whole, color="#d1495b", linewidth=1.8, label=name)
        axes.axvline(len(before), color="#b8c0c8", linewidth=0.8, linestyle="--")
        axes.set(xlabel="step", title=labels[row] if labels else None)
        axes.margins(x=0.01)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
        handles, names = axes.get_legend_handles_labels()
        unique = dict(zip(names, handles))
        axes.legend(unique.values(), unique.keys(), loc="upper left", frameon=False, ncols=2)
    figure.savefig(path, format="png", dpi=120)


def _bars(channel):
    low, high = channel.min(), channel.max()
    steps = channel[np.linspace(0, len(channel) - 1, min(WIDTH, len(channel))).astype(int)]
    heights = np.round((steps - low) / ((high - low) or 1) * (len(BARS) - 1)).astype(int)
    return f"{''.join(BARS[height] for height in heights)} {low:.4g} to {high:.4g}"
