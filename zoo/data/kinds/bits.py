"""Bits: 0 and 1 as people write them, one after the other, `(time,)`; as a number, the most significant bit comes first."""

import os
import pathlib
import re

import numpy as np

from zoo.errors import UsageError
from zoo.types import counted


def read(source, name, field):
    """The bits of a text such as "1011", or of every line of a text file; shorter lines get zeros in front.

    Raises:
        UsageError: If the file cannot be read as text, or something else than 0 and 1 is there, or nothing.

    Example:
        >>> from zoo.data import Field
        >>> read("1011", "bits", Field("int32", (None,), 0, 1, kind="bits"))
        (array([[1, 0, 1, 1]], dtype=int32), [])
    """
    is_file = os.path.isfile(source)
    try:
        text = pathlib.Path(source).read_text(encoding="utf-8-sig") if is_file else str(source)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read as text ({error}); expected a text file of 0 and 1.") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=1):
        if not re.fullmatch("[01]+", line):
            where = f"{source}, line {number}," if is_file else f"`{name}`"
            raise UsageError(f"{where} is {line[:40]!r}; expected 0 and 1 only, such as 1011.")
    if not lines:
        raise UsageError(f"{str(source)!r} holds no bits; expected 0 and 1, such as 1011, or a file with one example per line.")
    notes = [f"{counted(len(lines), 'line')} of {source}"] if is_file else []
    return joined([np.array([list(line)], field.dtype) for line in lines]), notes


def joined(batches):
    """One batch of several; shorter ones get zeros in front, which changes neither a number nor how many ones there are.

    Example:
        >>> joined([np.array([[1, 1]]), np.array([[1, 0, 1]])]).tolist()
        [[0, 1, 1], [1, 0, 1]]
    """
    longest = max(batch.shape[1] for batch in batches)
    return np.concatenate([np.pad(batch, ((0, 0), (longest - batch.shape[1], 0))) for batch in batches])


def value(row, field):
    """The bits as text, without zeros in front.

    Example:
        >>> value(np.array([0, 0, 1, 0]), None), value(np.array([0, 0]), None)
        ('10', '0')
    """
    return "".join(str(int(bit)) for bit in row).lstrip("0") or "0"


words = value
