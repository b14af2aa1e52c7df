"""Exported versions that cost a second: tiny networks with contracts and golden requests written by hand."""

import json
import subprocess

import keras
import numpy as np

from zoo import export
from zoo.engines import open_engine


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
