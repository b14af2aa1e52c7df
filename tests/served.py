"""Servers in processes of their own, and exported versions that cost a second: tiny networks with contracts written by hand."""

import contextlib
import http.client
import json
import pathlib
import signal
import subprocess
import sys
import threading
import time

import keras
import numpy as np
from processes import children

from zoo import export
from zoo.engines import open_engine

MAIN = "from zoo.cli import main; main()"
READY = "zoo serve: ready at "
PATIENCE = 60.0


class Served:
    """`zoo serve` in processes of its own, and a client that keeps its connection."""

    def __init__(self, folder, *options, main=MAIN, inherited=(), python=sys.executable):
        command = [python, "-c", main, "serve", str(folder), "--port", "0", "--grpc-port", "-1", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=inherited)
        self.lines, self._ready = [], threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(PATIENCE), self.lines
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if line.startswith(READY):
                self.port = int(line.strip().split(",")[0].rpartition(":")[2])
                self._ready.set()

    def __call__(self, method, path, body=None, headers=None):
        """(status, content of the answer): JSON as what it says, anything else as bytes."""
        content = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        try:
            self.connection.request(method, path, content, headers or {})
            answer = self.connection.getresponse()
            read = answer.read()
        except (http.client.HTTPException, ConnectionError):
            self.connection.close()
            raise
        kind = answer.headers.get("content-type", "")
        return answer.status, json.loads(read) if kind == "application/json" else read

    def predict(self, body, model="tiny", **headers):
        return self("POST", f"/v1/models/{model}:predict", body, headers)

    def workers(self):
        """The processes that answer."""
        return list(children(self.process.pid))

    def memory(self):
        """Megabytes of the workers."""
        kilobytes = 0
        for worker in self.workers():
            lines = pathlib.Path(f"/proc/{worker}/status").read_text().splitlines()
            kilobytes += int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
        return kilobytes / 1024

    def end(self):
        self.connection.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("nothing happened")


@contextlib.contextmanager
def clients(count, client):
    """`count` threads that run `client(stop)`; `stop` is set when the block ends, however it ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=client, args=(stop,), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)


def write_certificate(folder):
    """A certificate for 127.0.0.1 and its key, both in PEM: their files."""
    options = ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    certificate, key = folder / "cert.pem", folder / "key.pem"
    out = ["-keyout", key, "-out", certificate]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *options, *out], check=True, capture_output=True)
    return certificate, key


def image_field(**changes):
    field = {"dtype": "float32", "shape": [None, 4, 3, 1], "minimum": 0.0, "maximum": 1.0, "finite": True}
    return {**field, "max_length": None, "vocabulary": None, **changes}


def write_version(folder, model, signatures, requests, classes=None, further=None, batch=None):
    """Exports a model to `folder`, with a contract of `signatures` and golden requests of [(signature, inputs)]."""
    folder.mkdir(parents=True)
    export.litert(model, folder / "model.tflite", signatures=further, batch=batch)
    engine = open_engine(folder / "model.tflite")
    golden = []
    for signature, inputs in requests:
        outputs = engine.run(signature, inputs)
        golden.append({"signature": signature, "inputs": as_json(inputs), "outputs": as_json(outputs)})
    contract = {"name": folder.parent.name, "classes": classes, "picture": None, "vocabularies": {}, "signatures": signatures}
    (folder / "contract.json").write_text(json.dumps(contract))
    (folder / "golden.json").write_text(json.dumps(golden))
    return folder


def as_json(arrays):
    return {name: {"dtype": str(array.dtype), "value": array.tolist()} for name, array in arrays.items()}


def write_classifier(folder, seed=0, batch=None):
    """`image` (batch, 4, 3, 1) in [0, 1] to `probabilities` of three classes and `label`; `twice` of `number` (batch,) int32.

    With `batch` the file has that batch size and no other, and the first signature only.
    """
    keras.utils.set_random_seed(seed)
    image = keras.Input((4, 3, 1), name="image")
    logits = keras.layers.Dense(3, kernel_initializer="random_normal")(keras.layers.Flatten()(image))
    probabilities = keras.layers.Softmax(name="probabilities")(logits)
    label = keras.ops.cast(keras.ops.top_k(logits, 1)[1][:, 0], "int32")
    classifier = keras.Model(image, {"probabilities": probabilities, "label": label})
    number = keras.Input((), name="number", dtype="int32")
    twice = keras.Model(number, {"doubled": number * 2})
    outputs = {"probabilities": {"dtype": "float32", "shape": [batch, 3]}, "label": {"dtype": "int32", "shape": [batch]}}
    bounded = image_field(dtype="int32", shape=[None], minimum=-5, maximum=1000, finite=False)
    signatures = {
        "serving_default": {"formats": ["litert"], "inputs": {"image": image_field(shape=[batch, 4, 3, 1])}, "outputs": outputs},
        "twice": {
            "formats": ["litert"],
            "inputs": {"number": bounded},
            "outputs": {"doubled": {"dtype": "int32", "shape": [None]}},
        },
    }
    images = np.random.default_rng(seed).random((batch or 2, 4, 3, 1), "float32")
    classes = ["nought", "one", "two"]
    if batch:
        del signatures["twice"]
        return write_version(folder, classifier, signatures, [("serving_default", {"image": images})], classes, batch=batch)
    requests = [("serving_default", {"image": images}), ("twice", {"number": np.array([7, 9], "int32")})]
    return write_version(folder, classifier, signatures, requests, classes, {"twice": twice})
