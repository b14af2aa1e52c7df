"""Which words decided how a text was classified: each is hidden in turn, and the class asked for again.

Source: Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2 (occlusion); Li, Monroe &
Jurafsky 2016, "Understanding Neural Networks through Representation Erasure".
"""

import numpy as np

from zoo.data.text import END, PADDING, SPACE, START, UNKNOWN
from zoo.endpoints import Endpoint

MOST_TEXTS = 100  # that are looked into: a text takes as many answers as it has words
MOST_WORDS = 200
SHOWN = 5
SMALLEST_SHARE = 1e-7  # of a probability, below which its logarithm says nothing more


def text_and_probabilities(endpoint: Endpoint, fields):
    """The names of the text that an endpoint reads and of the probabilities that it answers.

    Args:
        endpoint: The `Endpoint`.
        fields: {name: Field} of its inputs and outputs.

    Returns:
        (input, output), or None where it does not classify a single text.
    """
    probabilities = [name for name in endpoint.outputs if fields[name].kind == "label" and fields[name].dtype == "float32"]
    if len(endpoint.inputs) != 1 or len(probabilities) != 1:
        return None
    (text,) = endpoint.inputs
    return (text, probabilities[0]) if fields[text].kind == "text" else None


def deciding_words(endpoint: Endpoint, text, probabilities, tokens, pieces):
    """How much each word of a text speaks for the class that it was given.

    A word, with what is attached to it, is replaced by the unknown token; how far the log-odds of the class fall by that is what
    it speaks for it. What speaks against it is negative.

    Args:
        endpoint: An `Endpoint` that classifies texts.
        text: Name of its input.
        probabilities: Name of its output.
        tokens: `(time,)` token numbers.
        pieces: The pieces of the vocabulary.

    Returns:
        A list of (word, change of the log-odds), in the order of the text; empty for one of more than 200 words.
    """
    tokens = np.asarray(tokens)
    words = _words(tokens, pieces)
    if not 0 < len(words) <= MOST_WORDS:
        return []
    hidden = np.repeat(tokens[None], 1 + len(words), axis=0)
    for row, (_, places) in enumerate(words, start=1):
        hidden[row, places] = UNKNOWN
    answers = np.clip(endpoint.predict({text: hidden})[probabilities].astype("float64"), SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    label = answers[0].argmax()
    odds = np.log(answers[:, label] / (1 - answers[:, label]))
    return [(word, float(odds[0] - odd)) for (word, _), odd in zip(words, odds[1:])]


def in_words(changes):
    """The words that say most, the strongest first, as text for a terminal.

    Example:
        >>> in_words([("not", -0.5), ("a", 0.0), ("bad", 2.25)])
        'bad +2.2, not -0.5'
    """
    strongest = sorted((one for one in changes if abs(one[1]) >= 0.05), key=lambda one: -abs(one[1]))[:SHOWN]
    return ", ".join(f"{word} {change:+.1f}" for word, change in strongest) or "none alone"


def _words(tokens, pieces):
    """(word, places of its tokens) of each word: a piece that begins with a space begins one."""
    words = []
    for place, token in enumerate(tokens):
        if token in (PADDING, START, END):
            continue
        piece = "\ufffd" if token == UNKNOWN else pieces[token]
        if not words or piece.startswith(SPACE):
            words.append(["", []])
        words[-1][0] += piece
        words[-1][1].append(place)
    return [(word.replace(SPACE, ""), places) for word, places in words if word != SPACE]
