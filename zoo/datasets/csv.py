"""A person's own series, a column of a CSV file: `data=csv:FILE`."""

import os
from typing import Literal

import numpy as np

from zoo.data.files import listed
from zoo.data.forecasting import forecasting_data
from zoo.data.tables import FORM, filled, read_column
from zoo.errors import UsageError
from zoo.types import Count, counted


def load(
    path=None,
    column: str | None = None,
    step: Count = 1,
    missing: Literal["refuse", "interpolate"] = "refuse",
    window: Count = 132,
    horizon: Count = 24,
    season: Count | None = None,
):
    r"""The series of a column: the first 70 % of its time to train, 15 % to validate, the last 15 % to test.

    Columns have commas, semicolons or tabs between them, rows are in the order of time, and a heading may name the columns.

    Args:
        path: The file; `~` is the user's own folder.
        column: Name of the column, or its number, counted from 1; None for the only one that holds numbers.
        step: How many rows make one step, whose value is their mean: with 7, days become weeks. Rows that are left over at the
            beginning are left out.
        missing: What becomes of missing values: "refuse" names their lines, "interpolate" draws a straight line over the gap.
        window: Number of steps that the network sees in training.
        horizon: How many steps ahead it forecasts.
        season: Steps of a period, such as 12 for months, for the seasonal naive forecast; None where there is none.

    Returns:
        A `zoo.data.Data` with `series` (window, 1), float32, and targets (examples, window, horizon).

    Raises:
        UsageError: If there is no such file or column, or several columns of numbers, or something else among them, or values are
            missing (all lines are named), or the series is too short.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/sales.csv"
        >>> with open(name, "w") as file:
        ...     _ = file.write("day,sales\n" + "".join(f"{day},{day % 7}.5\n" for day in range(300)))
        >>> load(name, column="sales", window=28, horizon=7, season=7).test.inputs["series"].shape
        (39, 28, 1)
    """
    if not path:
        raise UsageError(f"`data=csv` came without a file; write data=csv:FILE, {FORM}.")
    file = os.path.expanduser(path)
    if not os.path.isfile(file):
        raise UsageError(f"{path} is not a file; expected {FORM}.")
    found, notes = read_column(file, column), []
    values = found.values
    if missing == "refuse":
        values = filled(found, path, ", or fill it by a straight line with missing=interpolate")
    elif found.missing:
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            raise UsageError(f"{path} has no value in the column {found.name}; expected {FORM}.")
        values = np.interp(np.arange(len(values)), known, values[known])
        notes.append(f"{path}: the value of the column {found.name} in line {listed(found.missing)} was interpolated.")
    if step > 1:
        left = len(values) % step
        values = values[left:].reshape(-1, step).mean(axis=1)
        over = f"; the first {counted(left, 'row')} were left out" if left else ""
        notes.append(f"{path}: {step} rows make a step, their mean{over}.")
    paths = {"data": [os.path.abspath(file)]}
    source = f"file {path}, column {found.name}"
    return forecasting_data(values, window, horizon, season, source, "the user's own", found.name, notes, paths)
