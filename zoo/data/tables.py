"""Columns of numbers in a person's CSV file."""

import dataclasses
import math
import re

import numpy as np

from zoo.data.files import listed, read_table
from zoo.errors import UsageError

FORM = "a CSV file with a row for each step and a column of numbers"
MISSING = ("", "na", "n/a", "nan", "none", "null", "-", "?")  # how programs write that there is no value, in small letters


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of numbers.

    Args:
        name: Its name in the heading, or its number, counted from 1.
        values: `(rows,)` float64, NaN where there is no value.
        lines: The line of each value in the file.
    """

    name: str
    values: np.ndarray
    lines: tuple

    @property
    def missing(self):
        """The lines without a value."""
        return [line for line, value in zip(self.lines, self.values) if math.isnan(value)]


def read_column(path, column=None, preferred=None):
    r"""A column of a CSV file with or without a heading; one with semicolons may have decimal commas.

    Args:
        path: The file.
        column: Name of the column, or its number, counted from 1; None for the only one that holds numbers.
        preferred: Where `column` is None, the name of the column to take if the file has it.

    Returns:
        A `Column`.

    Raises:
        UsageError: If the file cannot be read, has no such column, or several of numbers, or something else among them.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/sales.csv"
        >>> with open(name, "w") as file:
        ...     _ = file.write("month,sales\n2024-01,3.5\n2024-02,4\n")
        >>> read_column(name).values.tolist()
        [3.5, 4.0]
    """
    rows = read_table(path, FORM)
    width = max(len(row) for _, row in rows)
    cells = [[row[index] if index < len(row) else "" for _, row in rows] for index in range(width)]
    first = [_number(cell) for cell in rows[0][1]]
    has_heading = None in first and all(number is None or math.isnan(number) for number in first)
    names = [cell if has_heading and cell else str(index + 1) for index, cell in enumerate(column[0] for column in cells)]
    lines = tuple(line for line, _ in rows[has_heading:])
    if not lines:
        raise UsageError(f"{path} holds a heading only; expected {FORM}.")
    numbers = {index: [_number(cell) for cell in one[has_heading:]] for index, one in enumerate(cells)}
    index = _chosen(path, preferred if column is None and preferred in names else column, names, numbers)
    for line, cell, number in zip(lines, cells[index][has_heading:], numbers[index]):
        if number is None:
            raise UsageError(f"{path}, line {line}, has {cell[:40]!r} in the column {names[index]}; expected a number.")
    return Column(names[index], np.array(numbers[index]), lines)


def filled(column, path, or_else=""):
    """The values of a column that has all.

    Args:
        column: A `Column`.
        path: Its file, for the message.
        or_else: What else than to fill them in a person can do, for the message.

    Raises:
        UsageError: If it lacks some; their lines are named.
    """
    if column.missing:
        raise UsageError(
            f"{path} lacks a value of the column {column.name} in line {listed(column.missing)}; fill it in{or_else}."
        )
    return column.values


def _chosen(path, column, names, numbers):
    """The number of the column that is meant."""
    if column is not None:
        if column in names:
            return names.index(column)
        if str(column).isdecimal() and 1 <= int(column) <= len(names):
            return int(column) - 1
        raise UsageError(f"{path} has no column {column!r}; its columns are {', '.join(names)}.")
    of_numbers = [index for index, one in numbers.items() if _mostly_numbers(one)]
    if not of_numbers:
        raise UsageError(f"{path} has no column of numbers; its columns are {', '.join(names)}; expected {FORM}.")
    if len(of_numbers) > 1:
        several = ", ".join(names[index] for index in of_numbers)
        raise UsageError(f"{path} has several columns of numbers, {several}; choose one with column=...")
    return of_numbers[0]


def _mostly_numbers(numbers):
    """Whether more than half of the cells that hold anything hold a number."""
    given = [number for number in numbers if number is None or not math.isnan(number)]
    return 2 * sum(number is not None for number in given) > len(given)


def _number(cell):
    """The number of a cell; NaN where it says that there is none; None where it is something else."""
    if cell.lower() in MISSING:
        return math.nan
    try:
        # 3,5 is a number as much of Europe writes it; 3,500 may be two.
        number = float(re.sub(r"^([+-]?\d+),(\d{1,2}|\d{4,})$", r"\1.\2", cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
