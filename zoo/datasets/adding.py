"""Sequences of numbers, two of which are marked and are to be added."""

import numpy as np

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.errors import UsageError
from zoo.types import Count

SHORTEST = 24  # so that half of it has room for two of the marks


def load(length: Length = 100, test_length: Length = 100, examples: Count = 20_000, seed=0):
    """20 000 sequences of 100 to 110 pairs to train, 500 to validate and 1 000 to test.

    A sequence has T to T + T / 10 pairs of a number from -1 to 1 and a mark. One of the first ten pairs is marked by 1, and
    another one of the first T / 2 - 1; the first and the last pair are marked by -1, the others by 0. Where the first pair is one
    of the two, its number is 0. Pairs of zeros come before the shorter sequences.

    Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", experiment 4.

    Args:
        length: T of the training part, at least 24.
        test_length: T of the other parts, at least 24.
        examples: Number of sequences of the training part.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `sequence` (T + T / 10, 2), float32, and float32 targets (1,): 0.5 + (X1 + X2) / 4, where X1 and X2
        are the two numbers.

    Raises:
        UsageError: If a length is smaller than 24, or the training part would take more than 4 GiB.

    Example:
        >>> numbers, marks = np.moveaxis(load().test.inputs["sequence"], 2, 0)
        >>> np.unique(marks).tolist(), bool(np.abs(numbers).max() <= 1)
        ([-1.0, 0.0, 1.0], True)
    """
    if min(length, test_length) < SHORTEST:
        raise UsageError(
            f"the data set adding has a length of {min(length, test_length)}; expected at least {SHORTEST}, since one of the "
            "first ten pairs and another one of the first half are marked."
        )
    field = Field("float32", (None, 2), -1.0, 1.0, max_length=LONGER * (11 * max(length, test_length) // 10), kind="series")
    source = "sums of two marked numbers"
    return generated(_sequences, Contract({"sequence": field}), length, test_length, examples, source, seed)


def _sequences(generator, examples, length):
    longest, rows = length + length // 10, np.arange(examples)
    start = longest - generator.integers(length, longest + 1, examples)
    numbers = generator.uniform(-1, 1, (examples, longest)).astype("float32")
    first = generator.integers(0, 10, examples)
    second = generator.integers(0, length // 2 - 2, examples)
    second += second >= first  # another one
    for place in (first, second):
        numbers[rows[place == 0], start[place == 0]] = 0
    marks = np.zeros((examples, longest), "float32")
    marks[rows, start] = marks[:, -1] = -1
    for place in (first, second):
        marks[rows, start + place] = 1
    total = numbers[rows, start + first] + numbers[rows, start + second]
    sequence = np.stack([numbers, marks], axis=-1)
    sequence[np.arange(longest) < start[:, None]] = 0
    return {"sequence": sequence}, (0.5 + total / 4)[:, None]
