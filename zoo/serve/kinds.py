"""The kind of every input and output, also of an export of version 0.1 or from elsewhere, whose contract has none."""

import math

from zoo.data.contract import field_from_json

BYTES = "_bytes"  # ends the name of a tensor of bytes that are no text, as in TensorFlow Serving


def with_kinds(signatures, contract):
    """Signatures whose every input and output has a kind, with `classes`, `vocabulary` and `picture` as the kind needs them.

    What an export tells stays as it is. One of version 0.1 tells nothing: there an input is what `field_from_json` takes it for,
    or the picture that the contract speaks of, and an output is what an input of the same shape is, or by the names that 0.1 gave
    to the answers of classifiers and decoders. Texts and picture files, as the server takes them, are never told.

    Args:
        signatures: {name: {"inputs": {name: field}, "outputs": {name: field}}}, fields as in contract.json.
        contract: contract.json, for `classes`, `picture` and `vocabularies`.

    Example:
        >>> image = {"dtype": "float32", "shape": [None, 28, 28, 1], "minimum": 0.0, "maximum": 1.0}
        >>> contract = {"classes": ["cat", "dog"], "picture": {"box": 20}, "vocabularies": {}}
        >>> outputs = {"label": {"dtype": "int32", "shape": [None]}}
        >>> found = with_kinds({"serving_default": {"inputs": {"image": image}, "outputs": outputs}}, contract)["serving_default"]
        >>> found["inputs"]["image"]["kind"], found["inputs"]["image"]["picture"], found["outputs"]["label"]["kind"]
        ('image', {'box': 20}, 'label')
    """
    told = {key: field for one in signatures.values() for key, field in one["outputs"].items() if field.get("kind")}
    inputs = {
        name: {key: field if field.get("kind") else _input(key, field, contract) for key, field in one["inputs"].items()}
        for name, one in signatures.items()
    }
    images = {tuple(field["shape"]): field for every in inputs.values() for field in every.values() if field["kind"] == "image"}
    outputs = {
        name: {
            key: field if field.get("kind") else _output(key, field, contract, told, images)
            for key, field in one["outputs"].items()
        }
        for name, one in signatures.items()
    }
    return {name: {**one, "inputs": inputs[name], "outputs": outputs[name]} for name, one in signatures.items()}


def _input(name, field, contract):
    if field["dtype"] == "string":
        return {**field, "kind": "image" if name.endswith(BYTES) else "text"}
    shape, picture, vocabulary = field["shape"], contract.get("picture"), field.get("vocabulary")
    if shape is None:
        return {**field, "kind": "vector"}
    bounds = field.get("minimum"), field.get("maximum")
    if picture is not None and bounds == (0.0, 1.0):
        return {**field, "kind": "image", "picture": picture}
    found = field_from_json(
        {
            "dtype": field["dtype"],
            "shape": shape[1:],
            "minimum": bounds[0],
            "maximum": bounds[1],
            "vocabulary": vocabulary and contract["vocabularies"][vocabulary],
        }
    )
    return {**field, "kind": found.kind}


def _output(name, field, contract, told, images):
    known, classes = told.get(name), contract.get("classes")
    if field["dtype"] == "string":
        return {**field, "kind": "text"}
    if known is not None:
        return {**known, **field}
    if classes and name in ("label", "probabilities"):
        return {**field, "kind": "label", "classes": classes}
    if name == "tokens" and contract["vocabularies"]:
        return {**field, "kind": "text", "vocabulary": list(contract["vocabularies"])[-1]}
    shape = tuple(field["shape"] or ())
    if shape in images and math.prod(shape[1:]) > 1:
        return {**field, "kind": "image", "minimum": 0.0, "maximum": 1.0}
    return {**field, "kind": "vector"}
