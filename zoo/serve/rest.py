"""The HTTP side: TensorFlow Serving's REST API, health, metrics and the page."""

import asyncio
import dataclasses
import hashlib
import hmac
import pathlib
import time

import numpy as np
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from zoo.engines import reason_of
from zoo.errors import UsageError
from zoo.serve import jsons
from zoo.serve.answering import answered, generated, is_writer, metadata, other_method, written
from zoo.serve.batching import QueueFull, Stopped
from zoo.serve.bodies import NPY, PICTURES, Body, Held, TooLarge, from_bytes, write_npy
from zoo.serve.models import NotFound
from zoo.serve.paths import PREDICT, STATUS, parts_of, path_of, version_of
from zoo.serve.short import Short
from zoo.serve.shown import shown

PAGE = pathlib.Path(__file__).parent / "page"
# Only these files are sent, whatever a path says.
PAGE_FILES = {file.relative_to(PAGE).as_posix(): file for file in PAGE.rglob("*") if file.suffix in (".html", ".css", ".js")}
LARGE = 2**18  # bytes of JSON that are read and written in a thread, so that others are answered meanwhile
MOST_TOKENS = 1000  # of a generated text
KEY_NEEDED = "an API key is needed: send it as 'Authorization: Bearer KEY'"


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    `body` is in bytes, unpacked; `bodies` those of all requests that are being answered, with the arrays made of them; `timeout`
    is how many seconds anybody waits, for an answer or for the next token; `origins` are those of the web pages that may ask.
    """

    body: int = 16 * 2**20
    bodies: int = 64 * 2**20
    timeout: float = 30.0
    key: str | None = None
    origins: tuple = ()


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
    limits = limits or Limits()
    app = _Rest(models, limits, metrics, state)
    if not limits.origins:
        return app
    headers = ["Authorization", "Content-Encoding", "Content-Type"]
    return CORSMiddleware(app, limits.origins, allow_methods=["GET", "POST"], allow_headers=headers)


class _Rest:
    def __init__(self, models, limits, metrics, state):
        self._models, self._limits, self._metrics, self._state = models, limits, metrics, state
        self._held = Held(limits.bodies)
        self._short = Short(models, metrics, self._held, limits.timeout)
        self._one_large = asyncio.Semaphore()  # large JSON is read one body at a time: it takes many times its size
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

    def ask(self, connection, scope, body, respond):
        """Asks for the answer to a whole request, past ASGI; see `Short.ask`."""
        headers = dict(scope["headers"])
        is_json = not headers.get(b"content-type", b"").startswith((b"image/", NPY.encode()))
        plain = is_json and b"content-encoding" not in headers and len(body) <= min(LARGE, self._limits.body)
        if not plain or (self._limits.key is not None and not self._has_key(Request(scope))):
            return None
        return self._short.ask(connection, scope, body, respond)

    async def _live(self, request):
        return Response("alive\n", media_type="text/plain")

    async def _ready(self, request):
        ready = self._models.ready and (self._state is None or self._state.ready)
        return Response("ready\n" if ready else "not ready\n", 200 if ready else 503, media_type="text/plain")

    async def _metrics_text(self, request):
        if self._metrics is None:
            return Response("there are no metrics\n", 404, media_type="text/plain")
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

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
        content = jsons.dumps({"models": [self._shown(name) for name in self._models.names]})
        # The page asks every few seconds, and names of ten thousand words are long.
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type="application/json")

    def _shown(self, name):
        try:
            version = self._models.find(name)
        except NotFound:
            return {"name": name, "version": None, "engine": None, "contract": None}
        return {"name": name, "version": version.number, "engine": version.engine, "contract": shown(version)}

    async def _v1(self, request):
        started, method, model, code = time.perf_counter(), "unknown", "", 500
        path = path_of(request.scope)
        try:
            if self._limits.key is not None and not self._has_key(request):
                code = 401
                return _error(401, KEY_NEEDED)
            asked = PREDICT.fullmatch(path) if request.method == "POST" else None
            told = STATUS.fullmatch(path) if request.method == "GET" else None
            if asked is None and told is None:
                code = 400
                return _error(400, f"Malformed request: {request.method} {path[:200]}")
            model, number, label, kind = parts_of(asked or told)
            method = (kind or "status").lower()
            number = version_of(number)
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
        with Body(request, self._limits.body, self._held) as body:
            async with asyncio.timeout(self._limits.timeout):
                content = await body.read()
                while True:
                    with self._models.find(model, number, label) as version:
                        try:
                            if method == "generate":
                                return await self._generate(content, version)
                            if method in ("classify", "regress"):
                                return await self._examples(content, version, method)
                            return await self._predict(request, body, content, version)
                        except Stopped:
                            await asyncio.sleep(0)  # another version took over between the question and its queue

    async def _predict(self, request, body, content, version):
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == NPY or kind in PICTURES:
            default = "classify_bytes" if kind in PICTURES else ""
            signature = version.signature(request.query_params.get("signature_name", default))
            inputs, form = from_bytes(content, kind, signature), jsons.ROW
        else:
            signature, inputs, form = await self._parsed(jsons.read_predict, content, version)
        body.take(_size(inputs))
        outputs = await answered(version, signature, inputs)
        if kind in (NPY, *PICTURES) and NPY in request.headers.get("accept", ""):
            return Response(write_npy(outputs, request.query_params.get("output")), media_type=NPY)
        if _size(outputs) > LARGE:
            written = await asyncio.to_thread(jsons.write_predict, outputs, form)
        else:
            written = jsons.write_predict(outputs, form)
        return Response(written, media_type="application/json")

    async def _parsed(self, read, content, version):
        if len(content) <= LARGE:
            return read(content, version.signature)
        async with self._one_large:
            return await asyncio.to_thread(read, content, version.signature)

    async def _examples(self, content, version, method):
        signature, inputs = await self._parsed(jsons.read_examples, content, version)
        if method == "regress":
            raise UsageError(other_method("regression", "regress"))
        if signature.probabilities is None:
            raise UsageError(other_method("classification", "classify"))
        outputs = await answered(version, signature, inputs)
        results = [[list(pair) for pair in zip(signature.classes, row.tolist())] for row in outputs[signature.probabilities]]
        return Response(jsons.dumps({"results": results}), media_type="application/json")

    async def _generate(self, content, version):
        text, options = jsons.read_generate(content)
        if is_writer(version):
            steps = written(version, text, options, MOST_TOKENS)
        elif options:
            raise UsageError(f'got {", ".join(map(repr, options))}; {version.name} takes {{"text": "..."}}, and nothing else.')
        else:
            steps = generated(version, text, MOST_TOKENS)
        first = await anext(steps, None)  # so that what cannot be answered is told by its status
        return _Events(version, first, steps, self._limits.timeout)

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


class _Events(StreamingResponse):
    """A stream of server-sent events, one for each token; neither the next token nor the client is waited for too long."""

    def __init__(self, version, first, steps, timeout):
        headers = {"Cache-Control": "no-store"}
        super().__init__(self._events(version, first, steps), media_type="text/event-stream", headers=headers)
        self._timeout = timeout

    async def _events(self, version, event, steps):
        with version:
            try:
                while event is not None:
                    yield _event(event)
                    async with asyncio.timeout(self._timeout):
                        event = await anext(steps, None)
                yield b"data: [DONE]\n\n"
            except (TimeoutError, QueueFull, Stopped) as problem:  # the status has been sent
                reason = {TimeoutError: f"no token within {self._timeout:g} s", QueueFull: "the queue is full"}
                yield _event({"error": reason.get(type(problem), "another version took over")})

    async def stream_response(self, send):
        async def hasty(message):
            async with asyncio.timeout(self._timeout):
                await send(message)

        try:
            await super().stream_response(hasty)
        except TimeoutError:
            await self.body_iterator.aclose()  # and the connection is closed, because the answer is not complete


def _event(content):
    return b"data: " + jsons.dumps(content) + b"\n\n"


def status_json(number, status):
    """The status of one version as TensorFlow Serving tells it in JSON."""
    code = {0: "OK", 3: "INVALID_ARGUMENT"}[status.code]
    return {"version": str(number), "state": status.state, "status": {"error_code": code, "error_message": status.message}}


def _size(arrays):
    return sum(np.asarray(array).nbytes for array in arrays.values())


def _error(code, message, headers=None):
    return Response(jsons.error(message), code, headers, media_type="application/json")
