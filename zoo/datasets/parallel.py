"""Sentence pairs in two languages: Multi30k, or a person's own files."""

import gzip
import hashlib
import pathlib
import urllib.error
import zlib

import numpy as np

from zoo.data.contract import Data
from zoo.data.prepared import cache_folder, data_folder, missing
from zoo.data.text import Vocabulary, pair_contract, pair_part
from zoo.errors import UsageError

ORIGIN = "https://github.com/multi30k/dataset (task 1, raw)"
URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/"
# sha256 of the text, so that another compression of the same text passes.
MULTI30K = {
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "val.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "val.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "test_2016_flickr.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "test_2016_flickr.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
}


def load(path=None, vocabulary_size=4000, seed=0):
    """Sentence pairs as token numbers of subwords.

    The two vocabularies are learned from the training part only.

    Args:
        path: None for Multi30k, German to English (29 000 pairs to train, 1 014 to validate, 1 000 to test). Otherwise a file
            of `source<tab>target` lines, or two files of as many lines, `source.txt,target.txt`; a tenth of the pairs is kept
            for validation and a tenth for test. A name that ends in `.gz` is read through gzip.
        vocabulary_size: Largest number of pieces of each vocabulary, special ones included.
        seed: Seed by which a person's own pairs are parted.

    Returns:
        A `zoo.data.Data` with `source` and `target`, int32 token numbers; targets are the unshifted labels.

    Raises:
        UsageError: If a file is missing, empty, not UTF-8 or damaged, or the pairs do not match line by line.

    Example:
        `zoo.datasets.parallel.load("pairs.tsv")` reads a file of tab-separated pairs.
    """
    if path is None:
        pairs = {
            part: list(zip(_multi30k(f"{stem}.de"), _multi30k(f"{stem}.en")))
            for part, stem in (("train", "train"), ("validation", "val"), ("test", "test_2016_flickr"))
        }
        source, licence = f"Multi30k German to English, {ORIGIN}", "research and education; cite Elliott et al. 2016"
    else:
        pairs = _parted(_own_pairs(path), seed, path)
        source, licence = f"file {path}", "the user's own"
    vocabularies = [Vocabulary.of_subwords(texts, vocabulary_size) for texts in zip(*pairs["train"])]
    parts = {part: pair_part(*zip(*rows), *vocabularies) for part, rows in pairs.items()}
    longest = max(array.shape[1] for part in parts.values() for array in part.inputs.values())
    contract = pair_contract(*vocabularies, max_length=max(200, longest))
    return Data(**parts, contract=contract, source=source, licence=licence)


def _multi30k(name):
    """The lines of one file of Multi30k, from ZOO_DATA_DIR or downloaded once."""
    given = data_folder()
    embedded = "`zoo train translation data=dates`, or your own pairs with data=parallel:FILE.tsv"
    if given:
        file = given / "multi30k" / f"{name}.gz"
        if not file.is_file():
            raise missing(str(file), ORIGIN, embedded)
    else:
        import pooch

        try:
            file = pathlib.Path(
                pooch.retrieve(f"{URL}{name}.gz", known_hash=None, fname=f"{name}.gz", path=cache_folder() / "multi30k")
            )
        except (OSError, urllib.error.URLError) as error:
            raise missing(f"{URL}{name}.gz (download failed: {type(error).__name__})", ORIGIN, embedded) from error
    text = _text(file)
    if hashlib.sha256(text.encode()).hexdigest() != MULTI30K[name]:
        raise UsageError(f"{file} is not the {name} of Multi30k (its sha256 differs); fetch it anew from {ORIGIN}.")
    return _lines(text)


def _own_pairs(path):
    files = [pathlib.Path(name) for name in path.split(",")]
    if len(files) > 2:
        raise UsageError(f"got {len(files)} files in {path!r}; expected one of tab-separated pairs, or two.")
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file} is no file; expected a file of sentence pairs, or two as `source.txt,target.txt`.")
    columns = [_lines(_text(file)) for file in files]
    for file, column in zip(files, columns):
        if not column:
            raise UsageError(f"{file} is empty; expected a sentence pair a line.")
    if len(files) == 2:
        if len(columns[0]) != len(columns[1]):
            counts = " and ".join(f"{file} {len(column)}" for file, column in zip(files, columns))
            raise UsageError(f"the files differ in length, {counts} lines; expected a translation for every line.")
        pairs = list(zip(*columns))
    else:
        pairs = [tuple(text.strip() for text in line.split("\t")) for line in columns[0]]
    for number, pair in enumerate(pairs, start=1):
        if len(pair) != 2 or not all(pair):
            found = f"{len(pair)} columns" if all(pair) else "a blank"
            raise UsageError(f"{path}, line {number} holds {found}; expected `source<tab>target`, or a text in each file.")
    return pairs


def _parted(pairs, seed, path):
    if len(pairs) < 30:
        raise UsageError(f"{path} holds {len(pairs)} pairs; expected at least 30, to train, validate and test.")
    order = [pairs[index] for index in np.random.default_rng(seed).permutation(len(pairs))]
    tenth = len(order) // 10
    return {"train": order[2 * tenth :], "validation": order[:tenth], "test": order[tenth : 2 * tenth]}


def _text(file):
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return content.decode("utf-8-sig")  # Windows puts a byte order mark in front
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read ({error}); expected UTF-8 text, one sentence a line.") from error


def _lines(text):
    return [line.strip() for line in text.removesuffix("\n").split("\n")] if text else []
