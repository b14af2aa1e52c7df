"""Pairs of binary numbers and their sums; the numbers to be tested on are longer than those to learn from."""

import numpy as np

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.types import Count


def load(length: Length = 8, test_length: Length = 400, examples: Count = 20_000, seed=0):
    """20 000 pairs of 8 bits to train; 500 of 400 bits to validate and 1 000 to test.

    Args:
        length: Bits of each number of the training part; every bit is 0 or 1 with the same probability.
        test_length: Bits of each number of the other parts.
        examples: Number of pairs of the training part.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `a` and `b` (length,), int32 of 0 and 1, the most significant bit first, and the bits of their sum
        as targets, int32 (length + 1,).

    Raises:
        UsageError: If the training part would take more than 4 GiB.

    Example:
        >>> train = load(length=3).train
        >>> a, b, total = (int("".join(map(str, row[0])), 2) for row in (*train.inputs.values(), train.targets))
        >>> a + b == total
        True
    """
    bits = Field("int32", (None,), 0, 1, max_length=LONGER * max(length, test_length), kind="bits")
    return generated(_pairs, Contract({"a": bits, "b": bits}), length, test_length, examples, "sums of binary numbers", seed)


def _pairs(generator, examples, length):
    a, b = generator.integers(0, 2, (2, examples, length), "int32")
    total = np.zeros((examples, length + 1), "int32")
    carry = np.zeros(examples, "int32")
    for place in range(length - 1, -1, -1):
        digits = a[:, place] + b[:, place] + carry
        total[:, place + 1], carry = digits % 2, digits // 2
    total[:, 0] = carry
    return {"a": a, "b": b}, total
