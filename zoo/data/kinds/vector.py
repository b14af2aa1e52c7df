"""Vectors: numbers that have no more to them."""

import os
import pathlib
import re

import numpy as np

from zoo.errors import UsageError
from zoo.types import counted

SHOWN = 12  # numbers on a line; of more only the range is told


def read(source, name, field):
    """Numbers of the command line, such as "0.3,-0.2", or of a text file with one example per line.

    Raises:
        UsageError: If there is another number of them than an example has, or something that is not a number.

    Example:
        >>> from zoo.data import Field
        >>> read("0.5, -1", "features", Field("float32", (2,)))
        (array([[ 0.5, -1. ]], dtype=float32), [])
    """
    rows = read_numbers(source, name)
    size = int(np.prod([1 if side is None else side for side in field.shape]))
    if any(len(row) != size for row in rows):
        found = next(len(row) for row in rows if len(row) != size)
        raise UsageError(f"`{name}` has {found} numbers in {str(source)!r}; expected {size} for each example.")
    values = np.array(rows, "float64").reshape(len(rows), *(1 if side is None else side for side in field.shape))
    if np.issubdtype(field.dtype, np.integer) and (values != np.round(values)).any():
        raise UsageError(f"`{name}` is {str(source)!r}; expected whole numbers.")
    notes = [f"{counted(len(rows), 'example')} of {source}"] if os.path.isfile(source) else []
    return values.astype(field.dtype), notes


def read_numbers(source, name):
    """The numbers of each line of a text file, or of a text; commas, semicolons and spaces part them, a heading is left out.

    Returns:
        A list of lists of floats.

    Raises:
        UsageError: If the file cannot be read, or holds no numbers, or something else among them.
    """
    is_file = os.path.isfile(source)
    try:
        text = pathlib.Path(source).read_text(encoding="utf-8-sig") if is_file else str(source)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read as numbers ({error}); expected a text file of numbers, or .npy.") from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = [word for word in re.split(r"[\s,;]+", line.strip()) if word]
        try:
            rows.append([float(word) for word in fields])
        except ValueError:
            if number > 1 or not is_file:
                where = f"{source}, line {number}," if is_file else f"`{name}`"
                expected = "numbers" if is_file else "numbers such as 0.5,-1, or a file of numbers (.csv, .txt or .npy)"
                raise UsageError(f"{where} is {line[:40]!r}; expected {expected}.") from None
    rows = [row for row in rows if row]
    if not rows:
        raise UsageError(f"{str(source)!r} holds no numbers; expected some, such as 0.5,-1, or a file with one example per line.")
    return rows


def value(row, field):
    """A number, or an array of numbers."""
    return row.item() if np.ndim(row) == 0 else row


def words(row, field):
    """The numbers, or where they are many their range.

    Example:
        >>> words(np.array([0.25, 2.0]), None), words(np.zeros((5, 5)), None)
        ('0.25 2', '(5, 5) numbers, 0 to 0')
    """
    row = np.asarray(row)
    if row.size <= SHOWN and row.ndim < 2:
        return " ".join(f"{number:.4g}" for number in row.ravel())
    return f"{row.shape} numbers, {row.min():.3g} to {row.max():.3g}"
