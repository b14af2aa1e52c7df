"""What contract.json says of a signature, with the kind, dtype, shape and bounds of every value, and arrays in golden.json."""

import base64

import numpy as np


def declared(endpoint, inputs, outputs, formats, vocabularies):
    """One signature as contract.json has it.

    Args:
        endpoint: The `Endpoint`.
        inputs: {input: Field}.
        outputs: {output: Field}.
        formats: Names of the formats that have it.
        vocabularies: {name: pieces} of the contract, to which vocabularies that it lacks are added.

    Returns:
        {"formats", "inputs", "outputs"}, ready for JSON.
    """
    return {
        "formats": list(formats),
        "inputs": {
            name: {
                **_value(name, field, vocabularies),
                "shape": field.sizes(),
                "finite": field.dtype.startswith("float"),
                "max_length": field.max_length,
                "default": field.default,
                "picture": field.picture,
            }
            for name, field in inputs.items()
        },
        "outputs": {
            name: {**_value(name, field, vocabularies), "shape": list(endpoint.outputs[name].shape)}
            for name, field in outputs.items()
        },
    }


def _value(name, field, vocabularies):
    """What inputs and outputs have in common; a vocabulary stands once, under the first name that has it."""
    key = None
    if field.vocabulary is not None:
        there = [one for one, pieces in vocabularies.items() if tuple(pieces) == field.vocabulary]
        key = there[0] if there else name
        vocabularies.setdefault(key, list(field.vocabulary))
    return {
        "kind": field.kind,
        "dtype": field.dtype,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "vocabulary": key,
        "classes": None if field.classes is None else list(field.classes),
    }


def as_json(arrays):
    """Arrays as JSON: numbers with their dtype, text as it is, other bytes as TensorFlow Serving writes them."""
    return {name: {"dtype": _dtype(array), "value": _values(name, array)} for name, array in arrays.items()}


def _values(name, array):
    if np.asarray(array).dtype != object:
        return np.asarray(array).tolist()
    return [{"b64": base64.b64encode(text).decode()} if name.endswith("_bytes") else text.decode() for text in array]


def _dtype(array):
    array = np.asarray(array)
    return "string" if array.dtype == object else str(array.dtype)
