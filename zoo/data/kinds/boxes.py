"""Boxes on a picture, `(boxes, 4)`: left, top, right and bottom in pixels; a box without area stands for none."""

import numpy as np

from zoo.data.kinds import vector
from zoo.errors import UsageError


def read(source, name, field):
    """Boxes of a text file with one per line, or of the command line: "10,20,30,40".

    Raises:
        UsageError: If a box has not four numbers.

    Example:
        >>> from zoo.data import Field
        >>> read("1,2,3,4", "boxes", Field("float32", (None, 4), kind="boxes"))[0].tolist()
        [[[1.0, 2.0, 3.0, 4.0]]]
    """
    rows = vector.read_numbers(source, name)
    if any(len(row) != 4 for row in rows):
        raise UsageError(f"`{name}` is {str(source)!r}; expected four numbers a box: left, top, right and bottom in pixels.")
    return np.array(rows, field.dtype)[None], []


def value(row, field):
    """The boxes that have an area, `(boxes, 4)`."""
    row = np.asarray(row)
    return row[(row[:, 2] > row[:, 0]) & (row[:, 3] > row[:, 1])]


def words(row, field):
    """The corners of each box.

    Example:
        >>> words(np.array([[1, 2, 3, 4], [0, 0, 0, 0]]), None)
        '1,2 to 3,4'
    """
    return "\n".join("{:.4g},{:.4g} to {:.4g},{:.4g}".format(*box) for box in value(row, field)) or "none"
