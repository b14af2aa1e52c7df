"""Text: token numbers with their vocabulary."""

import os
import pathlib

from zoo.data.text import UNKNOWN, Vocabulary, padded
from zoo.errors import UsageError
from zoo.types import counted


def read(source, name, field):
    """The token numbers of a line of text, or of every line of a text file.

    Raises:
        UsageError: If the file is not UTF-8, or it is empty.

    Example:
        >>> from zoo.data import Field
        >>> from zoo.data.text import SPECIAL
        >>> read("ba", "source", Field("int32", (None,), vocabulary=(*SPECIAL, "a", "b")))
        (array([[5, 4, 2]], dtype=int32), [])
    """
    is_file = os.path.isfile(source)
    try:
        text = pathlib.Path(source).read_text(encoding="utf-8") if is_file else source
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read as UTF-8 text ({error}).") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{source!r} holds no text; expected a line of text, or a file with one example per line.")
    vocabulary = Vocabulary(field.vocabulary)
    sequences = [vocabulary.encode(line) for line in lines]
    unknown = sum(sequence.count(UNKNOWN) for sequence in sequences)
    notes = [f"{counted(len(lines), 'line')} of {source}"] if is_file else []
    if unknown:
        notes.append(f"characters never seen in training: {unknown}")
    return padded(sequences), notes


def joined(batches):
    """One batch of several; shorter ones are padded on the right."""
    return padded([row for batch in batches for row in batch.tolist()])


def value(row, field):
    """The text; of several answers `(beams, time)`, the first, which is the best."""
    return Vocabulary(field.vocabulary).decode(row if row.ndim < 2 else row[0])


words = value
