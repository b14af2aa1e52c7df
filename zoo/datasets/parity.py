"""Sequences of bits, with the parity of what came so far at every step; those to be tested on are longer."""

import numpy as np

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.types import Count

CLASSES = ("even", "odd")


def load(length: Length = 10, test_length: Length = 100, examples: Count = 20_000, seed=0):
    """20 000 sequences of 10 bits to train; 500 of 100 bits to validate and 1 000 to test.

    Args:
        length: Bits of each sequence of the training part; every bit is 0 or 1 with the same probability.
        test_length: Bits of each sequence of the other parts.
        examples: Number of sequences of the training part.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `bits` (length,), int32 of 0 and 1, and int32 targets (length,): at each step 1 where the number of
        ones so far is odd. The classes are "even" and "odd".

    Raises:
        UsageError: If the training part would take more than 4 GiB.

    Example:
        >>> test = load(test_length=3).test
        >>> bool((test.targets[:, -1] == test.inputs["bits"].sum(axis=1) % 2).all())
        True
    """
    bits = Field("int32", (None,), 0, 1, max_length=LONGER * max(length, test_length), kind="bits")
    contract = Contract({"bits": bits}, CLASSES, each_step=True)
    return generated(_sequences, contract, length, test_length, examples, "parities of bits", seed)


def _sequences(generator, examples, length):
    bits = generator.integers(0, 2, (examples, length), "int32")
    return {"bits": bits}, np.cumsum(bits, axis=1, dtype="int32") % 2
