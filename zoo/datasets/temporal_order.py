"""Sequences of symbols, of which two matter, far from each other and from the end: which were they, and in which order?"""

import numpy as np

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.errors import UsageError
from zoo.types import Count

SYMBOLS = "XYabcdEB"  # in the order of the channels
CLASSES = ("XX", "XY", "YX", "YY")
SHORTEST = 10


def load(length: Length = 100, test_length: Length = 100, examples: Count = 20_000, seed=0):
    """20 000 sequences of 100 to 110 symbols to train, 500 to validate and 1 000 to test.

    A sequence of T to T + T / 10 symbols begins with E and ends with B. Between them are a, b, c and d at random, but for an X or
    a Y at a step from T / 10 to T / 5, and another one at a step from T / 2 to 3 T / 5. Steps of zeros come before the shorter
    sequences.

    Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", experiment 6a.

    Args:
        length: T of the training part, at least 10.
        test_length: T of the other parts, at least 10.
        examples: Number of sequences of the training part.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `sequence` (T + T / 10, 8), float32, one-hot in the order of `SYMBOLS`, and int32 targets: which of
        `CLASSES` it is.

    Raises:
        UsageError: If a length is smaller than 10, or the training part would take more than 4 GiB.

    Example:
        >>> data = load()
        >>> data.test.inputs["sequence"].shape, data.contract.classes
        ((1000, 110, 8), ('XX', 'XY', 'YX', 'YY'))
    """
    if min(length, test_length) < SHORTEST:
        raise UsageError(
            f"the data set temporal_order has a length of {min(length, test_length)}; expected at least {SHORTEST}, since two "
            "symbols are to be far from each other."
        )
    field = Field(
        "float32", (None, len(SYMBOLS)), 0.0, 1.0, max_length=LONGER * (11 * max(length, test_length) // 10), kind="series"
    )
    source = "temporal order of two symbols"
    return generated(_sequences, Contract({"sequence": field}, CLASSES), length, test_length, examples, source, seed)


def _sequences(generator, examples, length):
    longest, rows = length + length // 10, np.arange(examples)
    start = longest - generator.integers(length, longest + 1, examples)
    numbers = generator.integers(2, 6, (examples, longest))
    first, second = generator.integers(0, 2, (2, examples))
    numbers[rows, start] = SYMBOLS.index("E")
    numbers[rows, start + generator.integers(length // 10, length // 5 + 1, examples)] = first
    numbers[rows, start + generator.integers(length // 2, 3 * length // 5 + 1, examples)] = second
    numbers[:, -1] = SYMBOLS.index("B")
    sequence = np.eye(len(SYMBOLS), dtype="float32")[numbers]
    sequence[np.arange(longest) < start[:, None]] = 0
    return {"sequence": sequence}, (2 * first + second).astype("int32")
