"""Sequences of noise that begin with a sign, which is their class: one bit to be remembered."""

from zoo.data.contract import Contract, Field
from zoo.data.generated import LONGER, Length, generated
from zoo.types import Count, NonNegative


def load(length: Length = 200, test_length: Length = 500, examples: Count = 20_000, noise: NonNegative = 0.2, seed=0):
    """20 000 sequences of 200 steps to train; 500 of 500 steps to validate and 1 000 to test.

    Source: Bengio, Simard & Frasconi 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult", the latching
    problem; COMP547, lecture on recurrent networks, A Toy Example.

    Args:
        length: Steps of each sequence of the training part.
        test_length: Steps of each sequence of the other parts.
        examples: Number of sequences of the training part.
        noise: Standard deviation of the noise of every step. The first step has -1 or 1 beside it, with the same probability.
        seed: Seed of the generation.

    Returns:
        A `zoo.data.Data` with `sequence` (length, 1), float32, and int32 targets, 1 where it began with 1. The classes are
        "negative" and "positive".

    Raises:
        UsageError: If the training part would take more than 4 GiB.

    Example:
        >>> test = load(noise=0.1).test
        >>> bool(((test.inputs["sequence"][:, 0, 0] > 0) == test.targets).all())
        True
    """

    def sequences(generator, examples, length):
        sequence = noise * generator.standard_normal((examples, length, 1), "float32")
        sign = generator.integers(0, 2, examples, "int32")
        sequence[:, 0, 0] += 2 * sign - 1
        return {"sequence": sequence.astype("float32")}, sign

    field = Field("float32", (None, 1), max_length=LONGER * max(length, test_length), kind="series")
    contract = Contract({"sequence": field}, ("negative", "positive"))
    return generated(sequences, contract, length, test_length, examples, f"signs before noise of {noise:g}", seed)
