"""Exports a trained network of the zoo: one version folder with every format, its proof, its contract and its golden requests."""

import contextlib
import datetime
import importlib.metadata
import json
import pathlib
import platform
import re

from zoo import finder as recipes
from zoo import saved
from zoo.engines import LITERT, ONNX, SAVED_MODEL
from zoo.errors import RunError, UsageError
from zoo.export.check import answers_of, difference
from zoo.export.graph import check_backend
from zoo.export.litert import check_options, write_litert
from zoo.export.onnx import write_onnx
from zoo.export.saved_model import write_saved_model
from zoo.export.trained import TrainedNetwork, playable
from zoo.files import appearing, read_json, sha256, write_json
from zoo.machine import machine
from zoo.types import nearest

FILES = {"saved_model": SAVED_MODEL, "litert": LITERT, "onnx": ONNX}
CONTRACT, GOLDEN, EXPORT = "contract.json", "golden.json", "export.json"


def export_network(
    name,
    formats=tuple(FILES),
    quantize="none",
    batch=None,
    fused=False,
    version=None,
    folder=None,
    allow_flex=False,
    tell=lambda line: None,
):
    """Exports a trained network to `FOLDER/NAME/VERSION/`, the folder that TensorFlow Serving mounts.

    Each file is run in a fresh process by its own runtime and compared with Keras on examples of the test part; the folder
    appears by one rename, when all have passed.

    Args:
        name: Name of the recipe.
        formats: Any of "saved_model", "litert" and "onnx".
        quantize: Of the LiteRT file, as in `zoo.export.litert`; int8 takes its representative examples from the training part.
        batch: A fixed batch size of the LiteRT file, or None.
        fused: Whether LSTM layers of the LiteRT file are fused, as in `zoo.export.litert`.
        version: Number of the version; None for the next one.
        folder: The folder of saved models; None as in `zoo.load`, and then the export goes to `saved_models` here.
        allow_flex: Whether the LiteRT file may hold operations that its own runtime refuses.
        tell: Function that is called with a line of text for each step.

    Returns:
        (path, report): the version's folder, and what its export.json holds.

    Raises:
        UsageError: If an option is wrong, the network is not trained, its data are missing, the version exists, or an operation
            is not a built-in one of LiteRT.
        RunError: If a file cannot be written, or is not what Keras computes. Nothing is kept then.
    """
    check_backend()
    for wanted in formats:
        if wanted not in FILES:
            raise UsageError(f"there is no format {wanted!r}{nearest(wanted, FILES)} The formats are {', '.join(FILES)}.")
    if not formats:
        raise UsageError(f"no format was given; expected some of {', '.join(FILES)}.")
    if "litert" not in formats and (quantize != "none" or batch or fused or allow_flex):
        raise UsageError("--quantize, --batch, --fused and --allow-flex are for the LiteRT file; add litert to --format.")
    check_options(quantize, batch)
    found = saved.find_saved(name, folder)
    own_name = recipes.name_of(name)
    target = _version_folder(pathlib.Path(folder or saved.DEFAULT_FOLDER) / own_name, version)
    tell(f"loading {own_name} and its data")
    network = TrainedNetwork(name, folder)
    if network.without_data is not None:
        tell(f"the metric is not measured, and the proof has the few examples of {saved.EXAMPLES}: {network.without_data}")
    batch = 1 if fused and batch is None else batch
    report = {
        "name": own_name,
        "version": int(target.name),
        "weights": saved.read_card(found)["weights"]["sha256"],
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "versions": _versions(formats),
        "machine": machine(),
        "options": {"quantize": quantize, "batch": batch, "fused": fused, "allow_flex": allow_flex},
        "metric": network.recipe.target.metric,
        "without_data": network.without_data,
        "files": {},
    }
    with appearing(target) as partial:
        partial.mkdir()
        contract = network.contract_json(formats, fused)
        write_json(partial / CONTRACT, contract)
        golden = network.golden(contract["signatures"], batch)
        write_json(partial / GOLDEN, golden)
        metadata = {"contract": json.dumps(contract, ensure_ascii=False)}
        for wanted in formats:
            tell(f"writing {FILES[wanted]}")
            if wanted == "saved_model":
                write_saved_model(network.endpoints, partial, network.fields, network.further)
            elif wanted == "onnx":
                write_onnx(network.endpoints, partial / ONNX, metadata)
            else:
                representative = network.representative() if quantize == "int8" else None
                with _in_flags():
                    flex = write_litert(
                        network.endpoints,
                        partial / LITERT,
                        network.fields,
                        network.examples,
                        quantize,
                        representative,
                        batch,
                        fused,
                        allow_flex,
                        metadata,
                    )
                if flex:
                    report["files"][wanted] = {"file": LITERT, "operations": flex, "bytes": (partial / LITERT).stat().st_size}
                    continue
            options = report["options"] if wanted == "litert" else {"quantize": "none", "batch": None, "fused": False}
            tell(f"proving {FILES[wanted]} in a process of its own")
            report["files"][wanted] = network.proven(partial / FILES[wanted], golden, options)
        files = [path for path in sorted(partial.rglob("*")) if path.is_file()]
        report["sha256"] = {str(path.relative_to(partial)): sha256(path) for path in files}
        write_json(partial / EXPORT, report)
    return target, report


def check_network(name, version=None, folder=None):
    """Replays the golden requests of an exported version, by each of its files in a fresh process.

    Args:
        name: Name of the recipe.
        version: Number of the version; None for the newest.
        folder: The folder of saved models; None for `saved_models` here.

    Returns:
        (path, results): the version's folder, and {format: largest absolute difference}, None for a file with operations that its
        runtime refuses.

    Raises:
        UsageError: If there is no such version, or a file of it is missing or damaged.
        RunError: If a file was changed, does not run, or no longer gives the exported answers.
    """
    name = recipes.name_of(name)
    parent = pathlib.Path(folder or saved.DEFAULT_FOLDER) / name
    there = _versions_in(parent)
    if version is None and not there or version is not None and version not in there:
        wanted = "no exported version" if version is None else f"no version {version}"
        raise UsageError(f"{parent} holds {wanted}; make one with `zoo export {name}`.")
    path = parent / str(version or max(there))
    report, golden = read_json(path / EXPORT, "export again"), read_json(path / GOLDEN, "export again")
    try:
        for file, digest in report["sha256"].items():
            if not (path / file).is_file() or sha256(path / file) != digest:
                raise RunError(f"{path / file} is not what was exported (its sha256 differs); export again.")
        results = {}
        for wanted, entry in report["files"].items():
            if "golden_difference" not in entry:
                results[wanted] = None
                continue
            requests = playable(golden, path / FILES[wanted], entry["batch"])
            found = difference(requests, answers_of(path / FILES[wanted], requests))
            allowed = max(2e-5, 1.05 * entry["golden_difference"] + 1e-5)
            if not found.excess <= allowed:
                raise RunError(f"{path / FILES[wanted]} differs from its golden requests by {found.excess:.2g} in {found.where}.")
            results[wanted] = found.largest
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error!r}); export again.") from error
    return path, results


@contextlib.contextmanager
def _in_flags():
    """Gives messages about arguments, such as fused=True, in the words of the command line."""
    try:
        yield
    except UsageError as error:
        message = re.sub(r"\b([a-z_]+)=(?:True|'(\w+)')", _as_flag, str(error))
        raise UsageError(message) from error


def _as_flag(argument):
    name, value = argument.groups()
    return f"--{name.replace('_', '-')}{'' if value is None else ' ' + value}"


def _version_folder(parent, version):
    if version is None:
        return parent / str(max(_versions_in(parent), default=0) + 1)
    if version < 1:
        raise UsageError(f"got --version {version}; expected at least 1.")
    if (parent / str(version)).exists():
        raise UsageError(f"{parent / str(version)} exists; give another --version, or none for the next one.")
    return parent / str(version)


def _versions_in(parent):
    return [int(path.name) for path in parent.glob("*") if path.name.isdecimal() and path.is_dir()]


def _versions(formats):
    packages = {"saved_model": ["tensorflow"], "litert": ["ai-edge-litert"], "onnx": ["onnx", "onnxruntime", "tf2onnx"]}
    names = sorted({"nn-zoo", "keras", "tensorflow", *(name for wanted in formats for name in packages[wanted])})
    return {name: importlib.metadata.version(name) for name in names} | {"python": platform.python_version()}
