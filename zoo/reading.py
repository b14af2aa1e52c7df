"""What a person gives for the inputs of an endpoint, as arrays: files, folders, words, numbers, arrays."""

import dataclasses
import os
import pathlib
import zipfile

import numpy as np

from zoo.data.kinds import kind_of
from zoo.datasets.folder import SUFFIXES
from zoo.errors import UsageError
from zoo.types import nearest


def read_inputs(fields, sources, given, endpoint):
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
