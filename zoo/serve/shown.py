"""What the page is told of a model: its signatures, with the kind of every value, and examples of the texts that it reads."""

import math
import weakref

from zoo.data.contract import field_from_json
from zoo.files import read_json

MOST_EXAMPLES = 4
BYTES = "_bytes"  # ends the name of a tensor of bytes that are no text, as in TensorFlow Serving

_shown = weakref.WeakKeyDictionary()  # {Version: what is told of it}, as the page asks every few seconds


def shown(version):
    """The contract of a version as the page needs it.

    Args:
        version: A `zoo.serve.version.Version`.

    Returns:
        contract.json with every signature that the version answers, also those that its engine's file lacks; a `kind` for every
        input and output (inferred for an export of version 0.1, which has none); `examples` for inputs of text, from the golden
        requests; and of each vocabulary only its size.
    """
    if version not in _shown:
        _shown[version] = _contract(version)
    return _shown[version]


def _contract(version):
    signatures = {
        name: {"inputs": signature.declared, "outputs": signature.outputs} for name, signature in version.signatures.items()
    }
    signatures = with_kinds(signatures, version.contract)
    examples = _examples(version, signatures)
    for name, texts in examples.items():
        for key, field in signatures[name]["inputs"].items():
            if field["kind"] == "text":
                signatures[name]["inputs"][key] = {**field, "examples": texts}
    sizes = {key: len(pieces) for key, pieces in version.contract["vocabularies"].items()}
    return {**version.contract, "vocabularies": sizes, "signatures": signatures}


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
    return {name: {"inputs": inputs[name], "outputs": outputs[name]} for name in signatures}


def _input(name, field, contract):
    if field["dtype"] == "string":
        return {**field, "kind": "image" if name.endswith(BYTES) else "text"}
    shape, picture, vocabulary = field["shape"], contract.get("picture"), field.get("vocabulary")
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
    return {**field, "kind": found.kind, "picture": found.picture}


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
    shape = tuple(field["shape"])
    if shape in images and math.prod(shape[1:]) > 1:
        return {**field, "kind": "image", "minimum": 0.0, "maximum": 1.0}
    return {**field, "kind": "vector"}


def _examples(version, signatures):
    """{signature: texts} of the golden requests, which hold test examples."""
    from zoo.data.text import Vocabulary

    found = {}
    for request in read_json(version.folder / "golden.json", "export again"):
        fields = signatures.get(request["signature"], {"inputs": {}})["inputs"]
        texts = found.setdefault(request["signature"], [])
        for name, given in request["inputs"].items():
            field = fields.get(name, {})
            if field.get("kind") != "text" or len(fields) > 1:
                continue
            if field["dtype"] == "string":
                texts += given["value"]
            else:
                vocabulary = Vocabulary(version.contract["vocabularies"][field["vocabulary"]])
                texts += [vocabulary.decode(row) for row in given["value"]]
    return {name: list(dict.fromkeys(texts))[:MOST_EXAMPLES] for name, texts in found.items() if texts}
