"""Answers for what a person has at hand: pictures, text, numbers or arrays; `zoo.predict` and `zoo predict`."""

import dataclasses
import os

import numpy as np

from zoo import finder as recipes
from zoo import occlusion, saved, writing
from zoo.data.kinds import kind_of
from zoo.data.text import Vocabulary
from zoo.endpoints import DEFAULT, Endpoint, endpoints_of, known_fields
from zoo.errors import UsageError
from zoo.reading import read_inputs
from zoo.types import nearest

RANGE = "_range"  # ends the name under which a card tells between which values an output lies as a rule


def predict(
    name: str,
    source=None,
    *,
    endpoint: str | None = None,
    inputs: dict | None = None,
    folder: str | os.PathLike | None = None,
):
    """What a trained network answers, as plain Python values.

    Args:
        name: Name of a network, or the path of a recipe file.
        source: What to answer: the path of a picture, of a text file or of a .npy file, a folder of pictures, a text, an array
            with one example or a batch `(batch, ...)`, or a list of these. An endpoint of two inputs, such as two pictures, takes
            them in turn. None where `inputs` has everything.
        endpoint: Name of the endpoint; None for the default one.
        inputs: {input: source} for inputs given by name, such as {"count": 64, "seed": 1}.
        folder: The folder of saved models; None as in `zoo.load`.

    Returns:
        {output: value} for one example: the name of a class, {class: probability}, text, a number or an array. A list of them for
        a folder, a batch or a list. For a text that is classified also `words`: [(word, how far the log-odds of its class fall
        without it)]; for a number whose range on the test part stands on the card, also `NAME_range`: (low, high).

    Raises:
        UsageError: If the network is not trained, has no such endpoint, or does not take the source.

    Example:
        >>> import numpy as np
        >>> predict("mnist_cnn", np.zeros((28, 28, 1), "float32"))["label"] in "0123456789"
        True
    """
    sources = source if isinstance(source, (list, tuple)) else [] if source is None else [source]
    answer = ask(name, sources, inputs or {}, endpoint, folder)
    values = answer.values()
    is_one = len(values) == 1 and not isinstance(source, (list, tuple)) and not _is_batch(source, answer)
    return values[0] if is_one else values


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a network was asked and what it answered.

    Args:
        inputs: {input: array `(batch, ...)`}, as the network saw them.
        outputs: {output: array `(batch, ...)`}.
        fields: {name: Field} of inputs and outputs.
        labels: What to call each example, such as the name of its file; empty where there is one example.
        notes: What was done to the sources.
        deciding: For texts that are classified, what `zoo.occlusion.deciding_words` tells of each; else None.
        ranges: {output: (low, high)}, between which 98 % of the test examples lie, where the card tells it.
    """

    inputs: dict
    outputs: dict
    fields: dict
    labels: tuple
    notes: tuple
    deciding: tuple | None = None
    ranges: dict = dataclasses.field(default_factory=dict)

    def __len__(self):
        return len(next(iter(self.outputs.values())))

    def values(self):
        """A list with {output: value} for each example; an output that has a range has it beside it as `NAME_range`."""
        fields = {name: self.fields[name] for name in self.outputs}
        values = [
            {shown_name(name, field): kind_of(field).value(self.outputs[name][row], field) for name, field in fields.items()}
            for row in range(len(self))
        ]
        if self.deciding is not None:
            values = [{**value, "words": list(words)} for value, words in zip(values, self.deciding)]
        ranges = {f"{name}{RANGE}": usual for name, usual in self.ranges.items()}
        return [{**value, **ranges} for value in values]

    def words(self, name, row):
        """One value of one example as text for a terminal."""
        array = self.outputs[name] if name in self.outputs else self.inputs[name]
        return kind_of(self.fields[name]).words(array[row], self.fields[name])


def shown_name(name, field):
    """What a person calls an output: token numbers are text to them."""
    return "text" if field.kind in ("text", "prompt") else name


def ask(name, sources, given=None, endpoint=None, folder=None):
    """What a trained network answers, as arrays and with what a person needs to read them.

    Args:
        name: Name of a network, or the path of a recipe file.
        sources: A list of paths, texts and arrays, for the inputs that `given` lacks, in turn.
        given: {input: source}.
        endpoint: Name of the endpoint; None for the default one.
        folder: The folder of saved models; None as in `zoo.load`.

    Returns:
        An `Answer`.

    Raises:
        UsageError: As `predict` does.
    """
    return question(name, sources, given, endpoint, folder).answer()


@dataclasses.dataclass(frozen=True)
class Question:
    """What a network is asked.

    Args:
        endpoint: The `Endpoint` that is asked.
        endpoints: {name: Endpoint} of all.
        inputs: {input: array}.
        fields: {name: Field} of inputs and outputs.
        labels: What to call each example.
        notes: What was done to the sources, a list.
        ranges: As of `Answer`.
    """

    endpoint: Endpoint
    endpoints: dict
    inputs: dict
    fields: dict
    labels: list
    notes: list
    ranges: dict

    def answer(self):
        """The `Answer`."""
        outputs = self.endpoint.predict(self.inputs)
        deciding = _deciding(self.endpoint, self.fields, self.inputs, self.notes)
        return Answer(self.inputs, outputs, self.fields, tuple(self.labels), tuple(self.notes), deciding, self.ranges)

    @property
    def is_writing(self):
        """Whether the answer is one text that continues what was given, so that it can be told as it is written."""
        is_prompt = [self.fields[name].kind == "prompt" for name in (*self.endpoint.inputs, *self.endpoint.outputs)]
        return writing.STEP in self.endpoints and is_prompt[0] and is_prompt[-1] and len(next(iter(self.inputs.values()))) == 1

    def parts(self):
        """The text of a writing answer, the prompt first, a part for each token."""
        name = next(iter(self.inputs))
        vocabulary = Vocabulary(self.fields[name].vocabulary)
        prompt = [int(number) for number in self.inputs[name][0] if number]
        yield vocabulary.decode(prompt)
        scalars = {key: value for key, value in self.inputs.items() if key != name}
        for number in writing.tokens_written(self.endpoints[writing.STEP], prompt, **scalars):
            yield vocabulary.decode([number])


def question(name, sources, given=None, endpoint=None, folder=None):
    """What `ask` asks, a `Question`; arguments and errors as there."""
    found = saved.find_saved(name, folder)
    contract, recipe = saved.read_contract(found), recipes.find(name)
    endpoints = endpoints_of(recipe, saved.load(name, folder), contract)
    wanted = endpoint or DEFAULT
    if wanted not in endpoints:
        hint = nearest(wanted, endpoints)
        raise UsageError(f"{recipes.name_of(name)} has no endpoint {wanted!r}{hint} Its endpoints are {', '.join(endpoints)}.")
    asked, known = endpoints[wanted], known_fields(recipe, contract)
    fields = asked.fields(dataclasses.replace(contract, inputs=known))
    inputs, labels, notes = read_inputs(fields, list(sources), dict(given or {}), wanted)
    for key, field in fields.items():
        field.check(key, inputs[key])
    rows = {key: len(inputs[key]) for key, field in fields.items() if field.batched}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{key} {count}" for key, count in rows.items())
        raise UsageError(f"there are different numbers of examples ({counts}); expected one for each of the others.")
    measured = saved.read_card(found).get("scores", {}).get("test", {})
    ranges = {key: tuple(measured[f"{key}{RANGE}"]) for key in asked.outputs if f"{key}{RANGE}" in measured}
    return Question(asked, endpoints, inputs, {**fields, **asked.answer_fields(known)}, labels, notes, ranges)


def _deciding(asked, fields, inputs, notes):
    """What the words of each text speak for, or None where no text is classified, or too many are."""
    names = occlusion.text_and_probabilities(asked, fields)
    if names is None:
        return None
    texts, pieces = inputs[names[0]], fields[names[0]].vocabulary
    if len(texts) > occlusion.MOST_TEXTS:
        notes.append(f"the words that decided are told for at most {occlusion.MOST_TEXTS} texts at a time")
        return None
    return tuple(occlusion.deciding_words(asked, *names, tokens[tokens != 0], pieces) for tokens in texts)


def _is_batch(source, answer):
    """Whether what was given stands for many examples even if it holds one: a folder, or an array with a batch axis."""
    if isinstance(source, (str, os.PathLike)):
        return os.path.isdir(source)
    fields = [answer.fields[name] for name in answer.inputs]
    return hasattr(source, "ndim") and np.ndim(source) > len(fields[0].shape)
