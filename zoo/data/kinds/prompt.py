"""Prompts: token numbers of a text that is to be continued, as it is written, without an end."""

import os
import pathlib

import numpy as np

from zoo.data.text import UNKNOWN, Vocabulary
from zoo.errors import UsageError
from zoo.types import counted


def read(source, name, field):
    r"""The token numbers of a text, or of a text file as a whole.

    Line breaks and spaces at its ends count. In words of the command line `\n` is a line break.

    Raises:
        UsageError: If the file is not UTF-8, or it is empty, or a piece of it is not in the vocabulary.

    Example:
        >>> from zoo.data import Field
        >>> from zoo.data.text import SPECIAL
        >>> read("ba", "tokens", Field("int32", (None,), vocabulary=(*SPECIAL, "a", "b"), kind="prompt"))[0].tolist()
        [[5, 4]]
    """
    is_file = os.path.isfile(source)
    try:
        text = pathlib.Path(source).read_bytes().decode("utf-8-sig") if is_file else source.replace("\\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read as UTF-8 text ({error}).") from error
    if not text:
        raise UsageError(f"{source!r} holds no text; expected at least a letter to begin with.")
    numbers = numbers_of(text, name, Vocabulary(field.vocabulary))
    notes = [f"{counted(len(numbers), 'token')} of {source}"] if is_file else []
    return np.array([numbers], field.dtype), notes


def numbers_of(text, name, vocabulary):
    """The token numbers of a text.

    Args:
        text: The text.
        name: Name of the input, for the message.
        vocabulary: The `Vocabulary` of the network; to make a large one takes longer than to read a text.

    Raises:
        UsageError: If a piece of it is not in the vocabulary.
    """
    numbers = vocabulary.encode(text)[:-1]
    if UNKNOWN in numbers:
        pieces = text.split() if vocabulary.has_words else text
        unknown = dict.fromkeys(one for one in pieces if UNKNOWN in vocabulary.encode(one)[:-1])
        told = ", ".join(map(repr, list(unknown)[:5]))
        raise UsageError(f"`{name}` has {told}, which the training text does not have; expected only what occurs there.")
    return numbers


def value(row, field):
    """The text."""
    return Vocabulary(field.vocabulary).decode(row)


words = value
