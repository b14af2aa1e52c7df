"""One process that serves: models, HTTP, gRPC, signals."""

import asyncio
import contextlib
import dataclasses
import pathlib
import signal
import sys
import threading

import uvicorn

from zoo.errors import UsageError
from zoo.machine import cores
from zoo.serve import memory
from zoo.serve.models import Models
from zoo.serve.operation import AccessLog, Metrics
from zoo.serve.protocol import Protocol
from zoo.serve.rest import Limits, build_app
from zoo.serve.version import Version


@dataclasses.dataclass(frozen=True)
class Options:
    """How models are served.

    Args:
        engine: "litert", "onnx" or "saved_model"; None for the fastest of those that are there.
        threads: Threads of one call of an engine; None for the cores that there are.
        max_batch: Most rows of one call.
        max_waiting: Most rows that wait for one model.
        delay: Seconds for which a batch waits for more requests.
        poll: Seconds between two looks at the folders.
        drain: Seconds for which requests are waited for at the end.
        limits: What a client may ask for.
        access_log: File of the access log, "-" for standard output, or None.
        certificate: File of a TLS certificate in PEM, or None.
        private_key: File of its key.
    """

    engine: str | None = None
    threads: int | None = None
    max_batch: int = 32
    max_waiting: int = 1024
    delay: float = 0.0
    poll: float = 1.0
    drain: float = 30.0
    limits: Limits = dataclasses.field(default_factory=Limits)
    access_log: str | None = None
    certificate: str | None = None
    private_key: str | None = None


def make_models(models, options, metrics=None, note=lambda line: None):
    """The `Models` of these options, not started yet."""
    threads = min(options.threads or cores(), cores())
    slots = threading.Semaphore(cores() // threads)  # as many calls at once as the cores have room for

    def load(name, number, folder):
        batching = {
            "max_batch": options.max_batch,
            "max_waiting": options.max_waiting,
            "delay": options.delay,
            "slots": slots,
            "observe": metrics and metrics.observer(name, number),
        }
        return Version(name, number, pathlib.Path(folder), options.engine, threads, batching)

    told = {} if metrics is None else {"told": metrics.state}
    return Models(models, load, options.poll, options.drain, note, **told)


class _Server(uvicorn.Server):
    """uvicorn, which leaves the signals to us: it would answer what is in flight and then die by them."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


class State:
    """Whether this process takes requests; false once it drains."""

    def __init__(self, beside=None):
        self.draining, self._beside = False, beside

    @property
    def ready(self):
        """Whether it takes requests, and the other workers of the server too."""
        return not self.draining and (self._beside is None or self._beside())


def serve(models, options, sockets, grpc_address=None, beside=None, ready=lambda: None, is_orphan=lambda: False, note=print):
    """Serves until SIGTERM or SIGINT, and drains.

    Args:
        models: A list of `zoo.serve.models.Model`.
        options: The `Options`.
        sockets: Listening sockets for HTTP.
        grpc_address: "host:port" for gRPC, or None.
        beside: Function that says whether the other workers are ready, or None if there are none.
        ready: Function that is called once everything answers.
        is_orphan: Function that says whether the process that watches over this one is gone.
        note: Function that is told what happens, a line of text.

    Raises:
        UsageError: If there is nothing to serve.
    """
    memory.prepare()
    sys.setswitchinterval(0.0005)  # batches and answers take turns more often: a third more requests at eight clients
    metrics, state = Metrics(), State(beside)
    served = make_models(models, options, metrics, note)
    served.start()
    app = build_app(served, options.limits, metrics, state)
    file = _open_log(options.access_log)
    config = uvicorn.Config(
        AccessLog(app, file) if file else app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        http=Protocol,
        proxy_headers=file is not None,  # only the access log names clients
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=options.drain,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.private_key,
    )
    server = _Server(config)

    async def watch(drain):
        while not is_orphan():
            await asyncio.sleep(1)
        drain()

    async def run():
        loop = asyncio.get_running_loop()

        def drain():
            nonlocal stopping
            state.draining = server.should_exit = True
            if grpc_server is not None and stopping is None:
                stopping = loop.create_task(grpc_server.drain(options.drain))

        grpc_server = stopping = None
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, drain)
        if grpc_address is not None:
            from zoo.serve.rpc import start_grpc  # brings gRPC, which takes a while to import

            limits, tls = options.limits, (options.certificate, options.private_key)
            grpc_server = await start_grpc(served, grpc_address, limits, metrics, state, *tls, shared=True, alone=beside is None)
        watching = loop.create_task(watch(drain))
        loop.call_soon(ready)
        await server.serve(sockets)
        watching.cancel()
        if stopping is not None:
            await stopping

    loop = config.get_loop_factory()()
    asyncio.set_event_loop(loop)
    try:
        # The loop is left as it is, and ends with the process: to cancel what is in it would tell clients of gRPC CANCELLED.
        loop.run_until_complete(run())
    finally:
        state.draining = True
        served.stop()


def _open_log(name):
    if name is None:
        return None
    if name == "-":
        return sys.stdout
    try:
        return open(name, "a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be written ({error.strerror or error}); give another --access-log.") from error
