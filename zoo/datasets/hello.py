"""The word of the lectures, again and again: a text that a network of three units memorises."""

from zoo.data.language import language_data
from zoo.types import Count


def load(steps: Count = 5, contract=None):
    r"""The word "hello" with a line break, 500 times to train and 50 times each to validate and to test.

    Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Example: Character-Level Language Model.

    Args:
        steps: Number of characters in a window.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.

    Returns:
        A `zoo.data.Data` with `tokens` (windows, steps) and the tokens that follow.

    Example:
        >>> load().contract["tokens"].vocabulary[4:]
        ('\n', 'e', 'h', 'l', 'o')
    """
    texts = {"train": "hello\n" * 500, "validation": "hello\n" * 50, "test": "hello\n" * 50}
    return language_data(texts, steps, 'the word "hello"', "none", contract=contract)
