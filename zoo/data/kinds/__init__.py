"""Kinds of values, one file each: how what a person has at hand becomes an array, and how an answer is shown to a person.

Every `zoo.data.Field` has a kind, and whoever meets a value asks that kind's file; nothing else decides what a value is. A file
has three functions:

- `read(source, name, field)`: the batch `(batch, ...)` that a path or words of a person stand for, and a list of notes on it;
- `value(row, field)`: one example as a plain Python value: a class's name, text, a number, an array;
- `words(row, field)`: one example as text for a terminal, of one line or, for pictures, of several.

Where examples of different lengths can be in one batch there is a fourth, `joined(batches)`: one batch of several `(batch,
time)`.

Example:
    >>> import numpy as np
    >>> from zoo.data import Field
    >>> species = Field("int32", (), classes=("cat", "dog"))
    >>> kind_of(species).value(np.int32(1), species)
    'dog'
"""

import importlib


def kind_of(field):
    """The module of a field's kind."""
    return importlib.import_module(f"zoo.data.kinds.{field.kind}")
