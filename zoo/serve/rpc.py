"""The gRPC side: TensorFlow Serving's PredictionService and ModelService, and gRPC's own health service."""

import asyncio
import base64
import contextlib
import hmac
import pathlib
import time

import grpc
from google.protobuf import json_format
from grpc_health.v1 import health_pb2

from zoo.engines import DEFAULT, reason_of
from zoo.errors import UsageError
from zoo.serve import jsons, messages
from zoo.serve.batching import QueueFull, Stopped
from zoo.serve.models import NotFound
from zoo.serve.rest import answered, metadata

PREDICTION, MODEL, HEALTH = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService", "grpc.health.v1.Health"
STATES = {"START": 10, "LOADING": 20, "AVAILABLE": 30, "UNLOADING": 40, "END": 50}
LONGEST = 1500  # bytes of an error's message: gRPC carries it in a header, and clients refuse large ones
LOOK = 0.2  # seconds between two looks of a health watch
METADATA = "signature_def"
SERVING, NOT_SERVING, UNKNOWN = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
    health_pb2.HealthCheckResponse.SERVICE_UNKNOWN,
)


class Refused(Exception):
    """The request is answered with this status code and message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


async def start_grpc(models, address, limits, metrics=None, state=None, certificate=None, private_key=None, shared=False):
    """Starts the gRPC server in the running event loop.

    Args:
        models: The `Models`.
        address: "host:port"; port 0 takes a free one.
        limits: The `zoo.serve.rest.Limits`; `body` bounds a message, and each tensor in it, `bodies` all messages at work.
        metrics: The `Metrics`, or None.
        state: An object with `ready`, which the health service tells beside the models' own; or None.
        certificate: File of a TLS certificate in PEM, or None.
        private_key: File of its key.
        shared: Whether other processes may listen on the same port.

    Returns:
        A `Server` that answers.

    Raises:
        UsageError: If the address is in use or none, or the certificate cannot be read.
    """
    options = [
        ("grpc.max_receive_message_length", limits.body),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", int(shared)),
    ]
    server, service = grpc.aio.server(options=options), _Service(models, limits, metrics, state)
    server.add_generic_rpc_handlers(service.handlers())
    try:
        if certificate is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, _credentials(certificate, private_key))
    except RuntimeError as error:
        raise UsageError(f"gRPC cannot listen on {address} ({error}); give another --grpc-port.") from error
    await server.start()
    return Server(server, port, service.stopping)


class Server:
    """A gRPC server that answers.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, server, port, stopping):
        self._server, self.port, self._stopping = server, port, stopping

    async def stop(self, grace):
        """Takes no more requests, and answers those it has, for at most `grace` seconds."""
        self._stopping.set()
        await self._server.stop(grace)


def _credentials(certificate, private_key):
    try:
        pair = pathlib.Path(private_key).read_bytes(), pathlib.Path(certificate).read_bytes()
    except (OSError, TypeError) as error:
        raise UsageError(f"the TLS certificate {certificate} and its key {private_key} cannot be read ({error}).") from error
    return grpc.ssl_server_credentials([pair])


class _Service:
    def __init__(self, models, limits, metrics, state):
        self._models, self._limits, self._metrics, self._state = models, limits, metrics, state
        self.stopping, self._held = asyncio.Event(), 0  # `_held` bytes of requests that are at work

    def handlers(self):
        prediction = {
            "Predict": self._method("Predict", messages.PredictRequest, self._predict),
            "Classify": self._method("Classify", messages.ClassificationRequest, self._classify),
            "Regress": self._method("Regress", messages.RegressionRequest, self._regress),
            "GetModelMetadata": self._method("GetModelMetadata", messages.GetModelMetadataRequest, self._metadata),
        }
        model = {
            "GetModelStatus": self._method("GetModelStatus", messages.GetModelStatusRequest, self._status),
            "HandleReloadConfigRequest": self._method("HandleReloadConfigRequest", messages.ReloadConfigRequest, self._reload),
        }
        health = {
            "Check": grpc.unary_unary_rpc_method_handler(self._check, response_serializer=_bytes),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, response_serializer=_bytes),
        }
        services = ((PREDICTION, prediction), (MODEL, model), (HEALTH, health))
        return tuple(grpc.method_handlers_generic_handler(name, methods) for name, methods in services)

    def _method(self, name, kind, method):
        """The handler of one method: the function of a request to a response, and all that can go wrong around it.

        It parses the bytes itself: gRPC would answer UNKNOWN to those that are no message.
        """

        async def handle(content, context):
            started, request, code, text = time.perf_counter(), None, grpc.StatusCode.CANCELLED, ""
            try:
                self._held += len(content)
                self._check_key(context)
                if self._held > self._limits.bodies:
                    raise QueueFull
                request = messages.parse(kind, content)
                async with asyncio.timeout(self._limits.timeout):
                    response = await _despite_switches(method, request)
                code = grpc.StatusCode.OK
                return response
            except UsageError as problem:
                code, text = grpc.StatusCode.INVALID_ARGUMENT, str(problem)
            except NotFound as problem:
                code, text = grpc.StatusCode.NOT_FOUND, str(problem)
            except Refused as problem:
                code, text = problem.code, str(problem)
            except QueueFull:
                code, text = grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full; try again in a moment"
            except TimeoutError:
                code, text = grpc.StatusCode.DEADLINE_EXCEEDED, f"no answer within {self._limits.timeout:g} s"
            except Exception as problem:
                code, text = grpc.StatusCode.INTERNAL, reason_of(problem)
            finally:
                self._held -= len(content)
                if self._metrics is not None:
                    model = getattr(getattr(request, "model_spec", None), "name", "")
                    known = model if model in self._models.names else ""  # names that clients make up are not kept
                    self._metrics.request(known, name, code.name, time.perf_counter() - started)
            await context.abort(code, text.encode()[:LONGEST].decode(errors="ignore"))

        return grpc.unary_unary_rpc_method_handler(handle, response_serializer=_bytes)

    def _check_key(self, context):
        if self._limits.key is None:
            return
        given = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not hmac.compare_digest(str(given).encode(), f"Bearer {self._limits.key}".encode()):
            message = "an API key is needed: send it as metadata 'authorization: Bearer KEY'"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)

    def _find(self, request):
        """The `Version` that a request's model_spec names."""
        spec = _spec(request)
        if not spec.name:
            raise UsageError("ModelSpec has no name specified.")
        return self._models.find(spec.name, *_choice(spec))

    async def _predict(self, request):
        with self._find(request) as version:
            name = request.model_spec.signature_name or DEFAULT
            if name not in version.signatures:
                raise Refused(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
            signature = version.signatures[name]
            _check_names(request, signature)
            wanted = _wanted(request.output_filter, signature)
            inputs = {
                key: messages.to_array(key, proto, max(self._limits.body, messages.STRING_SIZE))
                for key, proto in request.inputs.items()
            }
            outputs = await answered(version, signature, inputs)
            response = messages.PredictResponse()
            _tell_spec(response, version, name)
            for key in wanted:
                messages.write_array(outputs[key], response.outputs[key])
            return response

    async def _classify(self, request):
        with self._find(request) as version:
            name, signature = _signature_of(version, request)
            if "probabilities" not in signature.outputs or not version.classes:
                raise UsageError(_other_method("classification", "tensorflow/serving/classify"))
            outputs = await answered(version, signature, jsons.from_features(_examples(request.input, signature), signature))
            response = messages.ClassificationResponse()
            _tell_spec(response, version, name)
            for row in outputs["probabilities"].tolist():
                classes = response.result.classifications.add().classes
                for label, score in zip(version.classes, row):
                    classes.add(label=label, score=score)
            return response

    async def _regress(self, request):
        with self._find(request) as version:
            _signature_of(version, request)
            raise UsageError(_other_method("regression", "tensorflow/serving/regress"))

    async def _metadata(self, request):
        _spec(request)
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

    async def _status(self, request):
        spec = _spec(request)
        number, label = _choice(spec)
        if label is not None:
            number = self._models.find(spec.name, label=label).number
        statuses = self._models.statuses(spec.name)
        if number is not None and number not in statuses:
            raise NotFound(f"Could not find version {number} of model {spec.name}")
        response = messages.GetModelStatusResponse()
        for one, status in statuses.items():
            if number in (None, one):
                told = response.model_version_status.add(version=one, state=STATES[status.state])
                told.status.error_code, told.status.error_message = status.code, status.message
        return response

    async def _reload(self, request):
        models = messages.models_of(request.config)
        await asyncio.to_thread(self._configure, models)
        response = messages.ReloadConfigResponse()
        response.status.SetInParent()
        return response

    def _configure(self, models):
        for model in models:
            if not model.wanted():
                raise UsageError(f"model {model.name} has no version to serve in {model.folder}")
        self._models.configure(models)

    async def _check(self, content, context):
        status = self._health(await _service(content, context))
        if status == UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such service")
        return health_pb2.HealthCheckResponse(status=status)

    async def _watch(self, content, context):
        service, told = await _service(content, context), None
        while True:
            status = self._health(service)
            if status != told:
                told = status
                await context.write(health_pb2.HealthCheckResponse(status=status))
            if self.stopping.is_set():
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self.stopping.wait()

    def _health(self, service):
        takes = not self.stopping.is_set() and (self._state is None or self._state.ready)
        if service in ("", PREDICTION, MODEL, HEALTH):
            return SERVING if takes and self._models.ready else NOT_SERVING
        if service not in self._models.names:
            return UNKNOWN
        return SERVING if takes and self._models.available(service) else NOT_SERVING


async def _despite_switches(method, request):
    """The response of a method, asked again if another version took over between the question and its queue."""
    while True:
        try:
            return await method(request)
        except Stopped:
            await asyncio.sleep(0)


async def _service(content, context):
    """The service that a HealthCheckRequest names."""
    try:
        return messages.parse(health_pb2.HealthCheckRequest, content).service
    except UsageError as problem:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(problem))


def _bytes(response):
    return response.SerializeToString()


def _spec(request):
    if not request.HasField("model_spec"):
        raise UsageError("Missing ModelSpec")
    return request.model_spec


def _choice(spec):
    """(number, None) or (None, label) of a model_spec, or (None, None)."""
    number = spec.version.value if spec.HasField("version") else None
    return number, spec.version_label if spec.HasField("version_label") else None


def _tell_spec(response, version, signature_name):
    response.model_spec.name, response.model_spec.signature_name = version.name, signature_name
    response.model_spec.version.value = version.number


def _signature_of(version, request):
    name = request.model_spec.signature_name or DEFAULT
    if name not in version.signatures:
        raise UsageError(f"No signature was found with the name: {name}")
    return name, version.signatures[name]


def _other_method(kind, wanted):
    return f"Expected {kind} signature method_name to be {wanted}. Was: tensorflow/serving/predict"


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
        if field is None:
            if kind != "bytes_list" or len(feature.bytes_list.value) != 1:
                raise UsageError(f"input `{key}` is no bytes_list of one value.")
            found[key] = {"b64": base64.b64encode(feature.bytes_list.value[0]).decode()}
            continue
        dtype = signature.declared[key]["dtype"]
        expected = "float_list" if dtype.startswith("float") else "int64_list"
        if kind != expected:
            raise UsageError(f"input `{key}` is a {kind or 'feature of no kind'}; expected a {expected}.")
        found[key] = list(getattr(feature, kind).value)
    return found
