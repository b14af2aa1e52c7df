"""Sentence pairs in two languages: Multi30k, or a person's own files."""

import hashlib
import itertools
import os
import pathlib
import typing
from typing import Annotated

import annotated_types
import numpy as np

from zoo.data.contract import Data
from zoo.data.files import listed, read_text
from zoo.data.prepared import file_of
from zoo.data.text import Vocabulary, pair_contract, pair_part, vocabularies_of
from zoo.errors import UsageError

ORIGIN = "https://github.com/multi30k/dataset (task 1, raw)"
URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
# The special pieces, and some characters.
VocabularySize = Annotated[int, annotated_types.Ge(20)]
SENTENCES = "UTF-8 text, one sentence a line"
# sha256 of the text, so that another compression of the same text passes.
MULTI30K = {
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "val.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "val.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "test_2016_flickr.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "test_2016_flickr.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
}


def load(
    path=None,
    vocabulary_size: VocabularySize = 4000,
    max_tokens: Annotated[int, annotated_types.Ge(4)] = 200,
    validation: str | None = None,
    test: str | None = None,
    seed=0,
    contract=None,
):
    """Sentence pairs as token numbers of subwords.

    The two vocabularies are learned from the training part only.

    A person's own pairs are a file of `source<tab>target` lines, or two files of as many lines, `source.txt,target.txt`. A name
    that ends in `.gz` is read through gzip; text is UTF-8, or UTF-16 with a byte order mark. A third column, such as the licence
    in exports of Tatoeba, is left out, and so are the numbers of sentences in front of both texts. Blank lines are left out.

    Args:
        path: None for Multi30k, German to English (29 000 pairs to train, 1 014 to validate, 1 000 to test), or a person's own
            file, or two.
        vocabulary_size: Largest number of pieces of each vocabulary, special ones included.
        max_tokens: Largest number of tokens of a text, its start and its end among them; pairs with a longer one are left out,
            and their lines named in the notes.
        validation: The pairs to validate with, of the form of `path`; None keeps a tenth of the pairs of `path`.
        test: The pairs to test with, likewise.
        seed: Seed by which a person's own pairs are parted.
        contract: A `Contract` whose vocabularies are used; None learns them.

    Returns:
        A `zoo.data.Data` with `source` and `target`, int32 token numbers; targets are the unshifted labels.

    Raises:
        UsageError: If a file is missing, empty, damaged or no such text, or the pairs do not match line by line, or are too few.

    Example:
        `zoo.datasets.parallel.load("pairs.tsv", test="test.tsv")` reads files of tab-separated pairs.
    """
    notes, paths = [], {}
    if path is None:
        if validation or test:
            raise UsageError("validation=FILE and test=FILE go with your own pairs; write data=parallel:FILE.")
        pairs = {
            part: [_Pair(*texts, stem, line) for line, texts in enumerate(zip(*map(_multi30k, (f"{stem}.de", f"{stem}.en"))), 1)]
            for part, stem in (("train", "train"), ("validation", "val"), ("test", "test_2016_flickr"))
        }
        source, licence = f"Multi30k German to English, {ORIGIN}", "research and education; cite Elliott et al. 2016"
    else:
        given = {"data": path, "validation": validation, "test": test}
        paths = {setting: [os.path.abspath(file) for file in _files(text)] for setting, text in given.items() if text is not None}
        read = {setting: read_pairs(text, notes) for setting, text in given.items() if text is not None}
        pairs = _parted(read.pop("data"), read, seed, path)
        source, licence = f"file {path}", "the user's own"
    texts = zip(*((pair.source, pair.target) for pair in pairs["train"]))
    vocabularies = vocabularies_of(contract) or [Vocabulary.of_subwords(column, vocabulary_size) for column in texts]
    notes += _left_out(pairs, vocabularies, max_tokens)
    parts = {
        part: pair_part([row.source for row in rows], [row.target for row in rows], *vocabularies) for part, rows in pairs.items()
    }
    return Data(
        **parts,
        contract=pair_contract(*vocabularies, max_length=max_tokens),
        source=source,
        licence=licence,
        notes=tuple(notes),
        packages=() if contract else ("sentencepiece",),
        paths=paths,
    )


def _multi30k(name):
    """The lines of one file of Multi30k, from ZOO_DATA_DIR or downloaded once."""
    instead = "`zoo train translation data=dates`, or your own pairs with data=parallel:FILE.tsv"
    file = file_of("multi30k", f"{name}.gz", f"{URL}{name}.gz", ORIGIN, instead)
    text = read_text(file, SENTENCES)
    if hashlib.sha256(text.encode()).hexdigest() != MULTI30K[name]:
        raise UsageError(f"{file} is not the {name} of Multi30k (its sha256 differs); fetch it again from {ORIGIN}.")
    return _lines(text)


def read_pairs(path, notes):
    """The pairs of a person's file, or of two.

    Args:
        path: A file of `source<tab>target` lines, or two files of as many lines with a comma between them.
        notes: A list to which is added what was left out.

    Returns:
        A list of pairs of texts, each with its file and line.

    Raises:
        UsageError: As `load`.
    """
    files = _files(path)
    if len(files) > 2:
        raise UsageError(f"got {len(files)} files in {path!r}; expected one of tab-separated pairs, or two.")
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file} is not a file; expected a file of sentence pairs, or two as `source.txt,target.txt`.")
    columns = [_lines(read_text(file, SENTENCES)) for file in files]
    for file, column in zip(files, columns):
        if not any(column):
            raise UsageError(f"{file} is empty; expected a sentence pair a line.")
    rows = list(
        enumerate(itertools.zip_longest(*columns, fillvalue="") if len(files) == 2 else map(_columns, columns[0]), start=1)
    )
    if len(files) == 2 and any(map(any, (texts for _, texts in rows[min(map(len, columns)) :]))):
        counts = " and ".join(f"{file} {len(column)}" for file, column in zip(files, columns))
        raise UsageError(f"the files differ in length, {counts} lines; expected a translation for every line.")
    filled = [(number, texts) for number, texts in rows if any(texts)]
    first, texts = filled[0]
    width = len(texts) if len(texts) == 3 or _numbered(texts) else 2
    chosen = (1, 3) if width == 4 else (0, 1)
    for number, texts in filled:
        if len(texts) != width or not all(texts[column] for column in chosen):
            found = f"{len(texts)} columns" if all(texts) else "a blank"
            expected = f"{width} as in line {first}" if width > 2 else "`source<tab>target`, or a text in each file"
            raise UsageError(f"{path}, line {number} holds {found}; expected {expected}.")
    if width > 2:
        notes.append(f"{path}: {'the third column was' if width == 3 else 'the numbers of the sentences were'} left out.")
    blank = len(rows) - len(filled)
    if blank:
        notes.append(f"{path}: {blank} blank {'line was' if blank == 1 else 'lines were'} left out.")
    return [_Pair(*(texts[column] for column in chosen), path, number) for number, texts in filled]


class _Pair(typing.NamedTuple):
    source: str
    target: str
    file: str
    line: int


def _files(path):
    return [pathlib.Path(name).expanduser() for name in path.split(",")]


def _columns(line):
    return tuple(text.strip() for text in line.split("\t"))


def _numbered(texts):
    """Whether a line is `number, text, number, text`, as Tatoeba's own exports of pairs are."""
    return len(texts) == 4 and texts[0].isdecimal() and texts[2].isdecimal()


def _parted(pairs, given, seed, path):
    """The pairs of each part: those given for it, or a tenth of all."""
    if len(pairs) < 30:
        raise UsageError(f"{path} holds {len(pairs)} pairs; expected at least 30, to train, validate and test.")
    order = [pairs[index] for index in np.random.default_rng(seed).permutation(len(pairs))]
    tenth, parts = len(order) // 10, dict(given)
    for part in ("validation", "test"):
        if part not in parts:
            parts[part], order = order[:tenth], order[tenth:]
    return {"train": order, "validation": parts["validation"], "test": parts["test"]}


def _left_out(pairs, vocabularies, max_tokens):
    """Takes the pairs with too long a text out of every part; gives a note for each file that names their lines."""
    lines = {}
    for part, rows in pairs.items():
        kept = []
        for row in rows:
            if all(_fits(text, vocabulary, max_tokens) for text, vocabulary in zip(row, vocabularies)):
                kept.append(row)
            else:
                lines.setdefault(row.file, []).append(row.line)
        if not kept:
            raise UsageError(
                f"every pair of the {part} part has more than {max_tokens} tokens; give a larger max_tokens, or shorter texts."
            )
        pairs[part] = kept
    return [
        f"{file}: left out for more than {max_tokens} tokens (max_tokens=... sets another limit): line {listed(sorted(found))}."
        for file, found in lines.items()
    ]


def _fits(text, vocabulary, max_tokens):
    """Whether a text has few enough tokens, start and end among them; each character is at most one."""
    return len(text) + 2 <= max_tokens or len(vocabulary.encode(text)) + 1 <= max_tokens


def _lines(text):
    return [line.strip() for line in text.removesuffix("\n").split("\n")] if text else []
