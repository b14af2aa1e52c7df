"""The load table of the models at hand: requests per second and latencies, over HTTP with keep-alive."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import rich.console
import rich.table

from zoo.errors import RunError

CLIENTS = (1, 8, 32)
SECONDS = 3.0
READY_WITHIN = 60.0


def print_load_table(folder, models, options):
    """Serves a folder in processes of its own, and prints a line for each model and number of clients.

    The request is the first golden one of the default signature, one example of it. The clients share the cores with the server.

    Args:
        folder: The folder of exported models.
        models: The `zoo.serve.models.Model`s in it.
        options: What `zoo serve` is started with beside the folder, a list of words.

    Raises:
        RunError: If the server does not get ready.
    """
    table = rich.table.Table("model", "engine", "clients", "requests/s", "p50 ms", "p99 ms", "max ms", box=None, pad_edge=False)
    with running(folder, *options) as (port, started):
        for model in models:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/zoo") as answer:
                engines = {entry["name"]: entry["engine"] for entry in json.load(answer)["models"]}
            body = _one_request(model) if engines.get(model.name) else None
            if body is None:
                continue
            for clients in CLIENTS:
                rate, latencies = load(port, f"/v1/models/{model.name}:predict", body, clients, SECONDS)
                times = (f"{1e3 * _quantile(latencies, share):.2f}" for share in (0.5, 0.99, 1.0))
                table.add_row(model.name, engines[model.name], str(clients), f"{rate:.0f}", *times)
    rich.console.Console().print(table)
    shared = f"clients and server on the same {os.cpu_count()} cores"
    print(f"ready {started:.2f} s after its start; {SECONDS:g} s for each line; {shared}")


class running:
    """`zoo serve` on a free port, for as long as the block lasts; gives (port, seconds until it was ready)."""

    def __init__(self, folder, *options):
        self._command = [sys.executable, "-c", "from zoo.cli import main; main()", "serve", str(folder), "--port", "0"]
        self._command += ["--grpc-port", "-1", *options]

    def __enter__(self):
        began = time.perf_counter()
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        for line in self._process.stderr:
            if line.startswith("zoo serve: ready at "):
                return int(line.strip().split(",")[0].rpartition(":")[2]), time.perf_counter() - began
            if line.startswith("zoo: "):
                self._process.wait()
                raise RunError(line.removeprefix("zoo: ").strip())
        raise RunError("the server ended before it was ready.")

    def __exit__(self, *error):
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=READY_WITHIN)


def load(port, path, body, clients, seconds):
    """Sends the same request over and over, by clients that each wait for their answer.

    Args:
        port: Of a server on this machine.
        path: Of the request.
        body: Bytes of JSON.
        clients: Number of connections.
        seconds: For how long, after a warm-up of a fifth of it.

    Returns:
        (requests per second, sorted latencies in seconds).

    Raises:
        RunError: If an answer is not 200.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return asyncio.run(_load(port, head.encode() + body, clients, seconds))


async def _load(port, message, clients, seconds):
    latencies, begin = [], time.perf_counter() + seconds / 5
    end = begin + seconds

    async def client():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (sent := time.perf_counter()) < end:
                writer.write(message)
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                answer = await reader.readexactly(length)
                if not head.startswith(b"HTTP/1.1 200"):
                    raise RunError(f"the server answers {answer[:200].decode(errors='replace')}")
                if sent >= begin:
                    latencies.append(time.perf_counter() - sent)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return len(latencies) / seconds, sorted(latencies)


def _one_request(model):
    """The JSON of one example of the first golden request to the default signature; None for an export made elsewhere."""
    file = model.versions()[model.wanted()[-1]] / "golden.json"
    if not file.is_file():
        return None
    requests = json.loads(file.read_text(encoding="utf-8"))
    inputs = next(request["inputs"] for request in requests if request["signature"] == "serving_default")
    return json.dumps({"instances": [{name: content["value"][0] for name, content in inputs.items()}]}).encode()


def _quantile(latencies, share):
    return latencies[min(len(latencies) - 1, int(share * len(latencies)))] if latencies else float("nan")
