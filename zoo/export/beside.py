"""What a server wants beside an exported file: the contract, golden requests with their answers, and how near the file came."""

import pathlib

from zoo.endpoints import answers_of_classes
from zoo.errors import UsageError
from zoo.export.declared import as_json, declared
from zoo.files import read_json, write_json
from zoo.machine import machine

CONTRACT, GOLDEN, EXPORT = "contract.json", "golden.json", "export.json"
GOLDEN_REQUESTS = 8


def write_beside(path, form, endpoints, fields, requests, found, contract=None):
    """Writes contract.json, golden.json and export.json beside a file that was proven.

    Where they are of another kind, or describe another file that is still there, they are left alone, unless it has the same
    signatures: then this file is added to them.

    Args:
        path: The exported file; of a SavedModel its folder.
        form: "saved_model", "litert" or "onnx".
        endpoints: {signature: Endpoint}.
        fields: {signature: {input: Field}}.
        requests: What `zoo.export.check.make_requests` gave, by which the file was proven.
        found: The `zoo.export.check.Difference` from Keras.
        contract: The `zoo.data.contract.Contract` of the inputs, or None.
    """
    path = pathlib.Path(path)
    folder = path if path.is_dir() else path.parent
    file = "saved_model.pb" if path.is_dir() else path.name
    new, report = _contract_json(folder, form, endpoints, fields, contract), {"machine": machine(), "files": {}}
    if (folder / CONTRACT).exists() or (folder / EXPORT).exists():
        there = _read(folder)
        if there is None:
            return
        others = {key: one for key, one in there[1]["files"].items() if one["file"] != file and (folder / one["file"]).exists()}
        if form in others or (others and _without_formats(there[0]) != _without_formats(new)):
            return
        if others:
            new, report["files"] = _joined(there[0], form), others
    golden = [] if report["files"] else _golden(requests)
    report["files"][form] = {"file": file, "golden_difference": found.excess}
    if golden:
        write_json(folder / GOLDEN, golden)
    write_json(folder / EXPORT, report)
    write_json(folder / CONTRACT, new)


def _contract_json(folder, form, endpoints, fields, contract):
    vocabularies, signatures = {}, {}
    classes = None if contract is None else contract.classes
    known = {} if contract is None else {**contract.inputs, **answers_of_classes(classes)}
    for signature, endpoint in endpoints.items():
        answers = endpoint.answer_fields(known)
        signatures[signature] = declared(endpoint, fields[signature], answers, [form], vocabularies)
    pictures = [] if contract is None else [field.picture for field in contract.inputs.values() if field.kind == "image"]
    return {
        "name": folder.absolute().parent.name,
        "classes": None if classes is None else list(classes),
        "picture": pictures[0] if len(pictures) == 1 else None,
        "vocabularies": vocabularies,
        "signatures": signatures,
    }


def _read(folder):
    """(contract.json, export.json) that `write_beside` wrote; None where they are of another kind, or damaged."""
    try:
        there, report = read_json(folder / CONTRACT, ""), read_json(folder / EXPORT, "")
        if isinstance(there["signatures"], dict) and all(isinstance(one["file"], str) for one in report["files"].values()):
            return there, report
    except (UsageError, AttributeError, KeyError, TypeError):
        pass
    return None


def _without_formats(contract):
    signatures = contract["signatures"].items()
    return contract["vocabularies"], {key: (one["inputs"], one["outputs"]) for key, one in signatures}


def _joined(there, form):
    """A contract with one format more."""
    signatures = {key: {**one, "formats": sorted({*one["formats"], form})} for key, one in there["signatures"].items()}
    return {**there, "signatures": signatures}


def _golden(requests):
    """The first requests; among them is one to every signature."""
    count = max(GOLDEN_REQUESTS, len({signature for signature, _, _ in requests}))
    return [
        {"signature": signature, "inputs": as_json(inputs), "outputs": as_json(outputs)}
        for signature, inputs, outputs in requests[:count]
    ]
