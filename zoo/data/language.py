"""Running text for language models: what to read, and the token that follows each."""

import math
import re

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part
from zoo.data.kinds.label import of_classes
from zoo.data.text import SPACE, UNKNOWN, WORDS, Vocabulary, padded
from zoo.errors import UsageError
from zoo.types import counted

LONGEST_PROMPT, LONGEST_TEXT = 2000, 10_000
LEAST_TEMPERATURE, LARGEST_TEMPERATURE, LARGEST_K, LARGEST_SEED = 0.01, 100.0, 100, 1_000_000
VISIBLE = {"\n": "↵", "\t": "⇥"}  # of pieces in a list
STREAMS, SHORTEST_STREAM, STEPS = 20, 1000, 100  # in which a long text is read


def language_data(texts, steps, source, licence, level="characters", minimum_count=1, contract=None, paths=None, packages=()):
    """A `Data` of running text, cut into consecutive windows.

    Args:
        texts: {part: text}, of "train", "validation" and "test".
        steps: Number of tokens in a window.
        source: Where the text comes from.
        licence: Its licence.
        level: "characters" or "words".
        minimum_count: How often a piece must occur in the training part to be in the vocabulary; the others are `<unknown>`.
        contract: A `Contract` whose vocabulary is used; None makes that of the training part.
        paths: As of `Data`.
        packages: As of `Data`.

    Returns:
        A `Data` with `tokens` (windows, steps), int32, and as targets the token that follows each, padded with 0 in the last
        window.

    Raises:
        UsageError: If a part has less than two tokens, or the training part less than two different ones.

    Example:
        >>> data = language_data(dict.fromkeys(("train", "validation", "test"), "hello"), 4, "the lecture", "none")
        >>> data.train.inputs["tokens"].tolist(), data.train.targets.tolist()
        ([[5, 4, 6, 6]], [[4, 6, 6, 7]])
    """
    if contract is None:
        make = Vocabulary.of_words if level == "words" else Vocabulary.of_characters
        vocabulary = make([texts["train"]], minimum_count)
        known = [piece for piece in vocabulary.pieces[4:] if piece != WORDS]
        if len(known) < 2:
            raise UsageError(
                f"{source} has {counted(len(known), f'different {level[:-1]}')} in its training part; expected at least two."
            )
    else:
        vocabulary = Vocabulary(contract["tokens"].vocabulary)
    parts, notes = {}, []
    for name, text in texts.items():
        numbers = vocabulary.encode(text)[:-1]
        unknown = numbers.count(UNKNOWN)
        if unknown and contract is not None and name == "test":
            notes.append(f"{unknown} of {len(numbers)} {level} do not occur in the training text and count as <unknown>")
        if len(numbers) <= 1:
            raise UsageError(f"{source} has {len(numbers)} {level} in its {name} part; expected at least two.")
        parts[name] = windows(numbers, steps)
    field = Field("int32", (None,), 0, len(vocabulary) - 1, vocabulary.pieces, LONGEST_PROMPT, kind="prompt")
    return Data(
        **parts,
        contract=Contract({"tokens": field}),
        source=source,
        licence=licence,
        notes=tuple(notes),
        packages=packages,
        paths=paths or {},
    )


def writing_fields(tokens):
    """{name: Field} of what the endpoints of a writer take and give, as `zoo.layers.token_sampler.writing_endpoints` makes them.

    Args:
        tokens: The `Field` of the network's tokens.
    """
    most = len(tokens.vocabulary)
    token = Field("int32", (), 0, most - 1)
    names = [VISIBLE.get(piece, piece.replace(SPACE, "␣" if piece == SPACE else "")) for piece in tokens.vocabulary]
    return {
        "tokens": tokens,
        "continuation": tokens,
        "length": Field("int32", (), 1, LONGEST_TEXT, batched=False, default=200),
        "temperature": Field("float32", (), LEAST_TEMPERATURE, LARGEST_TEMPERATURE, batched=False, default=0.8),
        "top_k": Field("int32", (), 0, min(most, LARGEST_K), batched=False, default=0),
        "seed": Field("int32", (), 0, LARGEST_SEED, batched=False, default=0),
        "probabilities": of_classes(names, probabilities=True),
        "token": token,
        "next_token": token,
    }


def first_step(declared, prompt, scalars):
    """What the endpoint that writes token by token is asked first.

    Args:
        declared: {input: (dtype, shape)} of that endpoint, shapes with the batch axis.
        prompt: Token numbers of the prompt, a list of at least one.
        scalars: {input: number} of its single values, such as `temperature`.

    Returns:
        {input: array}: the first token of the prompt, states of zeros, and `number`, which counts up to 0 while the prompt is
        read.
    """
    given = {**scalars, "token": prompt[:1], "number": [1 - len(prompt)]}
    return {
        name: np.array(given[name], dtype) if name in given else np.zeros((1, *shape[1:]), dtype)
        for name, (dtype, shape) in declared.items()
    }


def following_step(inputs, outputs, prompt):
    """What it is asked next, and the token that it wrote, or None while the prompt is read.

    Args:
        inputs: What it was asked.
        outputs: What it answered.
        prompt: As of `first_step`.
    """
    number = int(inputs["number"][0])
    token = prompt[len(prompt) + number] if number < 0 else int(outputs["next_token"][0])
    following = {name: outputs.get(f"next_{name}", array) for name, array in inputs.items()}
    return {**following, "token": np.array([token], "int32")}, None if number < 0 else token


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


def text_of(part):
    """The token numbers of consecutive windows in one piece, int64 `(time,)`.

    Example:
        >>> text_of(windows([7, 8, 9, 7], 2)).tolist()
        [7, 8, 9, 7]
    """
    following = part.targets[part.targets != 0]
    return np.concatenate([part.inputs["tokens"].ravel()[:1], following]).astype("int64")


def measures(log_likelihoods):
    """How well a text was predicted: {"nats", "bits"} a token, and the "perplexity".

    Args:
        log_likelihoods: `(tokens,)`, the logarithm of the probability of each token after all before it.

    Example:
        >>> measures(np.log([0.25, 0.25]))
        {'nats': 1.3862943611198906, 'bits': 2.0, 'perplexity': 4.0}
    """
    nats = -float(np.mean(log_likelihoods, dtype="float64"))
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats)}


def measures_by_line(log_likelihoods, part, pieces):
    r"""The `measures` of each line of a text, {"line", "tokens", "nats", "bits", "perplexity"}, in the order of the text.

    Each line is judged in its place, after the lines before it. Its line break counts; lines of nothing else are left out.

    Args:
        log_likelihoods: `(tokens,)`, as `log_likelihoods` gives them.
        part: The `Part` of the text.
        pieces: The vocabulary; where it has no line break the text is one line.

    Example:
        >>> from zoo.data.text import SPECIAL
        >>> lines = measures_by_line(np.log([0.5, 0.5, 0.25]), windows([4, 5, 4, 4], 3), (*SPECIAL, "a", "\n"))
        >>> [(line["line"], line["tokens"], round(line["perplexity"], 2)) for line in lines]
        [('a', 1, 2.0), ('aa', 2, 2.83)]
    """
    numbers = text_of(part)
    ends = numbers == pieces.index("\n") if "\n" in pieces else np.zeros(len(numbers), bool)
    lines, vocabulary = [], Vocabulary(pieces)
    for places in np.split(np.arange(len(numbers)), np.flatnonzero(ends) + 1):
        text = vocabulary.decode(numbers[places]).strip("\n")
        known = log_likelihoods[places[places > 0] - 1]
        if text and len(known):
            lines.append({"line": text, "tokens": len(known), **measures(known)})
    return lines


def log_likelihoods(reader, part):
    """The logarithm of the probability of each token of a text after all those before it.

    A long text is read as up to 20 stretches side by side, of at least a thousand tokens, each of which begins with a state of
    zeros.

    Args:
        reader: A model from [`tokens` (batch, time), states...] to {`logits`; `next_...` for each state}.
        part: A `zoo.data.Part` of consecutive windows, whose targets are padded with 0.

    Returns:
        float64 `(tokens,)`, without the first token.
    """
    text = text_of(part)
    count = len(text) - 1
    streams = min(STREAMS, max(1, count // SHORTEST_STREAM))
    length = -(-count // (streams * STEPS)) * STEPS  # whole steps: no graph is traced for the rest
    tokens, following = (np.pad(array, (0, streams * length - count)).reshape(streams, length) for array in (text[:-1], text[1:]))
    states = [np.zeros((streams, state.shape[-1]), state.dtype) for state in reader.inputs[1:]]
    found = np.zeros((streams, length))
    for start in range(0, length, STEPS):
        outputs = reader.predict_on_batch([tokens[:, start : start + STEPS].astype("int32"), *states])
        states = [outputs[f"next_{state.name}"] for state in reader.inputs[1:]]
        logits = np.asarray(outputs["logits"], "float64")
        logits -= logits.max(axis=-1, keepdims=True)
        wanted = following[:, start : start + STEPS, None]
        known = np.take_along_axis(logits, wanted, axis=-1)[..., 0] - np.log(np.exp(logits).sum(axis=-1))
        found[:, start : start + STEPS] = known
    return found.ravel()[:count]
