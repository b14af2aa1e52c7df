"""Answers for what a person has at hand: pictures, text, numbers or arrays; `zoo.predict` and `zoo predict`."""

import dataclasses
import os
import pathlib
import zipfile

import numpy as np

from zoo import finder as recipes
from zoo import occlusion, saved, writing
from zoo.data.kinds import kind_of
from zoo.data.text import Vocabulary
from zoo.datasets.folder import SUFFIXES
from zoo.endpoints import DEFAULT, Endpoint, endpoints_of, known_fields
from zoo.errors import UsageError
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
        numbers = [*prompt]
        yield vocabulary.decode(prompt)
        scalars = {key: value for key, value in self.inputs.items() if key != name}
        for number in writing.tokens_written(self.endpoints[writing.STEP], prompt, **scalars):
            before = vocabulary.decode(numbers)
            numbers.append(number)
            yield vocabulary.decode(numbers).removeprefix(before)


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
    inputs, labels, notes = _inputs(fields, list(sources), dict(given or {}), wanted)
    for key, field in fields.items():
        field.check(key, inputs[key])
    rows = {key: len(inputs[key]) for key, field in fields.items() if field.batched}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{key} {count}" for key, count in rows.items())
        raise UsageError(f"there are different numbers of examples ({counts}); expected one for each of the others.")
    measured = saved.read_card(found)["scores"].get("test", {})
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


def _inputs(fields, sources, given, endpoint):
    """{input: array}, the labels of the examples, and notes; every input comes from `given`, or from the sources in turn."""
    unknown = [key for key in given if key not in fields]
    if unknown:
        raise UsageError(f"{endpoint} has no input {unknown[0]!r}{nearest(unknown[0], fields)} It takes {_described(fields)}.")
    usual = {key: field.default for key, field in fields.items() if field.default is not None}
    given = {**usual, **given}
    in_turn = {key: field for key, field in fields.items() if key not in given}
    missing = [key for key, field in in_turn.items() if not field.batched or not sources]
    if missing:
        raise UsageError(f"got no {' and no '.join(missing)}; {endpoint} takes {_described(fields)}.")
    if sources and not in_turn:
        raise UsageError(f"{endpoint} was given every input by name, and {str(sources[0])!r} too.")
    if len(sources) == 1 and len(in_turn) > 1 and str(sources[0]).endswith(".npz"):
        inputs, labels, notes = _read_npz(pathlib.Path(sources[0]), in_turn), [], []
    else:
        inputs, labels, notes = _read_in_turn(in_turn, sources, endpoint)
    for key, source in given.items():
        if fields[key].batched:
            parts = [_read(one, key, fields[key]) for one in _expanded(source, fields[key])]
            inputs[key] = _joined([array for array, _ in parts], fields[key])
            notes += [note for _, some in parts for note in some]
        else:
            inputs[key] = _single(source, key, fields[key])
    return {key: inputs[key] for key in fields}, labels, notes


def _read_in_turn(fields, sources, endpoint):
    """{input: batch}, labels and notes of sources that fill the inputs one after the other, example by example."""
    every = [one for source in sources for one in _expanded(source, next(iter(fields.values())))]
    if fields and len(every) % len(fields):
        raise UsageError(f"{endpoint} takes {' and '.join(fields)} in turn for each example; got {len(every)} in all.")
    arrays, labels, notes = {key: [] for key in fields}, [], []
    for start in range(0, len(every), len(fields) or 1):
        example = every[start : start + len(fields)]
        for (key, field), one in zip(fields.items(), example):
            array, some = _read(one, key, field)
            arrays[key].append(array)
            named = len(every) > 1 and isinstance(one, (str, os.PathLike))
            notes += [f"{_label(one)}: {note}" if named else note for note in some]
        label, rows = ", ".join(map(_label, example)), len(array)
        labels += [label] if rows == 1 else [f"{label} {row}" for row in range(1, rows + 1)]
    return {key: _joined(batches, fields[key]) for key, batches in arrays.items()}, labels, notes


def _described(fields):
    """What every input takes, as text."""
    batched = {True: "{0} ({1.kind}, {1.dtype} {2})", False: "{0}=... ({1.dtype} in {3})"}
    return ", ".join(
        batched[field.batched].format(key, field, field.batch_shape(), field.range()) for key, field in fields.items()
    )


def _expanded(source, field):
    """The pictures of a folder, or the source alone; a list is its parts."""
    if isinstance(source, (list, tuple)):
        return [one for part in source for one in _expanded(part, field)]
    if field.kind != "image" or not isinstance(source, (str, os.PathLike)) or not os.path.isdir(source):
        return [source]
    pictures = sorted(path for path in pathlib.Path(source).iterdir() if path.suffix.lower() in SUFFIXES)
    if not pictures:
        raise UsageError(f"{source} holds no pictures; expected {', '.join(SUFFIXES)} files in it.")
    return pictures


def _label(source):
    return pathlib.Path(source).name if isinstance(source, (str, os.PathLike)) and os.path.exists(source) else str(source)[:40]


def _is_batch(source, answer):
    """Whether what was given stands for many examples even if it holds one: a folder, or an array with a batch axis."""
    if isinstance(source, (str, os.PathLike)):
        return os.path.isdir(source)
    fields = [answer.fields[name] for name in answer.inputs]
    return hasattr(source, "ndim") and np.ndim(source) > len(fields[0].shape)


def _read(source, name, field):
    """(batch, notes) of one source."""
    if isinstance(source, (str, os.PathLike)):
        if pathlib.Path(source).suffix == ".npy":
            return _read_npy(pathlib.Path(source), name, field), []
        return kind_of(field).read(source, name, field)
    return _batch("the array", name, np.asarray(source), field), []


def _single(source, name, field):
    """A single value, such as a seed."""
    try:
        value = np.array(source).astype(field.dtype)
    except (TypeError, ValueError, OverflowError):
        value = None
    if value is None or str(value) != str(source).strip() and value != np.float64(source):
        raise UsageError(f"`{name}` is {source!r}; expected {field.dtype} in {field.range()}.")
    return value


def _joined(arrays, field):
    """One batch of several; shorter ones are filled up where their kind can be."""
    shapes = sorted({array.shape[1:] for array in arrays})
    if len(shapes) == 1:
        return np.concatenate(arrays)
    kind = kind_of(field)
    if not hasattr(kind, "joined") or any(array.ndim != 2 for array in arrays):
        raise UsageError(f"the examples have the shapes {', '.join(map(str, shapes))}; expected examples of one shape.")
    return kind.joined(arrays)


def _read_npz(path, fields):
    """{input: batch} of a .npz file that has an array for each input."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in fields}
    except (OSError, ValueError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UsageError(f"{path} cannot be read ({reason}); expected the arrays {', '.join(fields)}.") from error
    return {name: _batch(path, name, array, fields[name]) for name, array in arrays.items()}


def _read_npy(path, name, field):
    try:
        with open(path, "rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UsageError(f"{path} cannot be read as an array ({reason}).") from error
    return _batch(path, name, array, field)


def _batch(path, name, array, field):
    """One example or a batch as a batch, in the dtype of its field where no value is changed by that."""
    if not array.size:
        raise UsageError(f"{path} is empty; expected an example or a batch of them.")
    if array.ndim == len(field.shape):
        array = array[None]
    same_kind = np.issubdtype(array.dtype, np.floating) == np.issubdtype(field.dtype, np.floating)
    if not same_kind or array.dtype.kind not in "iuf":
        return array
    dataclasses.replace(field, dtype=array.dtype).check(name, array)  # before another dtype lets large values wrap around
    return array.astype(field.dtype)
