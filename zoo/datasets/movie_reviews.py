"""Sentences of film reviews, each favourable or not (Pang & Lee 2005, "sentence polarity dataset v1.0")."""

import re
import tarfile
from typing import Annotated

import annotated_types
import numpy as np

from zoo.data.classified_text import MaxTokens, VocabularySize, classified_texts
from zoo.data.files import read_text
from zoo.data.prepared import data_folder, downloaded, file_of, missing
from zoo.errors import UsageError

ORIGIN = "https://www.cs.cornell.edu/people/pabo/movie-review-data/ (sentence polarity dataset v1.0)"
URL = "https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz"
LICENCE = "none stated; cite Pang & Lee 2005"
CLASSES = ("negative", "positive")
FILES = ("rt-polarity.neg", "rt-polarity.pos")
EACH = 5331  # sentences
FOLDS = 10
# The sentences themselves are not published again: these stand for them beside trained weights.
EXAMPLES = (
    "a warm and funny film that you will want to see twice.",
    "two hours of noise, and not one idea.",
    "the actors try hard, but the story never comes to life.",
    "beautifully shot, quietly moving and never dull.",
    "an awful mess from its first scene to its last.",
    "not a bad film, if you like this kind of thing.",
    "clever, tense and superbly played.",
    "the jokes are old and the ending is worse.",
)


def load(
    fold: Annotated[int, annotated_types.Ge(0), annotated_types.Lt(FOLDS)] = 0,
    vocabulary_size: VocabularySize = 12000,
    max_tokens: MaxTokens = 200,
    contract=None,
):
    """The sentences in ten folds, as in the literature: one to test, the next to validate, eight to train.

    The folds are drawn once by a fixed seed, each with a tenth of both classes. The sentences come in small letters, their words
    and punctuation parted by spaces; the punctuation is put back to its words, as people write it.

    They are read from `rt_polarity/rt-polarity.neg.gz` and `rt-polarity.pos.gz`, UTF-8, in the folder of `ZOO_DATA_DIR`, or
    downloaded once into the user's cache.

    Args:
        fold: The fold to test with.
        vocabulary_size: Largest number of pieces of words, special ones included.
        max_tokens: Largest number of tokens of a sentence, its end among them.
        contract: A `Contract` whose pieces are used; None learns them.

    Returns:
        A `zoo.data.Data` with `text`, int32 token numbers, and int32 targets, 1 for the positive ones.

    Raises:
        UsageError: If the sentences are missing and cannot be downloaded, or are not as many as they should be.

    Example:
        `zoo.datasets.movie_reviews.load(fold=3)` tests with 1,066 sentences, half of them positive.
    """
    texts = [[as_written(line) for line in _lines(name)] for name in FILES]
    for name, found in zip(FILES, texts):
        if len(found) != EACH:
            raise UsageError(f"{name} holds {len(found):,} sentences; expected {EACH:,}. Fetch it again from {ORIGIN}.")
    # A row number in both files: the folds have as many sentences of each.
    folds = np.array_split(np.random.default_rng(0).permutation(EACH), FOLDS)
    rows = {"test": folds.pop(fold), "validation": folds.pop(fold % len(folds)), "train": np.concatenate(folds)}
    parts = {
        part: ([one[row] for one in texts for row in rows[part]], np.repeat([0, 1], len(rows[part])))
        for part in ("train", "validation", "test")
    }
    source = f"{ORIGIN}, fold {fold} of {FOLDS} to test"
    return classified_texts(parts, CLASSES, vocabulary_size, max_tokens, source, LICENCE, contract, examples=EXAMPLES)


def as_written(line):
    """A sentence whose words and punctuation are parted by spaces, as people write it.

    Example:
        >>> as_written("is it ( almost ) a classic , or not ?")
        'is it (almost) a classic, or not?'
    """
    line = re.sub(r'" ([^"]*) "', r'"\1"', line.strip())
    line = re.sub(r" ([.,:;!?)\]])", r"\1", line)
    return re.sub(r"([(\[]) ", r"\1", line)


def _lines(name):
    """The lines of one of the two files."""
    instead = "data=labelled_text:FILE with texts of your own"
    if data_folder() is not None:
        text = read_text(file_of("rt_polarity", f"{name}.gz", URL, ORIGIN, instead), "UTF-8 text, a sentence a line")
    else:
        archive = downloaded("rt_polarity", "rt-polaritydata.tar.gz", URL, ORIGIN, instead)
        try:
            with tarfile.open(archive) as files:
                text = files.extractfile(f"rt-polaritydata/{name}").read().decode("cp1252")
        except (OSError, tarfile.TarError, KeyError) as error:
            raise missing(f"{URL} (download failed: {type(error).__name__})", ORIGIN, instead) from error
    return [line for line in text.split("\n") if line.strip()]
