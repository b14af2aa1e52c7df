"""Examples in the forms in which people have their data, as named arrays."""

import collections.abc
import itertools
import pathlib

import keras
import numpy as np

from zoo.endpoints import DEFAULT
from zoo.errors import UsageError
from zoo.export.requests import as_dtype

# What a proof or a calibration looks at; of a stream no more is read.
MOST_EXAMPLES = 200


def as_arrays(data, endpoints, fields, what):
    """Examples as {input: array (examples, ...)}, the first 200 of them, each checked against its field; not those without any.

    Args:
        data: What `keras.Model.predict` takes: an array, a list of arrays, {input: array}, a `tf.data.Dataset`, a
            `keras.utils.PyDataset`, a generator of batches; also a function that gives a generator, batches or single examples,
            with or without targets. Or None.
        endpoints: {signature: Endpoint}; data without names are the inputs of the default one.
        fields: {signature: {input: Field}}.
        what: What the data are for, for messages.

    Raises:
        UsageError: If the data name an input that there is not, or do not fit the inputs, or hold NaN or infinity.
    """
    inputs = endpoints[DEFAULT].inputs
    known = {name: field for every in reversed(fields.values()) for name, field in every.items()}
    if data is None:
        return {}
    if isinstance(data, (str, bytes, pathlib.Path)):
        raise UsageError(f"{what} are {data!r:.80}, a name; give what it holds, {{input: array}}.")
    if isinstance(data, collections.abc.Mapping):
        data = dict(data)
    if _is_stream(data):
        found = _joined(_batches(data, endpoints[DEFAULT], known, what), known)
    else:
        found = _named(data, endpoints[DEFAULT], known, what)
    if not set(found) <= set(known):
        raise UsageError(f"{what} are of {sorted(found)}; expected {sorted(inputs)}.")
    return {name: _checked(name, array, known[name], what) for name, array in found.items() if array.size}


def _is_stream(data):
    return not (isinstance(data, (dict, list, tuple)) or hasattr(data, "__array__"))


def _batches(data, endpoint, fields, what):
    """The batches of a stream, each as {input: array}, until there are enough examples."""
    if isinstance(data, keras.utils.PyDataset):
        stream = map(data.__getitem__, itertools.count() if data.num_batches is None else range(data.num_batches))
    else:
        stream = data() if callable(data) else data
    if not hasattr(stream, "__iter__"):
        raise UsageError(f"{what} are of type {type(data).__name__}; expected {{input: array}}, an array, or batches of them.")
    rows = 0
    for batch in stream:
        named = _named(_inputs_of(batch, endpoint), endpoint, fields, what)
        yield named
        rows += max((len(array) for array in named.values()), default=1)
        if rows >= MOST_EXAMPLES:
            return


def _inputs_of(batch, endpoint):
    """The inputs of a batch, as Keras and PyTorch read one: a tuple, or a list of too many arrays, has targets behind them."""
    with_targets = isinstance(batch, list) and len(batch) > len(endpoint.inputs) and hasattr(batch[0], "__array__")
    return batch[0] if isinstance(batch, tuple) or with_targets else batch


def _named(data, endpoint, fields, what):
    """Arrays by the names of inputs; one that has the shape of a single example becomes a batch of it."""
    names = list(endpoint.inputs)
    if isinstance(data, dict) and not _is_structure_of(data, endpoint):
        found = data
    elif _is_structure_of(data, endpoint):
        found = dict(zip(names, keras.tree.flatten(data)))
    elif isinstance(data, (list, tuple)) and len(data) == len(names) and (len(names) > 1 or _is_batch(data[0], endpoint)):
        found = dict(zip(names, data))
    elif len(names) == 1:
        found = {names[0]: data}
    else:
        raise UsageError(f"{what} have no names, and the model has {len(names)} inputs; give {{input: array}} for {names}.")
    arrays = {}
    for name, value in found.items():
        try:
            array = np.asarray(value)
        except ValueError:
            raise UsageError(f"{what} of `{name}` are no array (their shapes differ); give arrays of one shape.") from None
        single = name in fields and fields[name].batched and array.ndim == len(fields[name].shape)
        arrays[name] = array[None] if single else array
    return arrays


def _is_structure_of(data, endpoint):
    """Whether data are nested as the inputs of the model are, with other names than these have."""
    nested = endpoint.model.input
    if not keras.tree.is_nested(nested) or isinstance(data, dict) and set(data) <= set(endpoint.inputs):
        return False
    try:
        keras.tree.assert_same_structure(nested, data)
    except (ValueError, TypeError):
        return False
    return True


def _is_batch(value, endpoint):
    return np.ndim(value) == len(next(iter(endpoint.inputs.values())).shape)


def _joined(batches, fields):
    """All batches as one; where their free sizes differ, shorter ones are padded with 0."""
    found = {}
    for batch in batches:
        for name, array in batch.items():
            found.setdefault(name, []).append(array)
    return {name: _concatenated(arrays, fields.get(name)) for name, arrays in found.items()}


def _concatenated(arrays, field):
    if field is not None and None in field.shape and len({array.ndim for array in arrays}) == 1:
        sizes = np.max([array.shape for array in arrays], axis=0)
        free = [False, *(size is None for size in field.shape)]
        arrays = [
            np.pad(array, [(0, int(size - there) if grows else 0) for size, there, grows in zip(sizes, array.shape, free)])
            for array in arrays
        ]
    if len({array.shape[1:] for array in arrays}) > 1:
        return np.array([*arrays, None], object)[:-1]  # which is refused with its name
    return np.concatenate(arrays)


def _checked(name, array, field, what):
    if not field.batched:
        array = array.reshape(()) if array.size == 1 else array
    array = array[:MOST_EXAMPLES] if array.ndim else array
    if field.dtype == "string":
        texts = [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel()]
        return np.array([*texts, None], object)[:-1].reshape(array.shape)
    try:
        with np.errstate(invalid="ignore"):  # NaN as a whole number is found below
            cast = as_dtype(array, field.dtype)
        if cast.dtype.kind in "iu" and not (cast == array).all():
            raise UsageError(f"input `{name}` is {array.dtype} and not of whole numbers; expected {field.dtype}.")
        field.check(name, cast)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{what}: input `{name}` is {array.dtype}; expected {field.dtype}.") from error
    except UsageError as error:
        raise UsageError(f"{what}: {error}") from None
    return cast
