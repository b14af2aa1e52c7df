"""What an operator sees: metrics and the access log."""

import os
import time

import prometheus_client
from prometheus_client import multiprocess

LATENCIES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
STATES = ("START", "LOADING", "AVAILABLE", "UNLOADING", "END")


class Metrics:
    """Counters and histograms for Prometheus.

    With the environment variable PROMETHEUS_MULTIPROC_DIR the workers of one server are told of together.
    """

    def __init__(self):
        self._registry = prometheus_client.CollectorRegistry()
        kept = {"registry": self._registry}
        self._requests = prometheus_client.Counter("zoo_requests", "Answered requests.", ["model", "method", "code"], **kept)
        self._latency = prometheus_client.Histogram(
            "zoo_request_seconds", "Time to an answer.", ["model", "method"], buckets=LATENCIES, **kept
        )
        self._batches = prometheus_client.Histogram("zoo_batch_rows", "Rows of a batch.", ["model"], buckets=BATCHES, **kept)
        self._runs = prometheus_client.Histogram("zoo_batch_seconds", "Time of a batch.", ["model"], buckets=LATENCIES, **kept)
        self._queue = prometheus_client.Gauge(
            "zoo_queue_rows", "Rows that wait.", ["model", "version"], multiprocess_mode="livesum", **kept
        )
        self._versions = prometheus_client.Gauge(
            "zoo_version_state",
            "1 for the state of a version, or the states where the workers differ.",
            ["model", "version", "state"],
            multiprocess_mode="livemax",
            **kept,
        )
        self._children = {}

    def request(self, model, method, code, seconds):
        """Counts an answer."""
        key = model, method, code
        if key not in self._children:
            self._children[key] = self._requests.labels(model, method, str(code)), self._latency.labels(model, method)
        counter, histogram = self._children[key]
        counter.inc()
        histogram.observe(seconds)

    def observer(self, model, number):
        """A function that is told of every batch of a version: (rows, seconds, rows that wait)."""
        rows, seconds, queue = self._batches.labels(model), self._runs.labels(model), self._queue.labels(model, str(number))

        def observe(count, taken, waiting):
            rows.observe(count)
            seconds.observe(taken)
            queue.set(waiting)

        return observe

    def state(self, model, number, state):
        """Takes down the state of a version; None if it is forgotten."""
        for one in STATES:
            self._versions.labels(model, str(number), one).set(one == state)

    def text(self):
        """All of it in Prometheus's format."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return prometheus_client.generate_latest(self._registry)
        registry = prometheus_client.CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
        return prometheus_client.generate_latest(registry)


class AccessLog:
    """An ASGI layer that writes a line of JSON for every request.

    Args:
        app: The application.
        file: A text file, written line by line.
    """

    def __init__(self, app, file):
        self._app, self._file = app, file

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        import orjson

        started, status = time.perf_counter(), 0

        async def watched(message):
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            line = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "client": (scope.get("client") or [None])[0],
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": round(1e3 * (time.perf_counter() - started), 2),
            }
            self._file.write(orjson.dumps(line).decode() + "\n")
            self._file.flush()
