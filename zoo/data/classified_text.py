"""Texts that each have a class: the form in which networks that classify text take them."""

from typing import Annotated

import annotated_types
import numpy as np

from zoo.data.contract import Contract, Data, Field, Part
from zoo.data.text import Vocabulary, padded, small_letters
from zoo.types import counted

VocabularySize = Annotated[int, annotated_types.Ge(20)]
MaxTokens = Annotated[int, annotated_types.Ge(4)]


def classified_texts(
    parts, classes, vocabulary_size, max_tokens, source, licence, contract=None, notes=(), paths=None, examples=None
):
    """A `Data` of classified texts, read in small letters, as pieces of words that are learned from the training part.

    Of a text with more tokens the end is kept, where a review comes to its verdict; the notes count them.

    Args:
        parts: {"train", "validation" and "test": (list of texts, list of the numbers of their classes)}.
        classes: Name of each class.
        vocabulary_size: Largest number of pieces, special ones included.
        max_tokens: Largest number of tokens of a text, its end among them.
        source: Where the texts come from.
        licence: Their licence.
        contract: A `Contract` whose pieces are used; None learns them.
        notes: What a person should know of how they were read.
        paths: As in `Data`.
        examples: Texts to be kept beside the trained weights instead of those of the test part, or None.

    Returns:
        A `Data` with `text`, int32 token numbers, and int32 targets.

    Example:
        >>> part = (["good film", "bad film", "so good", "so bad"], [1, 0, 1, 0])
        >>> data = classified_texts(dict.fromkeys(("train", "validation", "test"), part), ("bad", "good"), 30, 9, "", "")
        >>> data.test.inputs["text"].shape, data.contract.classes
        ((4, 3), ('bad', 'good'))
    """
    if contract is None:
        vocabulary = Vocabulary.of_subwords([small_letters(text) for text in parts["train"][0]], vocabulary_size)
    else:
        vocabulary = Vocabulary(contract["text"].vocabulary)
    if examples is not None:
        parts = {**parts, "examples": (examples, [0] * len(examples))}
    cut, made = 0, {}
    for name, (texts, labels) in parts.items():
        sequences = [vocabulary.encode(text) for text in texts]
        cut += sum(len(sequence) > max_tokens for sequence in sequences)
        made[name] = Part({"text": padded([sequence[-max_tokens:] for sequence in sequences])}, np.array(labels, "int32"))
    if cut:
        had = f"{counted(cut, 'text')} had more than {max_tokens} tokens (max_tokens=... sets another limit)"
        notes = [*notes, f"{had}: only the end of each is used."]
    text = Field("int32", (None,), 0, len(vocabulary) - 1, vocabulary.pieces, max_tokens)
    return Data(
        **made,
        contract=Contract({"text": text}, tuple(classes)),
        source=source,
        licence=licence,
        notes=tuple(notes),
        packages=() if contract else ("sentencepiece",),
        paths=paths or {},
    )
