"""The gRPC side: TensorFlow Serving's PredictionService and ModelService, and gRPC's own health service."""

import asyncio
import contextlib
import hmac
import pathlib
import time

import grpc
from grpc_health.v1 import health_pb2

from zoo.engines import reason_of
from zoo.errors import UsageError
from zoo.serve import config, memory, messages
from zoo.serve.batching import QueueFull, Stopped
from zoo.serve.bodies import Held
from zoo.serve.models import NotFound
from zoo.serve.prediction import Prediction, Refused, choice_of, spec_of

PREDICTION, MODEL, HEALTH = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService", "grpc.health.v1.Health"
STATES = {"START": 10, "LOADING": 20, "AVAILABLE": 30, "UNLOADING": 40, "END": 50}
LONGEST = 1500  # bytes of an error's message: gRPC carries it in a header, and clients refuse large ones
LOOK = 0.2  # seconds between two looks of a health watch
SERVICES = ("", PREDICTION, MODEL, HEALTH, "PredictionService", "ModelService")  # the short ones as in TensorFlow Serving
SERVING, NOT_SERVING, UNKNOWN = (
    health_pb2.HealthCheckResponse.SERVING,
    health_pb2.HealthCheckResponse.NOT_SERVING,
    health_pb2.HealthCheckResponse.SERVICE_UNKNOWN,
)


async def start_grpc(
    models, address, limits, metrics=None, state=None, certificate=None, private_key=None, shared=False, alone=True
):
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
        alone: Whether this is the server's only process: only then can another configuration be taken over.

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
    server, service = grpc.aio.server(options=options), _Service(models, limits, metrics, state, alone)
    server.add_generic_rpc_handlers(service.handlers())
    try:
        if certificate is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, _credentials(certificate, private_key))
    except RuntimeError as error:
        raise UsageError(f"gRPC cannot listen on {address} ({error}); give another --grpc-port.") from error
    await server.start()
    return Server(server, port, service)


class Server:
    """A gRPC server that answers.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, server, port, service):
        self._server, self.port, self._service = server, port, service

    async def drain(self, grace):
        """Takes no more requests, which it answers by UNAVAILABLE, and answers those it has, for at most `grace` seconds."""
        self._service.stopping.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._service.is_done()

    async def stop(self, grace):
        """Drains, and ends.

        gRPC cancels what comes over an open channel at that moment, and clients give up on CANCELLED. A process that ends anyway
        does better without: then the channel breaks, which is UNAVAILABLE, and clients ask another server.
        """
        until = time.monotonic() + grace
        await self.drain(grace)
        await self._server.stop(max(0.0, until - time.monotonic()))


def _credentials(certificate, private_key):
    try:
        pair = pathlib.Path(private_key).read_bytes(), pathlib.Path(certificate).read_bytes()
    except (OSError, TypeError) as error:
        raise UsageError(f"the TLS certificate {certificate} and its key {private_key} cannot be read ({error}).") from error
    return grpc.ssl_server_credentials([pair])


class _Service:
    def __init__(self, models, limits, metrics, state, alone):
        self._models, self._limits, self._metrics, self._state, self._alone = models, limits, metrics, state, alone
        self.stopping, self._held = asyncio.Event(), Held(limits.bodies)
        self._at_work, self._none_at_work = 0, asyncio.Event()

    async def is_done(self):
        """Waits until no request is at work."""
        while self._at_work:
            self._none_at_work.clear()
            await self._none_at_work.wait()

    def handlers(self):
        asked = Prediction(self._models, self._limits.body)
        prediction = {
            "Predict": self._method("Predict", messages.PredictRequest, asked.predict),
            "Classify": self._method("Classify", messages.ClassificationRequest, asked.classify),
            "Regress": self._method("Regress", messages.RegressionRequest, asked.regress),
            "MultiInference": self._method("MultiInference", messages.MultiInferenceRequest, asked.multi_inference),
            "GetModelMetadata": self._method("GetModelMetadata", messages.GetModelMetadataRequest, asked.metadata),
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
            self._at_work, taken, size = self._at_work + 1, 0, len(content)
            try:
                if self.stopping.is_set():
                    raise Refused(grpc.StatusCode.UNAVAILABLE, "the server is shutting down; ask another one")
                self._check_key(context)
                taken = 2 * size  # with the arrays that are made of it
                self._held.take(taken)
                if kind is messages.PredictRequest:
                    messages.check_parts(content)
                elif size > messages.LARGE:
                    raise UsageError(f"the request has {size} bytes; expected at most {messages.LARGE} for {name}.")
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
                self._at_work -= 1
                self._none_at_work.set()
                self._held.give_back(taken)
                if self._metrics is not None:
                    model = getattr(getattr(request, "model_spec", None), "name", "")
                    known = model if model in self._models.names else ""  # names that clients make up are not kept
                    self._metrics.request(known, name, code.name, time.perf_counter() - started)
                request = content = None
                if taken and size > messages.LARGE:
                    # gRPC holds the message until this ends, and what is refused longer, in the frames of the error.
                    let_go = memory.trim if code is grpc.StatusCode.OK else memory.release
                    asyncio.get_running_loop().call_soon(let_go)
            await context.abort(code, text.encode()[:LONGEST].decode(errors="ignore"))

        return grpc.unary_unary_rpc_method_handler(handle, response_serializer=_bytes)

    def _check_key(self, context):
        if self._limits.key is None:
            return
        given = dict(context.invocation_metadata() or ()).get("authorization", "")
        if not hmac.compare_digest(str(given).encode(), f"Bearer {self._limits.key}".encode()):
            message = "an API key is needed: send it as metadata 'authorization: Bearer KEY'"
            raise Refused(grpc.StatusCode.UNAUTHENTICATED, message)

    async def _status(self, request):
        spec = spec_of(request)
        number, label = choice_of(spec)
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
        if not self._alone:
            reason = "one worker of several cannot reconfigure the others; start the server again, or with --workers 1"
            raise Refused(grpc.StatusCode.UNIMPLEMENTED, reason)
        models = config.models_of(request.config)
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
        if service in SERVICES:
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
