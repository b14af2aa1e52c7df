"""Running text for language models: what to read, and the token that follows each."""

import re

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part
from zoo.data.text import Vocabulary, padded
from zoo.errors import UsageError

LONGEST_PROMPT = 2000


def language_data(texts, steps, source, licence, level="characters", minimum_count=1, contract=None, **further):
    """A `Data` of running text, cut into consecutive windows.

    Args:
        texts: {part: text}, of "train", "validation" and "test".
        steps: Number of tokens in a window.
        source: Where the text comes from.
        licence: Its licence.
        level: "characters" or "words".
        minimum_count: How often a piece must occur in the training part to be in the vocabulary; the others are `<unknown>`.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.
        **further: Keywords of `Data`.

    Returns:
        A `Data` with `tokens` (windows, steps), int32, and as targets the token that follows each, padded with 0 in the last
        window.

    Raises:
        UsageError: If the text of a part is empty, or too short for a window and the token that follows it.

    Example:
        >>> data = language_data(dict.fromkeys(("train", "validation", "test"), "hello"), 4, "the lecture", "none")
        >>> data.train.inputs["tokens"].tolist(), data.train.targets.tolist()
        ([[5, 4, 6, 6]], [[4, 6, 6, 7]])
    """
    if contract is None:
        make = Vocabulary.of_words if level == "words" else Vocabulary.of_characters
        vocabulary = make([texts["train"]], minimum_count)
    else:
        vocabulary = Vocabulary(contract["tokens"].vocabulary)
    parts = {}
    for name, text in texts.items():
        numbers = vocabulary.encode(text)[:-1]
        if len(numbers) <= 1:
            raise UsageError(f"{source} has {len(numbers)} {level} in its {name} part; expected at least two.")
        parts[name] = windows(numbers, steps)
    field = Field("int32", (None,), 0, len(vocabulary) - 1, vocabulary.pieces, LONGEST_PROMPT, kind="prompt")
    return Data(**parts, contract=Contract({"tokens": field}), source=source, licence=licence, **further)


def windows(numbers, steps):
    """A `Part` of the consecutive windows of a text.

    Args:
        numbers: The token numbers of the text, at least two.
        steps: Number of tokens in a window; the last one is padded with 0.

    Example:
        >>> windows([7, 8, 9, 7], 2).targets.tolist()
        [[8, 9], [7, 0]]
    """
    tokens = [numbers[start : start + steps] for start in range(0, len(numbers) - 1, steps)]
    following = [numbers[start + 1 : start + 1 + steps] for start in range(0, len(numbers) - 1, steps)]
    tokens[-1] = tokens[-1][: len(following[-1])]
    return Part({"tokens": padded(tokens, steps)}, padded(following, steps), aligned="tokens", consecutive=True)


def split_text(text, validation=0.1, test=0.1):
    """{part: text}: the last share of the characters is the test part, the share before it the validation part.

    A part begins with a line, where the text has enough of them.

    Example:
        >>> split_text("a\\nb\\nc\\nd\\ne\\nf\\ng\\nh\\ni\\nj\\n")["test"]
        'j\\n'
    """
    ends = [match.end() for match in re.finditer("\n", text)]
    cuts = []
    for share in (validation + test, test):
        wanted = round(len(text) * (1 - share))
        nearest = min(ends, key=lambda end: abs(end - wanted), default=wanted)
        cuts.append(nearest if abs(nearest - wanted) <= 0.02 * len(text) else wanted)
    return {"train": text[: cuts[0]], "validation": text[cuts[0] : cuts[1]], "test": text[cuts[1] :]}
