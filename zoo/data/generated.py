"""Data sets that are made up: sequences of two lengths, one to learn from and one to be tested on."""

import math
from typing import Annotated

import annotated_types
import numpy as np

from zoo.data.contract import Data, Part
from zoo.errors import UsageError

Length = Annotated[int, annotated_types.Ge(1), annotated_types.Le(10_000)]

VALIDATION_EXAMPLES, TEST_EXAMPLES = 500, 1000
LARGEST_SIZE = 2**32  # bytes
# Sequences may be so many times longer than those of the data: recurrent networks read any length.
LONGER = 10


def generated(make, contract, length, test_length, examples, source, seed=0):
    """A `Data` of sequences: 500 to validate, 1 000 to test.

    Args:
        make: Function of (generator, examples, length) to ({input: array}, targets).
        contract: The `Contract` of the inputs.
        length: Length of the sequences of the training part.
        test_length: Length of those of the validation and of the test part.
        examples: Number of examples of the training part.
        source: What is generated, for the card.
        seed: Integer seed. Each part has random numbers of its own, so that it does not change with the sizes of the others.

    Raises:
        UsageError: If the training part would take more than 4 GiB.
    """
    numbers = sum(math.prod(size or length for size in field.shape) for field in contract.inputs.values())
    if 4 * numbers * examples > LARGEST_SIZE:
        raise UsageError(
            f"{examples:,} examples of length {length:,} take {4 * numbers * examples / 2**30:.1f} GiB of memory; expected at "
            f"most {LARGEST_SIZE // 2**30} GiB. Use fewer examples or a smaller length."
        )
    sizes = {"train": (examples, length), "validation": (VALIDATION_EXAMPLES, test_length), "test": (TEST_EXAMPLES, test_length)}
    parts = {name: Part(*make(np.random.default_rng([seed, index]), *size)) for index, (name, size) in enumerate(sizes.items())}
    return Data(**parts, contract=contract, source=f"generated, {source}, seed {seed}", licence="generated")
