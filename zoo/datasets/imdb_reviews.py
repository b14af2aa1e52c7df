"""IMDB: 50 000 film reviews, each favourable or not (Maas et al. 2011), through tensorflow-datasets."""

import re

import numpy as np

from zoo.data.classified_text import MaxTokens, VocabularySize, classified_texts
from zoo.data.tfds import load_classified

ORIGIN = "https://ai.stanford.edu/~amaas/data/sentiment/"
COUNTS = (25000, 25000)
VALIDATION = 0.1  # of the training reviews


def load(vocabulary_size: VocabularySize = 8000, max_tokens: MaxTokens = 400, contract=None):
    """The reviews: 22 500 to train, 2 500 to validate, the official 25 000 to test.

    Args:
        vocabulary_size: Largest number of pieces of words, special ones included.
        max_tokens: Largest number of tokens of a review, its end among them; of a longer one the end is kept.
        contract: A `Contract` whose pieces are used; None learns them.

    Returns:
        A `zoo.data.Data` with `text`, int32 token numbers, and int32 targets, 1 for the positive ones.

    Raises:
        UsageError: If the set is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.imdb_reviews.load().contract.classes` is `("neg", "pos")`.
    """
    instead = "data=labelled_text:FILE with texts of your own"
    (train, test), classes = load_classified(
        "imdb_reviews", "https://ai.stanford.edu", ORIGIN, COUNTS, "1.0.0", instead, config="plain_text"
    )
    order = np.random.default_rng(0).permutation(len(train[0]))
    validation, kept = np.split(order, [int(VALIDATION * len(order))])
    parts = {
        "train": tuple(column[kept] for column in train),
        "validation": tuple(column[validation] for column in train),
        "test": test,
    }
    parts = {part: ([plain(text) for text in texts], labels) for part, (texts, labels) in parts.items()}
    source = f"tensorflow-datasets imdb_reviews 1.0.0, {ORIGIN}"
    licence = "none stated; cite Maas et al. 2011"
    return classified_texts(parts, classes, vocabulary_size, max_tokens, source, licence, contract)


def plain(review):
    """A review without its line breaks, which are written in HTML.

    Args:
        review: UTF-8 bytes.

    Example:
        >>> plain(b"Well.<br /><br />Not bad.")
        'Well. Not bad.'
    """
    return " ".join(re.sub("<br ?/?>", " ", review.decode()).split())
