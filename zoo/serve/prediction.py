"""TensorFlow Serving's PredictionService: what each of its methods answers."""

import base64

import grpc
from google.protobuf import json_format

from zoo.engines import DEFAULT
from zoo.errors import UsageError
from zoo.serve import jsons, messages
from zoo.serve.answering import answered, metadata, other_method

METADATA = "signature_def"
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


class Refused(Exception):
    """The request is answered with this status code and message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Prediction:
    """The methods, each a coroutine of a request to a response.

    Args:
        models: The `Models`.
        most: Most bytes of one tensor.
    """

    def __init__(self, models, most):
        self._models, self._most = models, most

    async def predict(self, request):
        """Predict."""
        with self._find(request) as version:
            name = request.model_spec.signature_name or DEFAULT
            if name not in version.signatures:
                raise Refused(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
            signature = version.signatures[name]
            _check_names(request, signature)
            wanted = _wanted(request.output_filter, signature)
            most = max(self._most, messages.STRING_SIZE)
            inputs = {key: messages.to_array(key, proto, most) for key, proto in request.inputs.items()}
            outputs = await answered(version, signature, inputs)
            response = messages.PredictResponse()
            _tell_spec(response, version, name)
            for key in wanted:
                messages.write_array(outputs[key], response.outputs[key])
            return response

    async def classify(self, request):
        """Classify, for signatures that give the probabilities of named classes."""
        with self._find(request) as version:
            response = messages.ClassificationResponse()
            name, signature = _signature_of(version, request.model_spec)
            await _classified(version, signature, request.input, response.result)
            _tell_spec(response, version, name)
            return response

    async def regress(self, request):
        """Regress, which no signature here does."""
        with self._find(request) as version:
            _signature_of(version, request.model_spec)
            raise UsageError(other_method("regression", "regress"))

    async def multi_inference(self, request):
        """MultiInference: several signatures of one model on the same examples."""
        spec = request.tasks[0].model_spec if request.tasks else messages.ModelSpec()
        with self._models.find(*_named(spec)) as version:
            response, names = messages.MultiInferenceResponse(), set()
            for task in request.tasks:
                if not task.model_spec.name:
                    raise UsageError("Found ModelSpec with an empty model name.")
                if task.model_spec.name != spec.name:
                    raise UsageError("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
                name = task.model_spec.signature_name or DEFAULT
                if name in names:
                    raise UsageError(f"Duplicate evaluation of signature: {name}")
                names.add(name)
                if name not in version.signatures:
                    raise UsageError(f"Requested signature not found in model graph: {name}")
                if task.method_name == REGRESS:
                    raise UsageError(other_method("regression", "regress"))
                if task.method_name != CLASSIFY:
                    unsupported = f"Unsupported signature method_name: {task.method_name}"
                    raise Refused(grpc.StatusCode.UNIMPLEMENTED, unsupported)
                if set(version.signatures[name].fields) != set(version.signatures[spec.signature_name or DEFAULT].fields):
                    raise UsageError("Input tensor must be the same for all Signatures.")
            for task in request.tasks:
                name, signature = _signature_of(version, task.model_spec)
                result = response.results.add()
                await _classified(version, signature, request.input, result.classification_result)
                _tell_spec(result, version, task.model_spec.signature_name)
            return response

    async def metadata(self, request):
        """GetModelMetadata."""
        spec_of(request)
        if not request.metadata_field:
            raise UsageError("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != METADATA:
                raise UsageError(f"Metadata field {field} is not supported")
        with self._find(request) as version:
            response, told = messages.GetModelMetadataResponse(), metadata(version)["metadata"][METADATA]
            _tell_spec(response, version, "")
            response.metadata[METADATA].Pack(json_format.ParseDict(told, messages.SignatureDefMap()))
            return response

    def _find(self, request):
        """The `Version` that a request's model_spec names."""
        return self._models.find(*_named(spec_of(request)))


def spec_of(request):
    """The model_spec of a request.

    Raises:
        UsageError: If it has none.
    """
    if not request.HasField("model_spec"):
        raise UsageError("Missing ModelSpec")
    return request.model_spec


def choice_of(spec):
    """(number, None) or (None, label) of a model_spec, or (None, None)."""
    number = spec.version.value if spec.HasField("version") else None
    return number, spec.version_label if spec.HasField("version_label") else None


def _named(spec):
    if not spec.name:
        raise UsageError("ModelSpec has no name specified.")
    return spec.name, *choice_of(spec)


def _tell_spec(response, version, signature_name):
    response.model_spec.name, response.model_spec.signature_name = version.name, signature_name
    response.model_spec.version.value = version.number


def _signature_of(version, spec):
    name = spec.signature_name or DEFAULT
    if name not in version.signatures:
        raise UsageError(f"No signature was found with the name: {name}")
    return name, version.signatures[name]


async def _classified(version, signature, given, result):
    """Classifies the examples of an Input into a ClassificationResult."""
    if signature.probabilities is None:
        raise UsageError(other_method("classification", "classify"))
    outputs = await answered(version, signature, jsons.from_features(_examples(given, signature), signature))
    for row in outputs[signature.probabilities].tolist():
        classes = result.classifications.add().classes
        for label, score in zip(signature.classes, row):
            classes.add(label=label, score=score)


def _check_names(request, signature):
    given, fields = set(request.inputs), set(signature.fields)
    if given != fields:
        missing, extra = (",".join(sorted(names)) for names in (fields - given, given - fields))
        raise UsageError(
            f"Request inputs do not match required inputs for model `{request.model_spec.name}`. "
            f"Missing but required: {{{missing}}}. Send extra: {{{extra}}}."
        )


def _wanted(names, signature):
    """The outputs that an output_filter names, or all."""
    for name in names:
        if name not in signature.outputs:
            expected = ",".join(sorted(signature.outputs))
            raise UsageError(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set {{{expected}}}."
            )
        if list(names).count(name) > 1:
            raise UsageError(f"duplicate output tensor alias: {name}")
    return list(names) or list(signature.outputs)


def _examples(given, signature):
    """The examples of an Input, [{feature: list}], with the features of the context in each."""
    kind = given.WhichOneof("kind")
    if kind is None or not getattr(given, kind).examples:
        raise UsageError("Input is empty.")
    chosen = getattr(given, kind)
    context = _features(chosen.context, signature) if kind == "example_list_with_context" else {}
    return [{**context, **_features(example, signature)} for example in chosen.examples]


def _features(example, signature):
    found = {}
    for key, feature in example.features.feature.items():
        if key not in signature.fields:
            raise UsageError(f"there is no input `{key}`; expected {sorted(signature.fields)}.")
        kind, field = feature.WhichOneof("kind"), signature.fields[key]
        if field.dtype == "string":
            if kind != "bytes_list" or len(feature.bytes_list.value) != 1:
                raise UsageError(f"input `{key}` is not a bytes_list of one value.")
            found[key] = {"b64": base64.b64encode(feature.bytes_list.value[0]).decode()}
            continue
        dtype = signature.declared[key]["dtype"]
        expected = "float_list" if dtype.startswith("float") else "int64_list"
        if kind != expected:
            raise UsageError(f"input `{key}` is a {kind or 'feature of no kind'}; expected a {expected}.")
        found[key] = list(getattr(feature, kind).value)
    return found
