"""Exports a trained network of the zoo: one version folder with every format, its proof, its contract and its golden requests."""

import base64
import datetime
import importlib
import importlib.metadata
import json
import math
import pathlib
import platform

import numpy as np

from zoo import recipe as recipes
from zoo import saved
from zoo.data.contract import Contract
from zoo.data.pictures import photo_form
from zoo.endpoints import DEFAULT, endpoints_of
from zoo.engines import LITERT, ONNX, SAVED_MODEL, golden_arrays, open_engine
from zoo.errors import RunError, UsageError
from zoo.export.check import BATCHES, answers_of, difference, judge, make_requests
from zoo.export.graph import check_backend, fields_of
from zoo.export.litert import check_options, signatures_of_file, write_litert
from zoo.export.onnx import write_onnx
from zoo.export.saved_model import write_saved_model
from zoo.export.strings import ClassifyBytes, Translate
from zoo.files import appearing, read_json, sha256, write_json
from zoo.machine import machine

FILES = {"saved_model": SAVED_MODEL, "litert": LITERT, "onnx": ONNX}
CONTRACT, GOLDEN, EXPORT = "contract.json", "golden.json", "export.json"
GOLDEN_REQUESTS = 8
TIMED_BATCHES = (1, 32)
MEASURED_BATCH = 50
NOISE_BATCH = 5
# What a quantized file may lose of the metric where the recipe has no target for the data that it was trained on.
QUANTIZED_LOSS = 0.01


def export_network(
    name, formats=tuple(FILES), quantize="none", batch=None, fused=False, version=None, folder=None, allow_flex=False
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

    Returns:
        (path, report): the version's folder, and what its export.json holds.

    Raises:
        UsageError: If an option is wrong, the network is not trained, its data are missing, the version exists, or an operation
            is no built-in one of LiteRT.
        RunError: If a file cannot be written, or is not what Keras computes. Nothing is kept then.
    """
    check_backend()
    for wanted in formats:
        if wanted not in FILES:
            raise UsageError(f"there is no format {wanted!r}{recipes.nearest(wanted, FILES)} The formats are {', '.join(FILES)}.")
    if not formats:
        raise UsageError(f"no format was given; expected some of {', '.join(FILES)}.")
    if "litert" not in formats and (quantize != "none" or batch or fused or allow_flex):
        raise UsageError("--quantize, --batch, --fused and --allow-flex are for the LiteRT file; add litert to --format.")
    check_options("none" if quantize == "int8" else quantize, None, batch)  # the data that int8 needs come later
    found = saved.find_saved(name, folder)
    target = _version_folder(pathlib.Path(folder or saved.DEFAULT_FOLDER) / name, version)
    network = _Network(name, folder)
    batch = 1 if fused and batch is None else batch
    report = {
        "name": name,
        "version": int(target.name),
        "weights": saved.read_card(found)["weights"]["sha256"],
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "versions": _versions(formats),
        "machine": machine(),
        "options": {"quantize": quantize, "batch": batch, "fused": fused, "allow_flex": allow_flex},
        "metric": network.recipe.target.metric,
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
            if wanted == "saved_model":
                write_saved_model(network.endpoints, partial, network.fields, network.further)
            elif wanted == "onnx":
                write_onnx(network.endpoints, partial / ONNX, metadata)
            else:
                representative = network.data.train.inputs if quantize == "int8" else None
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
        RunError: If a file was changed, does not run, or answers otherwise than it did when it was exported.
    """
    recipes.check_name(name)
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
            requests = _playable(golden, path / FILES[wanted], entry["batch"])
            found = difference(requests, answers_of(path / FILES[wanted], requests))
            allowed = max(2e-5, 1.05 * entry["golden_difference"] + 1e-5)
            if not found.excess <= allowed:
                raise RunError(f"{path / FILES[wanted]} differs from its golden requests by {found.excess:.2g} in {found.where}.")
            results[wanted] = found.largest
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error!r}); export again.") from error
    return path, results


class _Network:
    """A trained network with what its export needs."""

    def __init__(self, name, folder):
        found = saved.find_saved(name, folder)
        self.name, self.recipe, self.card = name, recipes.find(name), saved.read_card(found)
        self.model = saved.load(name, folder)
        self.data = self.recipe.load_data({**self.recipe.defaults(), **self.card["settings"]})
        if self.data.fingerprint() != self.card["data"].get("fingerprint"):
            raise UsageError(
                f"the data set {self.card['settings']['data']} is not the one that {found / saved.CARD} was made with (its "
                "fingerprint differs); what the network reads and answers could not be told."
            )
        self.contract = self.data.contract
        self.endpoints = endpoints_of(self.recipe, self.model, self.contract)
        known = Contract({**self.recipe.fields, **self.contract.inputs}, self.contract.classes)
        self.fields = fields_of(self.endpoints, known)
        data_set = importlib.import_module(f"zoo.data.{self.card['settings']['data'].partition(':')[0]}")
        self.picture = getattr(data_set, "PICTURE", None) or photo_form(self.contract)
        # Enough for every batch of the proof, and of full length.
        self.examples = {key: array[: 4 * max(TIMED_BATCHES)] for key, array in self.data.test.inputs.items()}
        self.further = self._further()
        self._before, self._asked = None, {}

    def _further(self):
        """The signatures of text and of pictures, {name: module}."""
        endpoint, fields = self.endpoints[DEFAULT], self.fields[DEFAULT]
        if len(fields) != 1:
            return {}
        field = next(iter(fields.values()))
        if field.vocabulary is not None and "tokens" in endpoint.outputs:
            return {"translate": Translate(endpoint, field, self.contract.answer_vocabulary)}
        if self.contract.classes is not None and self.picture is not None:
            return {"classify_bytes": ClassifyBytes(endpoint, field, self.picture)}
        return {}

    def contract_json(self, formats, fused):
        """What every signature takes and gives, and which formats have it."""
        vocabularies = {key: field.vocabulary for key, field in self.contract.inputs.items() if field.vocabulary is not None}
        signatures = {}
        for signature, endpoint in self.endpoints.items():
            having = [
                wanted for wanted in formats if wanted != "litert" or signature in signatures_of_file(self.endpoints, fused)
            ]
            if not having:
                continue
            inputs = {}
            for key, field in self.fields[signature].items():
                inputs[key] = {
                    "dtype": field.dtype,
                    "shape": field.sizes(),
                    "minimum": field.minimum,
                    "maximum": field.maximum,
                    "finite": field.dtype.startswith("float"),
                    "max_length": field.max_length,
                    "vocabulary": None if field.vocabulary is None else key,
                }
            outputs = {key: {"dtype": str(tensor.dtype), "shape": list(tensor.shape)} for key, tensor in endpoint.outputs.items()}
            signatures[signature] = {"formats": having, "inputs": inputs, "outputs": outputs}
        for signature, module in self.further.items() if "saved_model" in formats else ():
            function = module.call.get_concrete_function()
            inputs = {spec.name: {"dtype": "string", "shape": [None]} for spec in module.call.input_signature}
            outputs = {
                key: {"dtype": tensor.dtype.name, "shape": list(tensor.shape)}
                for key, tensor in function.structured_outputs.items()
            }
            signatures[signature] = {"formats": ["saved_model"], "inputs": inputs, "outputs": outputs}
        return {
            "name": self.name,
            "classes": self.contract.classes,
            "picture": self.picture,  # how a picture is given the form of the training images
            "vocabularies": vocabularies,
            "signatures": signatures,
        }

    def golden(self, signatures, batch):
        """Requests with their responses: every one of the signatures at least once, the default one for the rest."""
        plain = make_requests(self.endpoints, self.examples, self.fields, (batch or 1,), seed=1, fixed_lengths=True)
        chosen = [request for request in [*plain, *self._string_requests()] if request[0] in signatures]
        default, start = self.endpoints[DEFAULT], 3
        while len(chosen) < GOLDEN_REQUESTS:
            examples = {key: np.roll(array, -start, axis=0) for key, array in self.examples.items()}
            chosen += make_requests({DEFAULT: default}, examples, self.fields, (1,), fixed_lengths=True)
            start += 1
        return [
            {"signature": signature, "inputs": _as_json(inputs), "outputs": _as_json(outputs)}
            for signature, inputs, outputs in chosen
        ]

    def _string_requests(self):
        """A request to each signature of text or of pictures, made of test examples."""
        import tensorflow as tf

        requests = []
        for signature, module in self.further.items():
            name, array = next(iter(self.fields[DEFAULT])), None
            array = self.examples[name][:2]
            if signature == "translate":
                from zoo.data.text import Vocabulary

                vocabulary = Vocabulary(self.contract[name].vocabulary)
                given = {"text": np.array([vocabulary.decode(row).encode() for row in array], object)}
            else:
                shape = (*array.shape[1:3], 1 if array.ndim == 3 else array.shape[3])  # rows are a grey picture
                pictures = (array.reshape(len(array), *shape) * 255).round().astype("uint8")
                given = {"image_bytes": np.array([tf.io.encode_png(picture).numpy() for picture in pictures], object)}
            outputs = {key: output.numpy() for key, output in module.call(*map(tf.constant, given.values())).items()}
            requests.append((signature, given, outputs))
        return requests

    def proven(self, path, golden, options):
        """Proves one file and gives its line of the report.

        Raises:
            RunError: If it differs from Keras, or, quantized, loses too much of the metric.
        """
        quantized, batch = options["quantize"] != "none", options["batch"]
        sizes = (batch,) if batch else TIMED_BATCHES
        requests, timed = self._requests(batch, sizes, quantized, options["fused"])
        replayed, measured = _playable(golden, path, batch), self._measuring(batch)
        answers = answers_of(path, [*requests, *replayed, *measured], timed)  # one process, as TensorFlow takes seconds to start
        seconds, answers = answers[-len(timed) :], answers[: -len(timed)]
        asked, known = len(requests), len(requests) + len(replayed)
        found = difference(requests, answers[:asked])
        judge(path, found, quantized)
        entry = {
            "file": path.name,
            "quantize": options["quantize"],
            "batch": batch,
            "bytes": sum(file.stat().st_size for file in _files_of(path)),
            "weight_ratio": None,
            "largest_difference": found.largest,
            "scaled_difference": found.excess,  # over the largest value of the output where that is beyond 1
            "unequal": found.unequal,
            "golden_difference": difference(replayed, answers[asked:known]).excess,
            "latency_ms": {size: float(taken["seconds"]) * 1e3 for size, taken in zip(sizes, seconds)},
        }
        entry["weight_ratio"] = entry["bytes"] / (4 * self.model.count_params())
        entry["metric_before"], entry["metric_after"] = self._metrics(answers[known:])
        if quantized and entry["metric_after"] is not None:
            self._check_loss(path, entry["metric_before"], entry["metric_after"])
        return entry

    def _requests(self, batch, sizes, quantized, fused):
        """What a file is asked for its proof, and what is timed; kept for the next file, as decoders take long in Keras."""
        key = batch, quantized, fused
        if key not in self._asked:
            batches, endpoints = (batch,) if batch else BATCHES, signatures_of_file(self.endpoints, fused)
            requests = make_requests(endpoints, self.examples, self.fields, batches, fixed_lengths=fused)
            if not quantized and not fused:
                # Noise too: of clear examples, probabilities are 0 or 1 whatever the file does.
                requests += make_requests(endpoints, {}, self.fields, (batch or NOISE_BATCH,), seed=2)
            default = {DEFAULT: self.endpoints[DEFAULT]}
            self._asked[key] = requests, make_requests(default, self.examples, self.fields, sizes, fixed_lengths=True)
        return self._asked[key]

    def _measuring(self, batch):
        """The test part as requests; a fixed batch is filled up from the start. Empty where no answer tells."""
        if self.recipe.estimate is not None:
            return []
        part, size = self.data.test, batch or MEASURED_BATCH
        count = -(-len(part) // size) * size if batch else len(part)
        rows = [np.arange(start, min(start + size, count)) % len(part) for start in range(0, count, size)]
        return [(DEFAULT, {key: part.inputs[key][chosen] for key in self.endpoints[DEFAULT].inputs}) for chosen in rows]

    def _metrics(self, answers):
        """The recipe's target metric on the test part, by Keras and by a file's answers to `_measuring`, or None."""
        if not answers:
            return None, None
        part = self.data.test
        if self._before is None:
            inputs = {key: part.inputs[key] for key in self.endpoints[DEFAULT].inputs}
            self._before = self._metric(self.endpoints[DEFAULT].predict(inputs), part)
        joined = {key: np.concatenate([answer[key] for answer in answers])[: len(part)] for key in answers[0]}
        return self._before, self._metric(joined, part)

    def _metric(self, answers, part):
        metric = self.recipe.target.metric
        if self.recipe.measure is not None:
            return float(self.recipe.measure(answers, part, self.contract)[metric])
        self.model.reset_metrics()
        # The first answer is what the model is trained to give, as probabilities or as it is.
        prediction = answers[next(iter(self.endpoints[DEFAULT].outputs))]
        return float(self.model.compute_metrics(None, part.targets, prediction, None)[metric])

    def _check_loss(self, path, before, after):
        target = self.recipe.target
        if self.card["target"] is not None and target.passes(before):
            passed, wanted = target.passes(after), str(target)
        else:
            passed = target.better(after, before) or abs(after - before) <= QUANTIZED_LOSS * abs(before)
            wanted = f"at most {QUANTIZED_LOSS:.0%} worse than {before:.6g}"
        if not passed or not math.isfinite(after):
            raise RunError(
                f"{path.name} has {target.metric} {after:.6g} after quantization; expected {wanted}; it is not kept. "
                "Try another --quantize."
            )


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


def _files_of(path):
    """The files that a format consists of."""
    if path.name == SAVED_MODEL:
        return [path, *(file for file in (path.parent / "variables").rglob("*") if file.is_file())]
    return [path, *path.parent.glob(f"{path.stem}.*{path.suffix}")]


def _playable(golden, path, batch):
    """The golden requests that a file can answer, as arrays: of its signatures, and of its batch size if that is fixed."""
    signatures = open_engine(path).signatures if path.name != SAVED_MODEL else None
    requests = []
    for request in golden:
        inputs, outputs = golden_arrays(request["inputs"]), golden_arrays(request["outputs"])
        if signatures is not None and request["signature"] not in signatures:
            continue
        if batch and any(array.ndim and len(array) != batch for array in inputs.values()):
            continue
        requests.append((request["signature"], inputs, outputs))
    return requests


def _as_json(arrays):
    """Arrays as JSON: numbers with their dtype, text as it is, other bytes as TensorFlow Serving writes them."""
    return {name: {"dtype": _dtype(array), "value": _values(name, array)} for name, array in arrays.items()}


def _values(name, array):
    if np.asarray(array).dtype != object:
        return np.asarray(array).tolist()
    return [{"b64": base64.b64encode(text).decode()} if name.endswith("_bytes") else text.decode() for text in array]


def _dtype(array):
    array = np.asarray(array)
    return "string" if array.dtype == object else str(array.dtype)
