"""Answers for what a person has at hand: a picture, a line of text, or arrays."""

import dataclasses
import importlib
import os
import pathlib
import zipfile

import numpy as np

from zoo import recipe as recipes
from zoo import saved
from zoo.data.contract import Contract, Data, Field, Part
from zoo.data.pictures import fitted, photo_form
from zoo.data.text import UNKNOWN, Vocabulary, padded
from zoo.endpoints import default_endpoint
from zoo.errors import UsageError


def predict(name, source, folder=None):
    """What a trained network answers.

    Args:
        name: Name of the recipe.
        source: Path of a picture, of a text file with an example a line, or of a .npy file with one example or a batch; for
            networks that read text also the text itself; for networks of several inputs a .npz file with an array for each.
        folder: The folder of saved models; None as in `zoo.load`.

    Returns:
        (inputs, answers, notes): the inputs as the network saw them, {name: array (batch, ...)}; the answers, {name: array or
        list (batch, ...)}, with classes by their names in `label` and text in `text`; and a list of what was done to the source.

    Raises:
        UsageError: If the network is not trained, or the source does not fit it.
    """
    found = saved.find_saved(name, folder)
    card, contract, recipe = saved.read_card(found), saved.read_contract(found), recipes.find(name)
    endpoint = default_endpoint(recipe, saved.load(name, folder), contract)
    if len(endpoint.inputs) > 1:
        inputs, notes = _read_arrays(pathlib.Path(source), {key: contract[key] for key in endpoint.inputs}), []
    else:
        inputs, notes = _read(source, card["settings"]["data"], contract, recipe)
    for key, array in inputs.items():
        contract[key].check(key, array)
    answers = endpoint.predict(inputs)
    if contract.classes is not None and "label" in answers:
        answers["label"] = [contract.classes[index] for index in answers["label"]]
    if contract.answer_vocabulary is not None and "tokens" in answers:
        vocabulary = Vocabulary(contract.answer_vocabulary)
        tokens = answers["tokens"]
        answers = {"text": [vocabulary.decode(row) for row in (tokens if tokens.ndim == 2 else tokens[:, 0])]}
    return inputs, answers, notes


def _read(source, data_name, contract, recipe):
    """The inputs of one source, and what was done to it."""
    name, field = next(iter(contract.inputs.items()))  # further inputs are the network's own, as the decoder's
    path = pathlib.Path(source)
    if path.suffix == ".npy":
        inputs, notes = {name: _read_array(path, name, field)}, []
    elif field.vocabulary is not None:
        array, notes = _read_text(source, field)
        inputs = {name: array}
    else:
        inputs, notes = _read_picture(path, data_name, contract, recipe)
    return inputs, notes


def _read_arrays(path, fields):
    """{input: batch} of a .npz file that has an array for each input."""
    if path.suffix != ".npz":
        raise UsageError(f"{path} cannot be used; the network takes a .npz file with the arrays {', '.join(fields)}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in fields}
    except (OSError, ValueError, KeyError, MemoryError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UsageError(f"{path} cannot be read ({reason}); expected the arrays {', '.join(fields)}.") from error
    inputs = {name: _batch(path, name, array, fields[name]) for name, array in arrays.items()}
    if len({len(array) for array in inputs.values()}) > 1:
        counts = ", ".join(f"{name} {len(array)}" for name, array in inputs.items())
        raise UsageError(f"{path} has different numbers of examples ({counts}); expected one for each of the others.")
    return inputs


def _read_array(path, name, field):
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


def _read_text(source, field):
    is_file = os.path.isfile(source)
    try:
        text = pathlib.Path(source).read_text(encoding="utf-8") if is_file else source
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read as UTF-8 text ({error}).") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{source!r} holds no text; expected a line of text, or a file with an example a line.")
    vocabulary = Vocabulary(field.vocabulary)
    sequences = [vocabulary.encode(line) for line in lines]
    unknown = sum(sequence.count(UNKNOWN) for sequence in sequences)
    notes = [f"{len(lines)} lines of {source}"] if is_file else []
    if unknown:
        notes.append(f"characters never seen in training: {unknown}")
    return padded(sequences), notes


def _read_picture(path, data_name, contract, recipe):
    name, field = next(iter(contract.inputs.items()))
    data_set = importlib.import_module(f"zoo.datasets.{data_name.partition(':')[0]}")
    if hasattr(data_set, "from_picture"):
        image, notes = data_set.from_picture(path)
    elif photo_form(contract) is not None:
        image, notes = fitted(path, field.shape)
    else:
        raise UsageError(f"{path} cannot be used; the network takes `{name}` {field.shape} as a .npy file.")
    part = Part({"image": image[None]}, np.zeros((1,), "int32"))
    if recipe.prepare is not None:
        image_contract = Contract({"image": Field("float32", image.shape, 0.0, 1.0)}, contract.classes)
        part = recipe.prepare(Data(part, part, part, image_contract, "", "")).train
    return part.inputs, notes
