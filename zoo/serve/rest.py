"""The HTTP side: TensorFlow Serving's REST API, health, metrics and the page."""

import asyncio
import dataclasses
import hmac
import io
import pathlib
import re
import time

import numpy as np
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from zoo.engines import reason_of
from zoo.errors import UsageError
from zoo.serve import jsons
from zoo.serve.batching import QueueFull, Stopped
from zoo.serve.models import NotFound
from zoo.serve.shown import shown
from zoo.serve.version import vocabulary, written_in

PAGE = pathlib.Path(__file__).parent / "page"
# Only these files are sent, whatever a path says.
PAGE_FILES = {file.relative_to(PAGE).as_posix(): file for file in PAGE.rglob("*") if file.suffix in (".html", ".css", ".js")}
PREDICT = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict|generate)", re.IGNORECASE
)
STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE)
LARGEST = 2**63 - 1  # of a version
NPY, PICTURES = "application/x-npy", ("image/png", "image/jpeg")
MOST_TOKENS = 1000  # of a generated text
KEY_NEEDED = "an API key is needed: send it as 'Authorization: Bearer KEY'"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    `body` is in bytes, `bodies` those of all requests that are being answered; `timeout` is how many seconds anybody waits.
    """

    body: int = 16 * 2**20
    bodies: int = 256 * 2**20
    timeout: float = 30.0
    key: str | None = None


class TooLarge(Exception):
    """The body is larger than allowed."""


def build_app(models, limits=None, metrics=None, state=None):
    """The application: an ASGI callable that uvicorn, tests and Ray Serve take alike.

    Args:
        models: The `Models`.
        limits: The `Limits`.
        metrics: The `Metrics`, or None.
        state: An object with `ready`, which /readyz tells beside the models' own; or None.

    Returns:
        An ASGI application.
    """
    return _Rest(models, limits or Limits(), metrics, state)


class _Rest:
    def __init__(self, models, limits, metrics, state):
        self._models, self._limits, self._metrics, self._state = models, limits, metrics, state
        self._held = 0  # bytes of the bodies of all requests that are being answered
        routes = [
            Route("/v1/zoo", self._zoo),
            Route("/livez", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics_text),
            Route("/", self._page),
            Route("/page/{file:path}", self._page),
        ]
        self._others = Starlette(routes=routes)

    async def __call__(self, scope, receive, send):
        # TensorFlow Serving's routes go past Starlette's, which would take a quarter of the time of a small request.
        if scope["type"] == "http" and scope["path"].lower().startswith("/v1/") and scope["path"] != "/v1/zoo":
            response = await self._v1(Request(scope, receive))
            return await response(scope, receive, send)
        return await self._others(scope, receive, send)

    async def _live(self, request):
        return Response("alive\n", media_type="text/plain")

    async def _ready(self, request):
        ready = self._models.ready and (self._state is None or self._state.ready)
        return Response("ready\n" if ready else "not ready\n", 200 if ready else 503, media_type="text/plain")

    async def _metrics_text(self, request):
        if self._metrics is None:
            return Response("there are no metrics\n", 404, media_type="text/plain")
        return Response(self._metrics.text(self._models), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _page(self, request):
        file = PAGE_FILES.get(request.path_params.get("file", "index.html"))
        if file is None:
            return JSONResponse({"error": "there is no such page"}, 404)
        policy = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:"}
        return FileResponse(file, headers={**policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"})

    async def _zoo(self, request):
        """What the page needs of every model: the version that answers, and its contract."""
        if self._limits.key is not None and not self._has_key(request):
            return _error(401, KEY_NEEDED)
        return Response(
            jsons.dumps({"models": [self._shown(name) for name in self._models.names]}), media_type="application/json"
        )

    def _shown(self, name):
        try:
            version = self._models.find(name)
        except NotFound:
            return {"name": name, "version": None, "engine": None, "contract": None}
        return {"name": name, "version": version.number, "engine": version.engine, "contract": shown(version)}

    async def _v1(self, request):
        started, path, method, model, code = time.perf_counter(), request.scope["path"], "unknown", "", 500
        try:
            if self._limits.key is not None and not self._has_key(request):
                code = 401
                return _error(401, KEY_NEEDED)
            asked = PREDICT.fullmatch(path) if request.method == "POST" else None
            told = STATUS.fullmatch(path) if request.method == "GET" else None
            if asked is None and told is None:
                code = 400
                return _error(400, f"Malformed request: {request.method} {path}")
            model, number, label, kind = (asked or told).groups()
            method = (kind or "status").lower()
            number = _version(number)
            answer = self._asked if asked else self._told
            response = await answer(request, model, number, label, method)
            code = response.status_code
            return response
        except UsageError as problem:
            code = 400
            return _error(400, str(problem))
        except NotFound as problem:
            code = 404
            return _error(404, str(problem))
        except QueueFull:
            code = 429
            return _error(429, "the queue is full; try again in a moment", {"Retry-After": "1"})
        except TooLarge:
            code = 413
            return _error(413, f"the body is larger than {self._limits.body} bytes", {"Connection": "close"})
        except ClientDisconnect:
            code = 499  # nobody reads it, but it is counted
            return _error(499, "the client is gone")
        except TimeoutError:
            code = 504
            return _error(504, f"no answer within {self._limits.timeout:g} s")
        except Exception as problem:
            return _error(500, reason_of(problem))
        finally:
            if self._metrics is not None:
                known = model if model in self._models.names else ""  # names that clients make up are not kept
                self._metrics.request(known, method, code, time.perf_counter() - started)

    def _has_key(self, request):
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._limits.key}".encode())

    async def _asked(self, request, model, number, label, method):
        held = [0]
        try:
            async with asyncio.timeout(self._limits.timeout):
                body = await self._body(request, held)
                while True:
                    with self._models.find(model, number, label) as version:
                        try:
                            if method == "generate":
                                return await self._generate(body, version)
                            if method in ("classify", "regress"):
                                return await self._examples(body, version, method)
                            return await self._predict(request, body, version)
                        except Stopped:
                            await asyncio.sleep(0)  # another version took over between the question and its queue
        finally:
            self._held -= held[0]

    async def _body(self, request, held):
        """The whole body; `held` counts its bytes for as long as they are kept."""
        length = request.headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > self._limits.body:
            raise TooLarge
        parts = []
        async for part in request.stream():
            held[0] += len(part)
            self._held += len(part)
            if held[0] > self._limits.body:
                raise TooLarge
            if self._held > self._limits.bodies:
                raise QueueFull
            parts.append(part)
        return b"".join(parts)

    async def _predict(self, request, body, version):
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == NPY or kind in PICTURES:
            default = "classify_bytes" if kind in PICTURES else ""
            signature = version.signature(request.query_params.get("signature_name", default))
            inputs = _from_bytes(body, kind, signature)
            outputs = await answered(version, signature, inputs)
            if NPY in request.headers.get("accept", ""):
                return Response(_npy(outputs, request.query_params.get("output")), media_type=NPY)
            return Response(jsons.write_predict(outputs, jsons.ROW), media_type="application/json")
        signature, inputs, form = jsons.read_predict(body, version.signature)
        outputs = await answered(version, signature, inputs)
        return Response(jsons.write_predict(outputs, form), media_type="application/json")

    async def _examples(self, body, version, method):
        signature, inputs = jsons.read_examples(body, version.signature)
        if method == "regress" or "probabilities" not in signature.outputs or not version.classes:
            wanted = "tensorflow/serving/regress" if method == "regress" else "tensorflow/serving/classify"
            raise UsageError(f"Expected {method} signature method_name to be {wanted}. Was: tensorflow/serving/predict")
        outputs = await answered(version, signature, inputs)
        results = [[list(pair) for pair in zip(version.classes, row.tolist())] for row in outputs["probabilities"]]
        return Response(jsons.dumps({"results": results}), media_type="application/json")

    async def _generate(self, body, version):
        text = jsons.read_generate(body)
        steps = generated(version, text, MOST_TOKENS)
        first = await anext(steps, None)  # so that what cannot be answered is told by its status

        async def events():
            version.__enter__()
            try:
                event = first
                while event is not None:
                    yield b"data: " + jsons.dumps(event) + b"\n\n"
                    event = await anext(steps, None)
                yield b"data: [DONE]\n\n"
            finally:
                version.__exit__()

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _told(self, request, model, number, label, method):
        if model is None:
            raise UsageError("Missing model name in request.")
        if method == "metadata":
            with self._models.find(model, number, label) as version:
                return Response(jsons.dumps(metadata(version)), media_type="application/json")
        if label is not None:
            number = self._models.find(model, label=label).number
        statuses = self._models.statuses(model)
        if number is not None and number not in statuses:
            raise NotFound(f"Could not find version {number} of model {model}")
        chosen = {number: statuses[number]} if number is not None else statuses
        return Response(
            jsons.dumps({"model_version_status": [status_json(*item) for item in chosen.items()]}), media_type="application/json"
        )


async def answered(version, signature, inputs):
    """The outputs of checked inputs; what is not waited for any more is not computed."""
    await asyncio.sleep(0)  # so that who asked at the same time is known
    if version.is_alone:
        outputs = version.answer_now(signature, inputs)
        if outputs is not None:
            return outputs
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def settle(answer):
        if not future.done():
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def tell(answer):
        loop.call_soon_threadsafe(settle, answer)

    def is_wanted():
        return not future.done()

    if version.is_adapted(signature):
        await asyncio.to_thread(version.answer, signature, inputs, tell, is_wanted)
    else:
        version.answer(signature, inputs, tell, is_wanted)
    return await future


async def generated(version, text, most):
    """Greedy decoding of a text, token by token: dictionaries with "text", the whole answer so far, and "token".

    Raises:
        UsageError: If the model does not answer text by text, or refuses this one.
    """
    signatures = version.signatures
    if not {"encode", "decode_step"} <= set(signatures):
        raise UsageError(f"{version.name} generates no text; it answers {', '.join(signatures)}.")
    from zoo.data.text import END, START, padded

    encode, step = signatures["encode"], signatures["decode_step"]
    name, field = next(iter(encode.fields.items()))
    target = vocabulary(written_in(version.contract))
    source = padded([vocabulary(field.vocabulary).encode(text.strip())])
    state = {**await answered(version, encode, {name: source}), name: source}
    token, tokens = START, []
    for _ in range(most):
        inputs = {key: state[key] for key in step.fields if key != "token"}
        outputs = await answered(version, step, {**inputs, "token": np.array([token], "int32")})
        token = int(outputs["logits"][0].argmax())
        if token == END:
            return
        tokens.append(token)
        state.update({key.removeprefix("next_"): array for key, array in outputs.items() if key.startswith("next_")})
        event = {"text": target.decode(tokens), "token": token}
        if "attention" in outputs:
            event["attention"] = outputs["attention"][0]
            if len(tokens) == 1:
                event["source"] = [field.vocabulary[number] for number in source[0]]  # the pieces that were read
        yield event


def metadata(version):
    """The signatures of a version, as TensorFlow Serving's GetModelMetadata tells them in JSON."""
    types = {"string": "DT_STRING", "float32": "DT_FLOAT", "float64": "DT_DOUBLE", "bool": "DT_BOOL"}

    def tensor(key, dtype, shape):
        dims = [{"size": str(-1 if size is None else size), "name": ""} for size in shape]
        kind = types.get(dtype, f"DT_{dtype.upper()}")
        return {"dtype": kind, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": f"{key}:0"}

    signatures = {}
    for name, signature in version.signatures.items():
        signatures[name] = {
            "inputs": {key: tensor(key, one["dtype"], one["shape"]) for key, one in signature.declared.items()},
            "outputs": {key: tensor(key, one["dtype"], one["shape"]) for key, one in signature.outputs.items()},
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        }
    spec = {"name": version.name, "signature_name": "", "version": str(version.number)}
    return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}}


def status_json(number, status):
    """The status of one version as TensorFlow Serving tells it in JSON."""
    code = {0: "OK", 3: "INVALID_ARGUMENT"}[status.code]
    return {"version": str(number), "state": status.state, "status": {"error_code": code, "error_message": status.message}}


def _from_bytes(body, kind, signature):
    if len(signature.fields) != 1:
        raise UsageError(f"a body of {kind} holds one input; {signature.name} takes {sorted(signature.fields)}.")
    name, field = next(iter(signature.fields.items()))
    if kind in PICTURES:
        if field is not None:
            raise UsageError(f"a picture needs a signature that takes bytes; {signature.name} takes {field.dtype}.")
        return {name: np.array([body, None], object)[:-1]}
    if field is None:
        raise UsageError(f"{signature.name} takes texts or bytes, and no arrays.")
    try:
        return {name: np.load(io.BytesIO(body), allow_pickle=False)}
    except (ValueError, EOFError, OSError, MemoryError, SyntaxError) as problem:
        raise UsageError(f"the body is no .npy array ({problem}).") from None


def _npy(outputs, wanted):
    if wanted is not None and wanted not in outputs:
        raise UsageError(f"there is no output {wanted!r}; there are {sorted(outputs)}.")
    written = io.BytesIO()
    np.save(written, np.asarray(outputs[wanted or next(iter(outputs))]), allow_pickle=False)
    return written.getvalue()


def _version(text):
    if text is None:
        return None
    if len(text) > 19 or int(text) > LARGEST:
        raise UsageError(f"Failed to convert version: {text[:40]} to numeric.")
    return int(text)


def _error(code, message, headers=None):
    return Response(jsons.error(message), code, headers, media_type="application/json")
