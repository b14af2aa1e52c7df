"""A person's text files, as the programs write them that people use."""

import codecs
import csv
import gzip
import io
import pathlib
import zlib

from zoo.errors import UsageError

DELIMITERS = ",;\t"
MOST_LISTED = 20  # lines named in a message


def read_text(path, expected="UTF-8 text"):
    """The text of a file: UTF-8, or UTF-16 with a byte order mark; one whose name ends in .gz is read through gzip.

    Args:
        path: The file.
        expected: What it should hold, for the message.

    Raises:
        UsageError: If it cannot be read, or is not such text.
    """
    path = pathlib.Path(path)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        # Windows puts a byte order mark in front, and spreadsheets write UTF-16.
        return content.decode("utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); expected {expected}.") from error


def read_table(path, expected="UTF-8 text, a row a line"):
    """The rows of a CSV or TSV file: cells with tabs between them, or with commas or semicolons and then quoted if need be.

    Args:
        path: The file; one named .tsv has tabs, any other the delimiter that its first line has most of.
        expected: What it should hold, for the message.

    Returns:
        A list of (number of the line that a row ends on, list of cells without spaces around them); blank rows are left out.

    Raises:
        UsageError: If it cannot be read, or holds no row.
    """
    text = read_text(path, expected)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if pathlib.Path(path).suffix == ".tsv" else max(DELIMITERS, key=first.count)
    # Between tabs a quotation mark is one, as of a text that begins with it.
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, skipinitialspace=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}, cannot be read ({error}); expected {expected}.") from error
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise UsageError(f"{path} is empty; expected {expected}.")
    return rows


def listed(numbers):
    """Numbers of lines as text, the first twenty of them.

    Example:
        >>> listed([3, 5]), listed(range(1, 100))[-19:]
        ('3, 5', ' 19, 20 and 79 more')
    """
    numbers = list(numbers)
    first = ", ".join(map(str, numbers[:MOST_LISTED]))
    return first if len(numbers) <= MOST_LISTED else f"{first} and {len(numbers) - MOST_LISTED:,} more"
