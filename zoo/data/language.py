"""Running text for language models: what to read, and the token that follows each."""

import math
import re

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part
from zoo.data.text import UNKNOWN, Vocabulary, padded
from zoo.errors import UsageError

LONGEST_PROMPT = 2000
LONGEST_ANSWER, LEAST_TEMPERATURE, LARGEST_SEED = 10_000, 0.01, 1_000_000
STREAMS, STEPS = 20, 100  # in which a long text is read


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


def writing_fields(field):
    """The `Field` of each input and output of a writer, as `zoo.layers.token_sampler.sampler` makes it.

    Args:
        field: That of the network's `tokens`.
    """
    return {
        "prompt": field,
        "length": Field("int32", (), 1, LONGEST_ANSWER, batched=False, default=200),
        "temperature": Field("float32", (), LEAST_TEMPERATURE, 100.0, batched=False, default=0.8),
        "top_k": Field("int32", (), 0, len(field.vocabulary), batched=False, default=0),
        "seed": Field("int32", (), 0, LARGEST_SEED, batched=False, default=0),
    }


def written(sampler, prompt, field, length=300, temperature=0.8, top_k=0, seed=0):
    """A text that a writer adds to a prompt.

    Args:
        sampler: A model from `zoo.layers.token_sampler.sampler`.
        prompt: A text, of which unknown pieces are left out.
        field: The `Field` of the network's `tokens`.
        length: Number of tokens to write.
        temperature: What the logits are divided by.
        top_k: From how many tokens to draw; 0 for all.
        seed: Seed of the draws.
    """
    vocabulary = Vocabulary(field.vocabulary)
    numbers = [number for number in vocabulary.encode(prompt)[:-1] if number > UNKNOWN] or [UNKNOWN + 1]
    scalars = [
        np.array(value, dtype)
        for value, dtype in ((length, "int32"), (temperature, "float32"), (top_k, "int32"), (seed, "int32"))
    ]
    answer = sampler([np.array([numbers], "int32"), *scalars])
    return vocabulary.decode(np.asarray(answer["tokens"])[0])


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
    r"""{part: text}: the last share of the characters is the test part, the share before it the validation part.

    A part begins with a line, where the text has enough of them.

    Example:
        >>> split_text("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n")["test"]
        'j\n'
    """
    ends = [match.end() for match in re.finditer("\n", text)]
    cuts = []
    for share in (validation + test, test):
        wanted = round(len(text) * (1 - share))
        nearest = min(ends, key=lambda end: abs(end - wanted), default=wanted)
        cuts.append(nearest if abs(nearest - wanted) <= 0.02 * len(text) else wanted)
    return {"train": text[: cuts[0]], "validation": text[cuts[0] : cuts[1]], "test": text[cuts[1] :]}


def likelihood(reader, part):
    """How well a text was predicted, with the state carried from its beginning to its end.

    The text is read as 20 stretches side by side, each of which begins with a state of zeros.

    Args:
        reader: A model from [`tokens` (batch, time), states...] to {`logits`; `next_...` for each state}.
        part: A `zoo.data.Part` of consecutive windows, whose targets are padded with 0.

    Returns:
        {"nats": the mean of -log p(token | all tokens before it), "bits": the same to the base 2, "perplexity": its exponential}.
    """
    return measures(cross_entropy(reader, part))


def measures(nats):
    """A cross-entropy in nats a token, in bits, and as perplexity.

    Example:
        >>> measures(math.log(4))["bits"]
        2.0
    """
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats)}


def cross_entropy(reader, part):
    """The nats a token of `likelihood`."""
    tokens, following = part.inputs["tokens"].ravel(), part.targets.ravel()
    tokens, following = tokens[following != 0], following[following != 0]
    streams = min(STREAMS, len(tokens))
    length = -(-len(tokens) // streams)
    tokens, following = (
        np.pad(array, (0, streams * length - len(array))).reshape(streams, length) for array in (tokens, following)
    )
    states = [np.zeros((streams, state.shape[-1]), state.dtype) for state in reader.inputs[1:]]
    total = 0.0
    for start in range(0, length, STEPS):
        outputs = reader.predict_on_batch([tokens[:, start : start + STEPS], *states])
        states = [outputs[f"next_{state.name}"] for state in reader.inputs[1:]]
        wanted = following[:, start : start + STEPS]
        logits = np.asarray(outputs["logits"], "float64")
        logits = logits - logits.max(axis=-1, keepdims=True)
        known = np.take_along_axis(logits, wanted[..., None], axis=-1)[..., 0] - np.log(np.exp(logits).sum(axis=-1))
        total -= known[wanted != 0].sum()
    return total / np.count_nonzero(following)
