"""A trained network with all that its export needs: what it can be asked, its papers, and the proof of a file."""

import math

import numpy as np

from zoo import finder as recipes
from zoo import saved
from zoo.data.contract import Contract
from zoo.endpoints import DEFAULT, endpoints_of, known_fields
from zoo.engines import SAVED_MODEL, golden_arrays, open_engine
from zoo.errors import DataMissing, RunError, UsageError
from zoo.export.check import answers_of, difference, judge
from zoo.export.declared import as_json, declared
from zoo.export.graph import fields_of
from zoo.export.litert import signatures_of_file
from zoo.export.requests import BATCHES, check_repeats, make_requests
from zoo.export.strings import ClassifyBytes, ClassifyText, Translate

GOLDEN_REQUESTS = 8
TIMED_BATCHES = (1, 32)
MEASURED_BATCH = 50
NOISE_BATCH = 5
# What a quantized file may lose of the metric where the recipe has no target for the data that it was trained on.
QUANTIZED_LOSS = 0.01


class TrainedNetwork:
    """A trained network with what its export needs."""

    def __init__(self, name, folder):
        found = saved.find_saved(name, folder)
        self.name, self.recipe, self.card = recipes.name_of(name), recipes.find(name), saved.read_card(found)
        self.model = saved.load(name, folder)
        self.contract = saved.read_contract(found)
        try:
            self.data, self.without_data = saved.load_data(name, folder), None
        except DataMissing as error:
            if not (found / saved.EXAMPLES).is_file():
                raise
            self.data, self.without_data = None, str(error)
        self.endpoints = endpoints_of(self.recipe, self.model, self.contract)
        self.known = known_fields(self.recipe, self.contract)
        self.fields = fields_of(self.endpoints, Contract(self.known, self.contract.classes))
        pictures = [field.picture for field in self.contract.inputs.values() if field.kind == "image"]
        self.picture = pictures[0] if len(pictures) == 1 else None
        if self.data is None:
            self.examples = saved.read_examples(found, self.contract)
        else:  # enough for every batch of the proof, and of full length
            self.examples = {key: array[: 4 * max(TIMED_BATCHES)] for key, array in self.data.test.inputs.items()}
        self.further = self._further()
        self._before, self._asked = None, {}

    def representative(self):
        """Inputs by which int8 finds the ranges of values, {input: array}.

        Raises:
            UsageError: If the data are not at hand: eight examples do not represent them.
        """
        if self.data is None:
            raise UsageError(f"int8 needs representative examples of the training data, and {self.without_data}")
        return self.data.train.inputs

    def _further(self):
        """The signatures of text and of pictures, {name: module}."""
        endpoint, fields = self.endpoints[DEFAULT], self.fields[DEFAULT]
        if len(fields) != 1:
            return {}
        field = next(iter(fields.values()))
        answer = next(iter(endpoint.answer_fields(self.known).values()))
        if field.kind == answer.kind == "text":
            return {"translate": Translate(endpoint, field, answer.vocabulary)}
        if field.kind == "text" and answer.kind == "label":
            return {"classify_text": ClassifyText(endpoint, field)}
        if field.kind == "image" and answer.kind == "label" and self.picture is not None:
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
            answers = endpoint.answer_fields(self.known)
            signatures[signature] = declared(endpoint, self.fields[signature], answers, having, vocabularies)
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
            {"signature": signature, "inputs": as_json(inputs), "outputs": as_json(outputs)}
            for signature, inputs, outputs in chosen
        ]

    def _string_requests(self):
        """A request to each signature of text or of pictures, made of test examples."""
        import tensorflow as tf

        requests = []
        for signature, module in self.further.items():
            name, array = next(iter(self.fields[DEFAULT])), None
            array = self.examples[name][:2]
            if self.fields[DEFAULT][name].kind == "text":
                from zoo.data.text import Vocabulary

                vocabulary = Vocabulary(self.contract[name].vocabulary)
                given = {"text": np.array([vocabulary.decode(row).encode() for row in array], object)}
            else:
                shape = (*array.shape[1:3], 1 if array.ndim == 3 else array.shape[3])  # rows are a grey picture
                field = self.fields[DEFAULT][name]
                shares = (array - field.minimum) / (field.maximum - field.minimum)
                pictures = (shares.reshape(len(array), *shape) * 255).round().astype("uint8")
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
        replayed, measured = playable(golden, path, batch), self._measuring(batch)
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
            check_repeats(endpoints, requests)
            if not quantized and not fused:
                # Noise too: of clear examples, probabilities are 0 or 1 whatever the file does.
                requests += make_requests(endpoints, {}, self.fields, (batch or NOISE_BATCH,), seed=2)
            default = {DEFAULT: self.endpoints[DEFAULT]}
            self._asked[key] = requests, make_requests(default, self.examples, self.fields, sizes, fixed_lengths=True)
        return self._asked[key]

    def _measuring(self, batch):
        """The test part as requests; a fixed batch is filled up from the start. Empty where no answer tells."""
        # An estimated target chooses no epoch: a metric of Keras does, its monitor.
        is_estimated = (self.recipe.estimate or self.recipe.log_likelihoods) and self.recipe.target.monitor is not None
        if is_estimated or self.data is None:
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


def _files_of(path):
    """The files that a format consists of."""
    if path.name == SAVED_MODEL:
        return [path, *(file for file in (path.parent / "variables").rglob("*") if file.is_file())]
    return [path, *path.parent.glob(f"{path.stem}.*{path.suffix}")]


def playable(golden, path, batch):
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
