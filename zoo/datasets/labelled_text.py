"""A person's own classified texts, in one file or in a folder for each class: `data=labelled_text:PATH`."""

import collections
import os
import pathlib

import numpy as np

from zoo.data.classified_text import MaxTokens, VocabularySize, classified_texts
from zoo.data.files import listed, read_table, read_text
from zoo.data.splits import stratified
from zoo.errors import UsageError
from zoo.types import counted

FORM = "a .tsv or .csv file with a text and its class in each row, or a folder with a folder of .txt files for each class"
HEADINGS = {  # in small letters
    "text": ("text", "sentence", "review", "message", "document", "content"),
    "label": ("label", "class", "category", "sentiment", "target"),
}
MOST_CLASSES = 1000
SHARES = 3  # an example of every class in each of the parts


def load(
    path=None,
    text_column: str | None = None,
    label_column: str | None = None,
    vocabulary_size: VocabularySize = 8000,
    max_tokens: MaxTokens = 200,
    contract=None,
):
    r"""The texts of a file or of folders; a tenth of every class is kept to validate with and a tenth to test with.

    A file has a text and the name of its class in each row: with tabs between its columns if it is named .tsv, else with commas,
    semicolons or tabs, and cells quoted as spreadsheets do. The columns are those that the first row names `text` and `label`
    (or `review`, `class`, `sentiment` and the like), or that the settings name; of two columns without a heading, the class is
    the one with fewer different values. A folder has a folder for each class, named after it, such as `pos` and `neg`, and each
    .txt file in it is a text. Text is UTF-8, or UTF-16 with a byte order mark; it is read in small letters.

    Args:
        path: The file or the folder; `~` is the user's own.
        text_column: Name of the column of the texts, or its number, counted from 1.
        label_column: Name or number of the column of the classes.
        vocabulary_size: Largest number of pieces of words, special ones included.
        max_tokens: Largest number of tokens of a text, its end among them; of a longer one the end is kept.
        contract: A `Contract` whose pieces are used; None learns them.

    Returns:
        A `zoo.data.Data` with `text`, int32 token numbers, and int32 targets; classes are sorted by name.

    Raises:
        UsageError: If there is no such file, or it is not text, or empty, or has no such columns, or rows lack a text or a class,
            or there are not at least two classes with three texts each.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/texts.tsv"
        >>> with open(name, "w") as file:
        ...     _ = file.writelines(f"ham\tSee you at {hour}.\nspam\tYou won {hour} prizes!\n" for hour in range(20))
        >>> data = load(name, vocabulary_size=40)
        >>> len(data.train), len(data.test), data.contract.classes
        (32, 4, ('ham', 'spam'))
    """
    if not path:
        raise UsageError(f"`data=labelled_text` came without a path; write data=labelled_text:PATH, {FORM}.")
    where, notes = pathlib.Path(path).expanduser(), []
    if not where.exists():
        raise UsageError(f"{path} does not exist; expected {FORM}.")
    if where.is_dir() and (text_column or label_column):
        raise UsageError(f"{path} is a folder, which has no columns; text_column and label_column are for a .tsv or .csv file.")
    read = _of_folder(where) if where.is_dir() else _of_file(where, text_column, label_column, notes)
    counts = collections.Counter(label for _, label in read)
    classes = sorted(counts)
    if len(classes) < 2:
        raise UsageError(f"{path} holds only the class {classes[0]!r}; expected two classes or more.")
    if len(classes) > MOST_CLASSES:
        raise UsageError(f"{path} holds {len(classes):,} classes; expected at most {MOST_CLASSES:,}. Is it the right column?")
    few = [name for name in classes if counts[name] < SHARES]
    if few:
        found = f"{counted(counts[few[0]], 'text')} of the class {few[0]!r}"
        raise UsageError(f"{path} holds {found}; expected at least {SHARES} of each, to train, validate and test.")
    labels = np.array([classes.index(label) for _, label in read])
    rows = dict(zip(("train", "validation", "test"), stratified(np.random.default_rng(0), labels, 2)))
    parts = {part: ([read[row][0] for row in chosen], labels[chosen]) for part, chosen in rows.items()}
    paths = {"data": [os.path.abspath(where)]}
    kind = "folder" if where.is_dir() else "file"
    return classified_texts(
        parts, classes, vocabulary_size, max_tokens, f"{kind} {path}", "the user's own", contract, notes, paths
    )


def _of_folder(root):
    """(text, class) of every .txt file in the folders of a folder."""
    read, folders = [], sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    for folder in folders:
        files = sorted(folder.glob("*.txt"))
        if not files:
            raise UsageError(f"{folder} holds no .txt file; expected a text of the class {folder.name!r} in each.")
        for file in files:
            text = _in_one_line(read_text(file))
            if not text:
                raise UsageError(f"{file} is empty; expected a text.")
            read.append((text, folder.name))
    if not read:
        raise UsageError(f"{root} holds no folder of texts; expected {FORM}.")
    return read


def _of_file(path, text_column, label_column, notes):
    """(text, class) of every row of a file."""
    rows = read_table(path, "UTF-8 text, with a text and its class in each row")
    columns, has_heading = _columns(path, rows, text_column, label_column, notes)
    first, *others = [row[columns[1]] for _, row in rows if len(row) > columns[1]] or [""]
    if not has_heading and others and first not in others:
        notes.append(f"{path}: the first row was taken for a heading, as no other has the class {first!r}.")
        has_heading = True
    rows = rows[1:] if has_heading else rows
    lacking = [line for line, row in rows if len(row) <= max(columns) or not all(row[column] for column in columns)]
    if lacking:
        raise UsageError(f"{path} lacks a text or a class in line {listed(lacking)}; expected both in each row.")
    if not rows:
        raise UsageError(f"{path} holds a heading only; expected a text and its class in each row below.")
    return [tuple(_in_one_line(row[column]) for column in columns) for _, row in rows]


def _columns(path, rows, text_column, label_column, notes):
    """([number of the column of the texts, of the classes], whether the first row is a heading)."""
    heading, width = rows[0][1], max(len(row) for _, row in rows)
    given = {"text": text_column, "label": label_column}
    found = {key: _named(path, heading, width, key, name) for key, name in given.items()}
    has_heading = any(name is not None and name in heading for name in given.values())
    if None not in found.values():
        return list(found.values()), has_heading or _is_heading(heading)
    if width != 2:
        raise UsageError(
            f"{path} has {counted(width, 'column')} ({', '.join(cell[:20] for cell in heading)}), and which are the text and the "
            "class is not clear; name them with text_column=... and label_column=..."
        )
    known = next((column for column in found.values() if column is not None), None)
    if known is None:
        values = [len({row[column] for _, row in rows if len(row) > column}) for column in (0, 1)]
        if values[0] == values[1]:
            raise UsageError(f"{path} does not tell the text from the class; name the latter with label_column=1 or 2.")
        label = int(values[1] < values[0])
        notes.append(f"{path}: column {label + 1} was taken for the class, as it has fewer different values (label_column=...).")
    else:
        label = known if found["label"] is not None else 1 - known
    return [1 - label, label], has_heading


def _named(path, heading, width, key, name):
    """The number of a column that a setting names, or the heading; None where neither does."""
    if name is None:
        usual = [column for column, cell in enumerate(heading) if cell.lower() in HEADINGS[key]]
        return usual[0] if len(usual) == 1 else None
    if name in heading:
        return heading.index(name)
    if str(name).isdecimal() and 1 <= int(name) <= width:
        return int(name) - 1
    raise UsageError(f"{path} has no column {name!r} for {key}_column; its columns are {', '.join(heading)}.")


def _is_heading(row):
    return any(cell.lower() in names for cell in row for names in HEADINGS.values())


def _in_one_line(text):
    return " ".join(text.split())
