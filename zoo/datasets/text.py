"""A person's own running text: `data=text:FILE`, several files, or a folder."""

import contextlib
import os
import pathlib
import re
from typing import Literal

from zoo.data.language import language_data, split_text
from zoo.errors import UsageError
from zoo.types import Count, counted

LEAST = 100  # characters: fewer give no three parts to speak of


def load(
    path=None,
    level: Literal["characters", "words"] = "characters",
    steps: Count = 64,
    minimum_count: Count = 1,
    lower: bool = False,
    whole: bool = False,
    contract=None,
):
    """Running text of one's own; the last tenth of every file is kept for test, the tenth before it for validation.

    Args:
        path: A text file, several with commas between them, or a folder whose text files are read, sorted by name; `~` is the
            user's own folder. Text is UTF-8, with or without a byte order mark.
        level: Whether the tokens are characters or words; signs, such as commas, are words of their own.
        steps: Number of tokens in a window.
        minimum_count: How often a character or word must occur in the training part to be in the vocabulary.
        lower: Whether capitals are read as small letters.
        whole: Whether the test part is the whole text, and the others are too: to measure how well a text is predicted that was
            not trained on.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.

    Returns:
        A `zoo.data.Data` with `tokens` (windows, steps) and the tokens that follow.

    Raises:
        UsageError: If a file is missing, is not UTF-8 text, or there is too little text.

    Example:
        `zoo.datasets.text.load("poems.txt,letters.txt", level="words")` reads two files.
    """
    if not path:
        raise UsageError("`data=text` came without a file; write data=text:FILE, or data=text:FOLDER.")
    contents = _contents(path, 2 if whole else LEAST)
    texts = {part: "" for part in ("train", "validation", "test")}
    for content in contents:
        for part, text in dict.fromkeys(texts, content).items() if whole else split_text(content).items():
            text = text.lower() if lower else text
            texts[part] += re.sub(r"([^\w\s'])", r" \1 ", text) if level == "words" else text
    return language_data(
        texts,
        steps,
        f"{counted(len(contents), 'text')} of {path}",
        "the user's own",
        level,
        minimum_count,
        contract,
        paths={"data": [os.path.abspath(pathlib.Path(one).expanduser()) for one in path.split(",")]},
    )


def _contents(path, least):
    """The text of every file, of at least so many characters; what a folder holds beside such texts is left out."""
    contents = []
    for one in map(pathlib.Path, path.split(",")):
        found = one.expanduser()
        if found.is_dir():
            inside = _inside(found)
            if not inside:
                raise UsageError(f"{one} holds no text file of at least {LEAST} characters; expected UTF-8 text.")
            contents += inside
        elif found.is_file():
            contents.append(_read(found, least))
        else:
            raise UsageError(f"there is no file or folder {one}; expected text as data=text:FILE.")
    return contents


def _inside(folder):
    """The texts of a folder that are worth reading: not hidden, UTF-8, and long enough."""
    texts = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts):
            with contextlib.suppress(UsageError):
                texts.append(_read(file, LEAST))
    return texts


def _read(file, least):
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file} cannot be read as UTF-8 text ({reason}).") from error
    if "\0" in text:
        raise UsageError(f"{file} is not a text: it holds zero bytes.")
    if len(text) < least:
        raise UsageError(f"{file} holds {counted(len(text), 'character')}; expected at least {least}.")
    return text.replace("\r\n", "\n")
