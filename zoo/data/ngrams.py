"""Counting n-grams, and what is made of the counts: the tables of `zoo.ngram`.

An n-gram is known by its number: the place that it has among the n-grams of its length, sorted by the number of its first n - 1
tokens and then by its last token. A single token is its own number. So the n-grams that begin alike stand together, and a text is
looked up length by length.
"""

import dataclasses

import numpy as np

BYTES = 8  # of an n-gram: its last token and its share, four bytes each; and of a context: where it begins and its rest
SMOOTHINGS = ("kneser_ney", "add_k", "none")


@dataclasses.dataclass(frozen=True)
class Table:
    """The n-grams of one length, from 2 on.

    Args:
        tokens: int64 `(n-grams,)`, the last token of each.
        begins: int64 `(contexts + 1,)`: the n-grams of a context, which is an n-gram one token shorter, stand from
            `begins[context]` to `begins[context + 1]`.
        counts: int64 `(n-grams,)`.
        shares: float64 `(n-grams,)`, what an n-gram has of the probability of its last token in its context by itself.
        rests: float64 `(contexts,)`, what a context leaves to the context one token shorter; 1 where it never occurred.
    """

    tokens: np.ndarray
    begins: np.ndarray
    counts: np.ndarray
    shares: np.ndarray
    rests: np.ndarray

    def find(self, contexts, tokens):
        """The numbers of n-grams, -1 for those that never occurred.

        Args:
            contexts: Numbers of contexts, -1 for those that never occurred.
            tokens: The last tokens.
        """
        width = int(self.tokens.max(initial=0)) + 2
        keys = np.repeat(np.arange(len(self.begins) - 1), np.diff(self.begins)) * width + self.tokens
        wanted = contexts * width + np.minimum(tokens, width - 1)
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where((contexts >= 0) & (keys[places] == wanted), places, -1)


@dataclasses.dataclass(frozen=True)
class Tables:
    """What an n-gram model knows.

    Args:
        unigrams: float64 `(vocabulary,)`, the probability of each token without any context.
        tables: A `Table` for each length from 2 to n.
    """

    unigrams: np.ndarray
    tables: tuple

    def probabilities(self, numbers, barrier=None):
        """The probability of each token of a text after those before it, `(time,)`.

        Args:
            numbers: int64 `(time,)`.
            barrier: A token that no context reaches beyond, as the line break between sentences.
        """
        found, ids = self.unigrams[numbers], numbers
        open_before = _open_before(numbers, barrier)
        for length, table in enumerate(self.tables, start=2):
            contexts = np.where(open_before >= length - 1, np.concatenate([[-1], ids[:-1]]), -1)
            ids = table.find(contexts, numbers)
            own = np.where(ids >= 0, table.shares[ids], 0.0)
            found = own + np.where(contexts >= 0, table.rests[contexts], 1.0) * found
        return found

    def sparsity(self, numbers, barrier=None):
        """What the lecture calls the sparsity and the storage problem, for each length n from 2 on.

        Args:
            numbers: int64 `(time,)`, another text.
            barrier: As of `probabilities`.

        Returns:
            {"seen_ngrams": how many n-grams are known, "unseen_ngrams": the share of those of the text that are not,
            "bytes_ngrams": what the table takes}, with the number in place of n.
        """
        found, ids = {}, numbers
        open_before = _open_before(numbers, barrier)
        for length, table in enumerate(self.tables, start=2):
            there = open_before >= length - 1
            ids = table.find(np.where(there, np.concatenate([[-1], ids[:-1]]), -1), numbers)
            found[f"seen_{length}grams"] = len(table.tokens)
            found[f"unseen_{length}grams"] = float(np.mean(ids[there] < 0)) if there.any() else 0.0
            found[f"bytes_{length}grams"] = BYTES * (len(table.tokens) + len(table.rests))
        return found


def tables_of(unigrams, arrays):
    """The `Tables` that a network keeps as weights, which have room for more.

    Args:
        unigrams: `(vocabulary,)`.
        arrays: For each length from 2 on {"tokens", "begins", "shares", "rests"}, as in `Table`.
    """
    tables, contexts = [], len(unigrams)
    for kept in arrays:
        begins = kept["begins"][: contexts + 1].astype("int64")
        size = begins[-1]
        tokens = kept["tokens"][:size].astype("int64")
        tables.append(Table(tokens, begins, None, kept["shares"][:size], kept["rests"][:contexts]))
        contexts = size
    return Tables(unigrams, tuple(tables))


def count(numbers, vocabulary_size, order, smoothing="kneser_ney", k=0.01, barrier=None, never=()):
    """The tables of a text.

    Modified Kneser-Ney smoothing subtracts one of three discounts from each count, for counts of 1, 2 and more, gives what was
    subtracted to the shorter context, and counts there after how many different tokens a token stands, not how often it stands.
    Add-k adds k to the count of each token in a context of full length; "none" adds nothing, so that what was never seen has
    probability 0.

    Source: Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling"; Payberah 2018, "Deep Learning
    for Poets (Part IV)", n-gram Language Models and their problems.

    Args:
        numbers: int64 `(time,)`, the token numbers of the text.
        vocabulary_size: Number of tokens.
        order: n, at least 1.
        smoothing: One of `SMOOTHINGS`.
        k: Of "add_k", above 0.
        barrier: A token that no context reaches beyond, or None.
        never: Tokens that are never predicted.

    Returns:
        A `Tables`.

    Raises:
        ValueError: If the order is smaller than 1, there is no such smoothing, or k is not positive.

    Example:
        >>> tables = count(np.array([4, 5, 4, 6, 4, 5]), 7, 2, "none")
        >>> round(float(tables.probabilities(np.array([4, 5]))[1]), 2)
        0.67
    """
    if order < 1:
        raise ValueError(f"`order` must be at least 1, got {order}.")
    if smoothing not in SMOOTHINGS:
        raise ValueError(f"`smoothing` must be one of {', '.join(SMOOTHINGS)}, got {smoothing!r}.")
    if k <= 0:
        raise ValueError(f"`k` must be above 0, got {k}.")
    numbers = np.asarray(numbers, "int64")
    possible = np.ones(vocabulary_size)
    possible[list(never)] = 0.0
    uniform = possible / possible.sum()
    grams = _grams(numbers, vocabulary_size, order, barrier)
    if smoothing == "kneser_ney":
        return _kneser_ney(grams, uniform)
    if order == 1:
        counts = grams[0].counts * possible
        added = k * possible if smoothing == "add_k" else 0.0
        return Tables((counts + added) / (counts + added).sum(), ())
    added = k * possible.sum() if smoothing == "add_k" else 0.0
    tables = []
    for gram in grams[1:]:
        sums = np.bincount(gram.contexts, gram.counts, gram.context_count)
        if gram is grams[-1]:
            shares = gram.counts / (sums + added)[gram.contexts]
            rests = np.where(sums > 0, added / np.maximum(sums + added, 1), 1.0)
        else:
            shares, rests = np.zeros(len(gram.tokens)), np.ones(gram.context_count)
        tables.append(gram.table(shares, rests))
    return Tables(uniform if smoothing == "add_k" else np.zeros(vocabulary_size), tuple(tables))


@dataclasses.dataclass(frozen=True)
class _Grams:
    """The n-grams of one length in a text, before anything is smoothed."""

    contexts: np.ndarray  # (n-grams,), of each the number of what it begins with
    tokens: np.ndarray  # (n-grams,)
    counts: np.ndarray  # (n-grams,)
    context_count: int
    first: np.ndarray  # (n-grams,), where it ends for the first time
    ids: np.ndarray  # (time,), the n-gram that ends at each place, -1 where there is none

    def table(self, shares, rests):
        begins = np.searchsorted(self.contexts, np.arange(self.context_count + 1))
        return Table(self.tokens, begins, self.counts, shares, rests)


def _open_before(numbers, barrier):
    """How many tokens back a context may reach at each place, the barrier itself included."""
    places = np.arange(len(numbers))
    if barrier is None:
        return places
    stops = np.where(numbers == barrier, places, 0)
    last = np.concatenate([[0], np.maximum.accumulate(stops)[:-1]])
    return places - last


def _grams(numbers, vocabulary_size, order, barrier):
    """The n-grams of every length up to `order`."""
    reach = _open_before(numbers, barrier)
    counts = np.bincount(numbers, minlength=vocabulary_size)
    every = np.arange(vocabulary_size)
    grams = [_Grams(np.zeros_like(every), every, counts, 1, None, numbers)]
    for length in range(2, order + 1):
        before = np.concatenate([[-1], grams[-1].ids[:-1]])
        there = np.flatnonzero((reach >= length - 1) & (before >= 0))
        keys, first, own, counts = np.unique(
            before[there] * vocabulary_size + numbers[there], return_index=True, return_inverse=True, return_counts=True
        )
        ids = np.full(len(numbers), -1)
        ids[there] = own
        grams.append(_Grams(keys // vocabulary_size, keys % vocabulary_size, counts, len(grams[-1].tokens), there[first], ids))
    return grams


def _kneser_ney(grams, uniform):
    unigrams, tables = None, []
    for length, gram in enumerate(grams, start=1):
        counts = gram.counts
        if length < len(grams):
            longer = grams[length]
            kinds = np.bincount(gram.ids[longer.first], minlength=len(gram.tokens))  # different tokens before it
            # What nothing stands before, as at the beginning of a sentence, keeps its count.
            counts = kinds if length == 1 else np.where(kinds > 0, kinds, counts)
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        if length == 1:
            counts, discounts = counts * (uniform > 0), discounts * (uniform > 0)
            unigrams = (counts - discounts + discounts.sum() * uniform) / counts.sum()
            continue
        sums = np.bincount(gram.contexts, counts, gram.context_count)
        taken = np.bincount(gram.contexts, discounts, gram.context_count)
        shares = (counts - discounts) / np.maximum(sums, 1)[gram.contexts]
        tables.append(gram.table(shares, np.where(sums > 0, taken / np.maximum(sums, 1), 1.0)))
    return Tables(unigrams, tuple(tables))


def _discounts(counts):
    """What is subtracted from counts of 0, 1, 2 and more, from their numbers; half where a text is too short to tell."""
    ones, twos, threes, fours = (np.count_nonzero(counts == number) for number in (1, 2, 3, 4))
    if not ones or not twos or not threes:
        return np.array([0.0, 0.5, 0.5, 0.5])
    share = ones / (ones + 2 * twos)
    discounts = np.array([0.0, 1 - 2 * share * twos / ones, 2 - 3 * share * threes / twos, 3 - 4 * share * fours / threes])
    return np.maximum(discounts, 0.0)
