"""`zoo serve` against LitServe and MLServer, with the same LiteRT file, JSON bodies and keep-alive, in interleaved rounds.

    python benchmarks/serving.py saved_models --litserve PYTHON --mlserver PYTHON

PYTHON is an interpreter with `pip install litserve ai-edge-litert`, or `mlserver ai-edge-litert`. "empty" is `zoo serve` with
a model that computes nothing: the ceiling of HTTP and JSON. Clients and server share the cores.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from zoo.engines import open_engine, seconds_of_call
from zoo.serve.bench import load

CLIENTS, ROUNDS, SECONDS = (1, 32), 3, 4.0

LITSERVE = """
import sys, numpy as np, litserve as ls
from ai_edge_litert.interpreter import Interpreter

class Api(ls.LitAPI):
    def setup(self, device):
        self.interpreter = Interpreter(sys.argv[1], num_threads=2)
        self.runner = self.interpreter.get_signature_runner("serving_default")
    def decode_request(self, request):
        return np.asarray(request["instances"], "float32")
    def predict(self, images):
        return self.runner(image=images)
    def encode_response(self, outputs):
        return {"predictions": {key: value.tolist() for key, value in outputs.items()}}

if __name__ == "__main__":
    server = ls.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
"""

MLSERVER = """
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Runtime(MLModel):
    async def load(self):
        self.interpreter = Interpreter(self.settings.parameters.uri, num_threads=2)
        self.runner = self.interpreter.get_signature_runner("serving_default")
        return True
    async def predict(self, payload):
        outputs = self.runner(image=NumpyCodec.decode_input(payload.inputs[0]))
        answers = [NumpyCodec.encode_output(name=key, payload=value) for key, value in outputs.items()]
        return InferenceResponse(model_name=self.name, outputs=answers)
"""


def main():
    """Prints one table: requests per second, p50 and p99 in milliseconds, medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="folder of exports with mnist_cnn")
    parser.add_argument("--litserve")
    parser.add_argument("--mlserver")
    parser.add_argument("--empty", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.folder).resolve()
    if arguments.empty:
        return serve_nothing(folder, arguments.empty)
    version = max((folder / "mnist_cnn").glob("[0-9]*"), key=lambda path: int(path.name))
    request = json.loads((version / "golden.json").read_text())[0]
    image = request["inputs"]["image"]["value"][0]
    rows = json.dumps({"instances": [image]}).encode()
    tensor = {
        "name": "image",
        "shape": [1, 28, 28, 1],
        "datatype": "FP32",
        "data": [pixel for row in image for one in row for pixel in one],
    }
    servers = {
        "zoo serve": (zoo_serve(folder), "/v1/models/mnist_cnn:predict", rows),
        "empty": (empty(folder), "/v1/models/mnist_cnn:predict", rows),
    }
    if arguments.litserve:
        servers["LitServe"] = (litserve(arguments.litserve, version), "/predict", rows)
    if arguments.mlserver:
        servers["MLServer"] = (
            mlserver(arguments.mlserver, version),
            "/v2/models/mnist_cnn/infer",
            json.dumps({"inputs": [tensor]}).encode(),
        )
    measured = {(name, clients): [] for name in servers for clients in CLIENTS}
    with contextlib.ExitStack() as stack:
        ports = {name: stack.enter_context(started) for name, (started, _, _) in servers.items()}
        for _ in range(ROUNDS):
            for clients in CLIENTS:
                for name, (_, path, body) in servers.items():
                    measured[name, clients].append(load(ports[name], path, body, clients, SECONDS))
    print(f"{'server':12}" + "".join(f"{clients:>10} clients: req/s   p50   p99" for clients in CLIENTS))
    for name in servers:
        cells = []
        for clients in CLIENTS:
            rounds = measured[name, clients]
            rate = statistics.median(rate for rate, _ in rounds)
            p50, p99 = (statistics.median(times[int(share * len(times))] for _, times in rounds) * 1e3 for share in (0.5, 0.99))
            cells.append(f"{rate:24.0f} {p50:5.2f} {p99:5.2f}")
        print(f"{name:12}" + "".join(cells))
    bare(version, rows)


def bare(version, body):
    """The time of the same request without a server: JSON, engine, JSON."""
    import numpy as np
    import orjson

    engine = open_engine(version / "model.tflite", threads=2)

    class Whole:
        def run(self, signature, inputs):
            images = np.array(orjson.loads(body)["instances"]).astype("float32")
            return orjson.dumps(engine.run(signature, {"image": images}), option=orjson.OPT_SERIALIZE_NUMPY)

    print(f"in process, JSON and engine: {1e3 * seconds_of_call(Whole(), 'serving_default', {}):.2f} ms")


@contextlib.contextmanager
def process(command, port, path="/livez", **options):
    """A server for as long as the block lasts; gives its port once it answers."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **options
    ) as running:
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}"):
                        break
                except OSError as error:
                    if running.poll() is not None or time.monotonic() > until:
                        raise SystemExit(f"{command[0]} does not answer: {error}") from error
                    time.sleep(0.1)
            yield port
        finally:
            os.killpg(running.pid, 15)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, 9)


def free_port():
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def zoo_serve(folder):
    """Our server as users start it."""
    port = free_port()
    main = "from zoo.cli import main; main()"
    return process([sys.executable, "-c", main, "serve", str(folder), "--port", str(port), "--grpc-port", "-1"], port, "/readyz")


def empty(folder):
    """Our server with a model that computes nothing."""
    port = free_port()
    return process([sys.executable, __file__, str(folder), "--empty", str(port)], port, "/readyz")


def serve_nothing(folder, port):
    """Serves zeros of the right shape."""
    import numpy as np

    from zoo.serve import version
    from zoo.serve.choice import Opened
    from zoo.serve.models import models_in
    from zoo.serve.server import Options, serve

    class Nothing:
        signatures = {"serving_default": (["image"], ["probabilities", "label"])}

        def run(self, signature, inputs):
            rows = len(inputs["image"])
            return {"probabilities": np.zeros((rows, 10), "float32"), "label": np.zeros(rows, "int32")}

    version.open_fastest = lambda folder, *options: Opened(Nothing(), "nothing", folder)
    version.Version._replay = lambda self, golden, allowed: None
    models = [model for model in models_in(folder) if model.name == "mnist_cnn"]
    serve(models, Options(), [socket.create_server(("127.0.0.1", port), backlog=2048)])


def litserve(python, version):
    """LitServe with the same file."""
    file = pathlib.Path(tempfile.mkdtemp()) / "api.py"
    file.write_text(LITSERVE)
    port = free_port()
    return process([python, str(file), str(version / "model.tflite"), str(port)], port, "/health")


def mlserver(python, version):
    """MLServer with the same file, in one process."""
    folder = pathlib.Path(tempfile.mkdtemp())
    port, others = free_port(), [free_port(), free_port()]
    (folder / "runtime.py").write_text(MLSERVER)
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": others[0], "metrics_port": others[1], "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps({**settings, "debug": False}))
    model = {"name": "mnist_cnn", "implementation": "runtime.Runtime", "parameters": {"uri": str(version / "model.tflite")}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    command = [str(pathlib.Path(python).parent / "mlserver"), "start", "."]
    return process(command, port, "/v2/models/mnist_cnn/ready", cwd=folder)


if __name__ == "__main__":
    main()
