"""Ten symbols, a long pause, and a signal, after which the ten symbols are to be repeated."""

import numpy as np

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.types import Count

SYMBOLS = "abcdefgh"
BLANK, SIGNAL = len(SYMBOLS), len(SYMBOLS) + 1  # channels after those of the symbols
COPIED = 10
CLASSES = (*SYMBOLS, "-")


def load(length: Length = 100, test_length: Length = 100, examples: Count = 20_000, seed=0):
    """20 000 sequences with a pause of 100 steps to train, 500 to validate and 1 000 to test.

    A sequence is ten symbols, `length` - 1 blanks, the signal and ten blanks. The answer is a blank at each step, but for the
    last ten steps: there it is the ten symbols.

    Source: Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", for the idea; Arjovsky, Shah & Bengio 2016, "Unitary
    Evolution Recurrent Neural Networks", Copying memory problem, for the form.

    Args:
        length: Steps of the pause with the signal in the training part.
        test_length: Those in the other parts.
        examples: Number of sequences of the training part.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `sequence` (length + 20, 10), float32, one-hot with blank and signal as the last two channels, and
        int32 targets (length + 20,), numbers of `CLASSES`.

    Raises:
        UsageError: If the training part would take more than 4 GiB.

    Example:
        >>> "".join(CLASSES[number] for number in load(test_length=5).test.targets[0])[:15]
        '---------------'
    """
    longest = max(length, test_length) + 2 * COPIED
    field = Field("float32", (None, len(SYMBOLS) + 2), 0.0, 1.0, max_length=LONGER * longest, kind="series")
    contract = Contract({"sequence": field}, CLASSES, each_step=True)
    return generated(_sequences, contract, length, test_length, examples, "symbols to be copied after a pause", seed)


def _sequences(generator, examples, length):
    copied = generator.integers(0, len(SYMBOLS), (examples, COPIED), "int32")
    numbers = np.full((examples, length + 2 * COPIED), BLANK, "int32")
    targets = numbers.copy()
    numbers[:, :COPIED] = targets[:, -COPIED:] = copied
    numbers[:, COPIED + length - 1] = SIGNAL
    return {"sequence": np.eye(len(SYMBOLS) + 2, dtype="float32")[numbers]}, targets
