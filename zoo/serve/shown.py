"""What the page is told of a model: its signatures, with the kind of every value, and examples of the texts that it reads."""

import weakref

from zoo.files import read_json
from zoo.serve.kinds import with_kinds
from zoo.serve.version import GOLDEN

MOST_EXAMPLES = 4
READ = ("text", "prompt")  # kinds of what a person writes

_shown = weakref.WeakKeyDictionary()  # {Version: what is told of it}, as the page asks every few seconds


def shown(version):
    """The contract of a version as the page needs it.

    Args:
        version: A `zoo.serve.version.Version`.

    Returns:
        contract.json with every signature that the version answers, also those that its engine's file lacks; a `kind` for every
        input and output; `examples` for inputs of text, from the golden requests; and of each vocabulary only its size.
    """
    if version not in _shown:
        _shown[version] = _contract(version)
    return _shown[version]


def _contract(version):
    answered = {
        name: {"alone": signature.alone, "inputs": signature.declared, "outputs": signature.outputs}
        for name, signature in version.signatures.items()
    }
    signatures = with_kinds(answered, version.contract)
    reads = any(field["kind"] in READ for one in signatures.values() for field in one["inputs"].values())
    for name, texts in (_examples(version, signatures) if reads else {}).items():
        for key, field in signatures[name]["inputs"].items():
            if field["kind"] in READ:
                signatures[name]["inputs"][key] = {**field, "examples": texts}
    sizes = {key: len(pieces) for key, pieces in version.contract["vocabularies"].items()}
    return {**version.contract, "vocabularies": sizes, "signatures": signatures}


def _examples(version, signatures):
    """{signature: texts} of the golden requests, which hold test examples."""
    from zoo.data.text import Vocabulary

    path, found = version.folder / GOLDEN, {}
    for request in read_json(path, "export again") if path.is_file() else ():
        fields = signatures.get(request["signature"], {"inputs": {}})["inputs"]
        texts = found.setdefault(request["signature"], [])
        for name, given in request["inputs"].items():
            field = fields.get(name, {})
            if field.get("kind") not in READ or sum(bool(one["shape"]) for one in fields.values()) > 1:
                continue
            if field["dtype"] == "string":
                texts += given["value"]
            else:
                vocabulary = Vocabulary(version.contract["vocabularies"][field["vocabulary"]])
                texts += [vocabulary.decode(row) for row in given["value"]]
    return {name: list(dict.fromkeys(texts))[:MOST_EXAMPLES] for name, texts in found.items() if texts}
