"""The gRPC server as TensorFlow Serving's own client sees it, and its messages beside those of TensorFlow."""

import asyncio
import contextlib
import io
import json
import shutil
import subprocess
import sys
import threading
import time
import tracemalloc

import grpc
import hypothesis
import keras
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from served import image_field, write_certificate, write_classifier, write_version
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from zoo.engines import open_engine
from zoo.errors import UsageError
from zoo.serve import messages
from zoo.serve.config import read_config
from zoo.serve.models import Model, Models
from zoo.serve.operation import Metrics
from zoo.serve.rest import Limits
from zoo.serve.rpc import start_grpc
from zoo.serve.server import Options, State, make_models
from zoo.serve.version import Version

pytestmark = pytest.mark.slow

Code = grpc.StatusCode
PATIENCE = 30.0
IMAGES = np.linspace(0, 1, 36, dtype="float32").reshape(3, 4, 3, 1)
REFUSALS = {Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.FAILED_PRECONDITION}
DTYPES = ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")


class Running:
    """A gRPC server on a loop of its own in a thread, and the official stubs."""

    def __init__(self, models, limits=None, state=None, metrics=None, channel=None, **options):
        self.models, self._loop = models, asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.limits = limits or Limits(body=2**20)
        self.server = self.run(start_grpc(models, "127.0.0.1:0", self.limits, metrics, state, **options))
        self.channel = (channel or grpc.insecure_channel)(f"127.0.0.1:{self.server.port}")
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.health = health_pb2_grpc.HealthStub(self.channel)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def start(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.channel.close()
        self.run(self.server.stop(0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def write_pictures(folder):
    """A classifier of (batch, 4, 4, 1) whose contract knows pictures too."""
    keras.utils.set_random_seed(2)
    image = keras.Input((4, 4, 1), name="image")
    logits = keras.layers.Dense(2, kernel_initializer="random_normal")(keras.layers.Flatten()(image))
    model = keras.Model(image, {"probabilities": keras.layers.Softmax(name="probabilities")(logits)})
    outputs = {"probabilities": {"dtype": "float32", "shape": [None, 2]}}
    field = image_field(shape=[None, 4, 4, 1])
    text = {"dtype": "string", "shape": [None]}
    signatures = {"serving_default": {"formats": ["litert"], "inputs": {"image": field}, "outputs": outputs}}
    requests = [("serving_default", {"image": np.zeros((1, 4, 4, 1), "float32")})]
    write_version(folder, model, signatures, requests, ["left", "right"])
    contract = json.loads((folder / "contract.json").read_text())
    bytes_signature = {"formats": ["saved_model"], "inputs": {"image_bytes": text}, "outputs": outputs}
    contract["signatures"]["classify_bytes"] = bytes_signature
    contract["picture"] = {"size": 4, "box": 4}
    (folder / "contract.json").write_text(json.dumps(contract))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """tiny with versions 1 and 2, pictures with version 1."""
    folder = tmp_path_factory.mktemp("served")
    write_classifier(folder / "tiny/1")
    write_classifier(folder / "tiny/2", seed=1)
    write_pictures(folder / "pictures/1")
    return folder


@pytest.fixture
def make(folder):
    """The function from options of `make_models` to started `Models` of tiny and pictures."""
    with contextlib.ExitStack() as stack:

        def make(**options):
            tiny = Model("tiny", folder / "tiny", every=True, labels={"stable": 1})
            models = make_models([tiny, Model("pictures", folder / "pictures")], Options(**{"poll": 60.0, **options}))
            models.start()
            stack.callback(models.stop)
            return models

        yield make


@pytest.fixture(scope="module")
def served(folder):
    """A server for all tests that change nothing."""
    tiny = Model("tiny", folder / "tiny", every=True, labels={"stable": 1})
    models = make_models([tiny, Model("pictures", folder / "pictures")], Options(poll=60.0))
    models.start()
    with Running(models) as running:
        yield running
    models.stop()


@pytest.fixture(scope="module")
def engine(folder):
    """The engine of version 2 alone."""
    return open_engine(folder / "tiny/2/model.tflite")


def asking(image=IMAGES, model="tiny", signature="", kind=predict_pb2.PredictRequest, version=None, label=None):
    request = kind()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    if image is not None and kind is predict_pb2.PredictRequest:
        request.inputs["image"].CopyFrom(tf.make_tensor_proto(image))
    return request


def refusal(call, *arguments, **options):
    """(code, message) of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=PATIENCE, **options)
    return caught.value.code(), caught.value.details()


def example(**features):
    """A tf.Example of {name: list of floats, ints or bytes}."""
    made = tf.train.Example()
    for name, values in features.items():
        kind = {float: "float_list", int: "int64_list", bytes: "bytes_list"}[type(values[0])]
        getattr(made.features.feature[name], kind).value.extend(values)
    return made


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@contextlib.contextmanager
def busy(models):
    """The engines wait, as if another model had all cores."""
    slots = models.find("tiny").batcher._slots
    slots.acquire()
    try:
        yield
    finally:
        slots.release()


# Messages


def test_the_file_of_messages_is_what_the_packages_publish():
    assert messages.collect() == messages.FILE.read_bytes()


def test_our_classes_and_the_official_ones_live_side_by_side():
    ours = messages.PredictRequest.FromString(asking(signature="twice", version=7).SerializeToString())
    assert ours.model_spec.version.value == 7 and ours.DESCRIPTOR.file.pool is not predict_pb2.DESCRIPTOR.pool
    assert predict_pb2.PredictRequest.FromString(ours.SerializeToString()) == asking(signature="twice", version=7)


def test_the_server_needs_neither_tensorflow_nor_keras():
    code = "import sys, zoo.serve.rpc; print([m for m in sys.modules if m.split('.')[0] in ('tensorflow', 'keras', 'jax')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def ours(proto):
    return messages.TensorProto.FromString(proto.SerializeToString())


def arrays():
    shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4, min_side=0)
    return st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, shapes))


@hypothesis.given(arrays())
@hypothesis.settings(max_examples=200, deadline=None)
def test_arrays_come_as_they_were_sent_and_go_as_tensorflow_reads_them(array):
    proto = tf.make_tensor_proto(array)
    read = messages.to_array("x", ours(proto))
    assert read.dtype == array.dtype and read.shape == array.shape
    np.testing.assert_array_equal(read, array)
    written = messages.TensorProto()
    messages.write_array(array, written)
    assert not written.tensor_content
    told = tf.make_ndarray(type(proto).FromString(written.SerializeToString()))
    assert told.dtype == array.dtype and told.shape == array.shape
    np.testing.assert_array_equal(told, array)


@hypothesis.given(st.lists(st.binary(max_size=8), max_size=5))
@hypothesis.settings(max_examples=50, deadline=None)
def test_texts_come_and_go_too(texts):
    array = np.array([*texts, None], object)[:-1]
    assert messages.to_array("x", ours(tf.make_tensor_proto(array, tf.string, [len(texts)]))).tolist() == texts
    written = messages.TensorProto()
    messages.write_array(array, written)
    assert tf.make_ndarray(type(tf.make_tensor_proto(0)).FromString(written.SerializeToString())).tolist() == texts


@pytest.mark.parametrize("dtype", [*DTYPES, "string"])
@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_a_list_of_values_that_is_too_short_goes_on_with_its_last_one(dtype, count):
    kind = tf.dtypes.as_dtype(dtype)
    field = messages.TYPES[kind.as_datatype_enum][1]
    proto = type(tf.make_tensor_proto(0))(dtype=kind.as_datatype_enum)
    for size in (2, 3):
        proto.tensor_shape.dim.add(size=size)
    plain = [b"a", b"bc", b"", b"d", b"e", b"fg"] if dtype == "string" else [1, 0, 1, 1, 0, 1] if dtype == "bool" else range(1, 7)
    getattr(proto, field).extend(list(plain)[:count])
    read = messages.to_array("x", ours(proto))
    if count:
        np.testing.assert_array_equal(read, tf.make_ndarray(proto))
    assert read.shape == (2, 3)
    assert read.ravel().tolist() == tf.io.parse_tensor(proto.SerializeToString(), kind).numpy().ravel().tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_of_a_tensor_are_read_as_its_type_says(dtype):
    array = np.array([[1, 0, 1], [0, 0, 1]], dtype)
    proto = tensor(tf.dtypes.as_dtype(dtype), (2, 3), tensor_content=array.tobytes())
    read = messages.to_array("x", proto)
    assert read.dtype == dtype and read.tolist() == array.tolist()


def tensor(dtype=tf.float32, shape=(), **fields):
    proto = messages.TensorProto(dtype=dtype.as_datatype_enum, **fields)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


WRONG_TENSORS = {
    "no type": (messages.TensorProto(), "`x` has type DT_INVALID"),
    "a type of no kind": (messages.TensorProto(dtype=77), "`x` has type 77"),
    "complex": (tensor(tf.complex64, scomplex_val=[1, 2]), "`x` has type DT_COMPLEX64"),
    "bfloat16": (tensor(tf.bfloat16, half_val=[1]), "`x` has type DT_BFLOAT16"),
    "resource": (tensor(tf.resource), "`x` has type DT_RESOURCE"),
    "negative": (tensor(shape=(2, -1), float_val=[1]), "`x` has shape (2, -1)"),
    "too many sizes": (tensor(shape=[1] * 33, float_val=[1]), "`x` has 33 sizes"),
    "too many values": (tensor(shape=[2], float_val=[1, 2, 3]), "`x` has 3 values"),
    "too many for a scalar": (tensor(float_val=[1, 2]), "`x` has 2 values"),
    "short content": (tensor(shape=[2], tensor_content=b"1234567"), "`x` has 7 bytes"),
    "long content": (tensor(shape=[1], tensor_content=b"12345678"), "`x` has 8 bytes"),
    "texts in content": (tensor(tf.string, shape=[1], tensor_content=b"\1a"), "`x` has texts"),
    "int8 out of range": (tensor(tf.int8, shape=[1], int_val=[128]), "`x` lies in [128, 128]"),
    "uint8 out of range": (tensor(tf.uint8, shape=[1], int_val=[-1]), "`x` lies in [-1, -1]"),
    "half out of range": (tensor(tf.half, shape=[1], half_val=[70000]), "`x` lies in [70000, 70000]"),
    "huge": (tensor(shape=[10**12], float_val=[1]), "`x` has shape (1000000000000,)"),
    "huge by its product": (tensor(shape=[10**6] * 8, float_val=[1]), "more than"),
    "huge beside a zero": (tensor(shape=[0, 10**12]), "more than"),
    "huge and empty": (tensor(tf.string, shape=[2**62, 2**62]), "more than"),
    "just too large": (tensor(shape=[2**22 + 1], float_val=[1]), "more than 16777216 bytes"),
}


@pytest.mark.parametrize("case", WRONG_TENSORS)
def test_a_tensor_that_is_none_is_refused_by_its_name(case):
    proto, told = WRONG_TENSORS[case]
    tracemalloc.start()
    with pytest.raises(UsageError) as caught:
        messages.to_array("x", proto)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told in str(caught.value) and peak < 2**20


def test_an_unknown_rank_is_refused_and_the_largest_tensor_is_not():
    unknown = tensor(float_val=[1])
    unknown.tensor_shape.unknown_rank = True
    with pytest.raises(UsageError, match="input `x` has no sizes"):
        messages.to_array("x", unknown)
    assert messages.to_array("x", tensor(shape=[2**22], float_val=[3])).sum() == 3 * 2**22


@hypothesis.given(st.binary(max_size=60))
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_tensor_or_refused(content):
    with contextlib.suppress(UsageError):
        array = messages.to_array("x", messages.parse(messages.TensorProto, content), 2**16)
        assert array.nbytes <= 2**16


# Predict


def test_predict_gives_what_the_engine_gives(served, engine):
    answer = served.prediction.Predict(asking(), timeout=PATIENCE)
    right = engine.run("serving_default", {"image": IMAGES})
    shapes = {name: tf.make_ndarray(proto).shape for name, proto in answer.outputs.items()}
    assert shapes == {"probabilities": (3, 3), "label": (3,)}
    np.testing.assert_array_equal(tf.make_ndarray(answer.outputs["label"]), right["label"])
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probabilities"]), right["probabilities"], rtol=1e-6)
    # TensorFlow Serving answers in typed lists, and examples everywhere read them.
    assert list(answer.outputs["probabilities"].float_val) == right["probabilities"].ravel().tolist()
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("tiny", 2, "serving_default")
    assert not spec.HasField("version_label")


def test_predict_takes_typed_lists_and_a_value_that_repeats(served):
    listed, content = asking(None), asking(IMAGES)
    listed.inputs["image"].CopyFrom(type(content.inputs["image"])(dtype=1, float_val=IMAGES.ravel().tolist()))
    listed.inputs["image"].tensor_shape.CopyFrom(content.inputs["image"].tensor_shape)
    assert content.inputs["image"].tensor_content and not listed.inputs["image"].tensor_content
    assert served.prediction.Predict(listed) == served.prediction.Predict(content)
    listed.inputs["image"].ClearField("float_val")
    listed.inputs["image"].float_val.append(0.5)
    assert served.prediction.Predict(listed) == served.prediction.Predict(asking(np.full_like(IMAGES, 0.5)))


def test_predict_of_more_rows_than_a_batch_holds(served, engine):
    images = np.random.default_rng(0).random((75, 4, 3, 1), "float32")
    answer = served.prediction.Predict(asking(images), timeout=PATIENCE)
    right = engine.run("serving_default", {"image": images})["probabilities"]
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probabilities"]), right, rtol=1e-5)


@pytest.mark.parametrize("chosen, number", [({"version": 1}, 1), ({"version": 2}, 2), ({"label": "stable"}, 1), ({}, 2)])
def test_versions_and_labels_choose_who_answers(served, folder, chosen, number):
    answer = served.prediction.Predict(asking(**chosen), timeout=PATIENCE)
    right = open_engine(folder / f"tiny/{number}/model.tflite").run("serving_default", {"image": IMAGES})
    np.testing.assert_allclose(tf.make_ndarray(answer.outputs["probabilities"]), right["probabilities"], rtol=1e-6)
    assert answer.model_spec.version.value == number


def test_another_signature_and_an_output_filter(served):
    request = asking(None, signature="twice")
    request.inputs["number"].CopyFrom(tf.make_tensor_proto(np.array([3, -4], "int32")))
    answer = served.prediction.Predict(request, timeout=PATIENCE)
    assert list(answer.outputs["doubled"].int_val) == [6, -8] and answer.model_spec.signature_name == "twice"
    filtered = asking()
    filtered.output_filter.append("label")
    assert set(served.prediction.Predict(filtered, timeout=PATIENCE).outputs) == {"label"}


def drawn():
    picture = Image.new("L", (20, 20), 0)
    picture.paste(255, (3, 3, 17, 9))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def test_pictures_go_as_bytes_to_predict_and_to_classify(served):
    request = asking(None, "pictures", "classify_bytes")
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([drawn(), drawn()]))
    rows = tf.make_ndarray(served.prediction.Predict(request, timeout=PATIENCE).outputs["probabilities"])
    assert rows.shape == (2, 2) and (rows[0] == rows[1]).all() and abs(rows[0].sum() - 1) < 1e-5
    asked = asking(model="pictures", signature="classify_bytes", kind=classification_pb2.ClassificationRequest)
    asked.input.example_list.examples.append(example(image_bytes=[drawn()]))
    told = served.prediction.Classify(asked, timeout=PATIENCE).result.classifications[0].classes
    assert [one.label for one in told] == ["left", "right"]
    np.testing.assert_allclose([one.score for one in told], rows[0], rtol=1e-6)


# Classify, Regress, metadata, status


def test_classify_gives_labels_and_scores(served, engine):
    request = asking(kind=classification_pb2.ClassificationRequest)
    request.input.example_list.examples.extend(example(image=image.ravel().tolist()) for image in IMAGES)
    answer = served.prediction.Classify(request, timeout=PATIENCE)
    right = engine.run("serving_default", {"image": IMAGES})["probabilities"]
    told = [[(one.label, one.score) for one in row.classes] for row in answer.result.classifications]
    assert [[label for label, _ in row] for row in told] == [["nought", "one", "two"]] * 3
    np.testing.assert_allclose([[score for _, score in row] for row in told], right, rtol=1e-6)
    assert answer.model_spec.version.value == 2 and answer.model_spec.signature_name == "serving_default"


def test_classify_with_a_context_that_all_examples_share(served):
    plain, shared = (asking(kind=classification_pb2.ClassificationRequest) for _ in range(2))
    values = IMAGES[1].ravel().tolist()
    plain.input.example_list.examples.extend([example(image=values)] * 2)
    shared.input.example_list_with_context.context.CopyFrom(example(image=values))
    shared.input.example_list_with_context.examples.extend([tf.train.Example()] * 2)
    assert served.prediction.Classify(shared, timeout=PATIENCE) == served.prediction.Classify(plain, timeout=PATIENCE)


def features(**values):
    def change(request):
        request.input.example_list.examples.append(example(**values))

    return change


WRONG_EXAMPLES = {
    "nothing": (lambda request: None, "Input is empty."),
    "no example": (lambda request: request.input.example_list.SetInParent(), "Input is empty."),
    "no feature": (lambda request: request.input.example_list.examples.add(), "image"),
    "another feature": (features(picture=[1.0]), "no input `picture`"),
    "whole numbers": (features(image=[1] * 12), "input `image` is a int64_list; expected a float_list"),
    "bytes": (features(image=[b"1"]), "input `image` is a bytes_list"),
    "too few": (features(image=[1.0] * 11), "input `image` has shape"),
    "out of range": (features(image=[2.0] * 12), "input `image` lies in [2, 2]"),
    "NaN": (features(image=[float("nan")] * 12), "input `image` holds NaN"),
}


@pytest.mark.parametrize("case", WRONG_EXAMPLES)
def test_examples_that_cannot_be_classified(served, case):
    change, told = WRONG_EXAMPLES[case]
    request = asking(kind=classification_pb2.ClassificationRequest)
    change(request)
    code, message = refusal(served.prediction.Classify, request)
    assert code == Code.INVALID_ARGUMENT and told in message


@pytest.mark.parametrize("values", [[b"GIF89a"], [b"", b""], [1.0]])
def test_pictures_that_are_none(served, values):
    request = asking(model="pictures", signature="classify_bytes", kind=classification_pb2.ClassificationRequest)
    request.input.example_list.examples.append(example(image_bytes=values))
    code, message = refusal(served.prediction.Classify, request)
    assert code == Code.INVALID_ARGUMENT and "input `image_bytes`" in message


def test_a_signature_that_neither_classifies_nor_regresses(served):
    request = asking(signature="twice", kind=classification_pb2.ClassificationRequest)
    wrong = "Expected {} signature method_name to be tensorflow/serving/{}. Was: tensorflow/serving/predict"
    told = Code.INVALID_ARGUMENT, wrong.format("classification", "classify")
    assert refusal(served.prediction.Classify, request) == told
    told = Code.INVALID_ARGUMENT, wrong.format("regression", "regress")
    assert refusal(served.prediction.Regress, asking(kind=regression_pb2.RegressionRequest)) == told
    for call, kind in (
        (served.prediction.Regress, regression_pb2.RegressionRequest),
        (served.prediction.Classify, classification_pb2.ClassificationRequest),
    ):
        told = Code.INVALID_ARGUMENT, "No signature was found with the name: other"
        assert refusal(call, asking(signature="other", kind=kind)) == told


CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def tasks(*given):
    """A MultiInferenceRequest of (model, signature, method) for all of `IMAGES`."""
    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in given:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    request.input.example_list.examples.extend(example(image=image.ravel().tolist()) for image in IMAGES)
    return request


def test_multi_inference_is_what_its_tasks_are_alone(served):
    alone = asking(kind=classification_pb2.ClassificationRequest)
    alone.input.CopyFrom(tasks().input)
    answer = served.prediction.MultiInference(tasks(("tiny", "", CLASSIFY)), timeout=PATIENCE)
    assert len(answer.results) == 1
    assert answer.results[0].classification_result == served.prediction.Classify(alone, timeout=PATIENCE).result
    spec = answer.results[0].model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("tiny", 2, "")


WRONG_TASKS = {
    "none": (tasks(), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
    "no name": (tasks(("tiny", "", CLASSIFY), ("", "twice", CLASSIFY)), Code.INVALID_ARGUMENT, "an empty model name"),
    "two models": (tasks(("tiny", "", CLASSIFY), ("pictures", "", CLASSIFY)), Code.INVALID_ARGUMENT, "the same model name"),
    "twice": (
        tasks(("tiny", "", CLASSIFY), ("tiny", "serving_default", CLASSIFY)),
        Code.INVALID_ARGUMENT,
        "Duplicate evaluation of signature: serving_default",
    ),
    "unknown signature": (tasks(("tiny", "x", CLASSIFY)), Code.INVALID_ARGUMENT, "signature not found in model graph: x"),
    "unknown model": (tasks(("none", "", CLASSIFY)), Code.NOT_FOUND, "Servable not found"),
    "regress": (tasks(("tiny", "", REGRESS)), Code.INVALID_ARGUMENT, "Expected regression signature"),
    "predict": (tasks(("tiny", "", "tensorflow/serving/predict")), Code.UNIMPLEMENTED, "Unsupported signature method_name"),
    "no classes": (tasks(("tiny", "twice", CLASSIFY)), Code.INVALID_ARGUMENT, "Expected classification signature"),
    "other inputs": (
        tasks(("tiny", "", CLASSIFY), ("tiny", "twice", CLASSIFY)),
        Code.INVALID_ARGUMENT,
        "Input tensor must be the same",
    ),
}


@pytest.mark.parametrize("case", WRONG_TASKS)
def test_tasks_that_cannot_be_answered_together(served, case):
    request, code, told = WRONG_TASKS[case]
    given, message = refusal(served.prediction.MultiInference, request)
    assert given == code and told in message


def test_metadata_are_signatures_as_tensorflow_writes_them(served):
    request = asking(kind=get_model_metadata_pb2.GetModelMetadataRequest)
    request.metadata_field.append("signature_def")
    answer = served.prediction.GetModelMetadata(request, timeout=PATIENCE)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {"serving_default", "twice"}
    default = signatures.signature_def["serving_default"]
    assert default.method_name == "tensorflow/serving/predict"
    image, label = default.inputs["image"], default.outputs["label"]
    assert image.dtype == tf.float32.as_datatype_enum and [dim.size for dim in image.tensor_shape.dim] == [-1, 4, 3, 1]
    assert label.dtype == tf.int32.as_datatype_enum and [dim.size for dim in label.tensor_shape.dim] == [-1]
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("tiny", 2, "")


@pytest.mark.parametrize("fields, told", [([], "at least one metadata_field"), (["signature_def", "x"], "field x is not")])
def test_metadata_of_another_kind(served, fields, told):
    request = asking(kind=get_model_metadata_pb2.GetModelMetadataRequest)
    request.metadata_field.extend(fields)
    code, message = refusal(served.prediction.GetModelMetadata, request)
    assert code == Code.INVALID_ARGUMENT and told in message


def test_status_of_all_versions_or_of_one(served):
    kind = get_model_status_pb2.GetModelStatusRequest
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    for chosen, numbers in (({}, [2, 1]), ({"version": 1}, [1]), ({"label": "stable"}, [1])):
        told = served.model.GetModelStatus(asking(kind=kind, **chosen), timeout=PATIENCE).model_version_status
        assert [(one.version, one.state, one.status.error_code) for one in told] == [(n, available, 0) for n in numbers]


def test_status_of_a_version_that_is_refused(folder, tmp_path):
    shutil.copytree(folder / "tiny/2", tmp_path / "tiny/2")
    (tmp_path / "tiny/2/model.tflite").write_bytes(b"broken")
    models = make_models([Model("tiny", tmp_path / "tiny")], Options(poll=60.0))
    with pytest.raises(UsageError):
        models.start()
    with Running(models) as served:
        told = served.model.GetModelStatus(asking(kind=get_model_status_pb2.GetModelStatusRequest)).model_version_status
        assert [(one.version, one.state) for one in told] == [(2, get_model_status_pb2.ModelVersionStatus.END)]
        assert told[0].status.error_code == 3 and "model.tflite cannot be opened" in told[0].status.error_message
        assert refusal(served.prediction.Predict, asking()) == (
            Code.NOT_FOUND,
            "Servable not found for request: Latest(tiny)",
        )
        assert refusal(served.prediction.Predict, asking(version=2))[0] == Code.NOT_FOUND


# What is refused


def changed(change=lambda request: None, **options):
    request = asking(**options)
    change(request)
    return request


def filtered(*names):
    return changed(lambda request: request.output_filter.extend(names))


def with_input(**arrays):
    request = asking(None)
    for name, array in arrays.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return request


WRONG = {
    "no spec": (changed(lambda request: request.ClearField("model_spec")), Code.INVALID_ARGUMENT, "Missing ModelSpec"),
    "no name": (asking(model=""), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
    "unknown model": (asking(model="other"), Code.NOT_FOUND, "Servable not found for request: Latest(other)"),
    "a path": (asking(model="../tiny"), Code.NOT_FOUND, "Servable not found for request: Latest(../tiny)"),
    "unknown version": (asking(version=3), Code.NOT_FOUND, "Servable not found for request: Specific(tiny, 3)"),
    "version nought": (asking(version=0), Code.NOT_FOUND, "Specific(tiny, 0)"),
    "version below": (asking(version=-(2**63)), Code.NOT_FOUND, "Specific(tiny, -9223372036854775808)"),
    "unknown label": (asking(label="new"), Code.INVALID_ARGUMENT, "Unrecognized servable version label: new"),
    "empty label": (asking(label=""), Code.INVALID_ARGUMENT, "Unrecognized servable version label: "),
    "unknown signature": (asking(signature="x"), Code.FAILED_PRECONDITION, 'Serving signature key "x" not found.'),
    "no input": (asking(None), Code.INVALID_ARGUMENT, "Missing but required: {image}"),
    "another input": (with_input(picture=IMAGES), Code.INVALID_ARGUMENT, "Send extra: {picture}"),
    "one more input": (with_input(image=IMAGES, more=IMAGES), Code.INVALID_ARGUMENT, "Send extra: {more}"),
    "unknown output": (filtered("label", "score"), Code.INVALID_ARGUMENT, "output tensor alias not found in signature: score"),
    "output twice": (filtered("label", "label"), Code.INVALID_ARGUMENT, "duplicate output tensor alias: label"),
    "double": (asking(IMAGES.astype("float64")), Code.INVALID_ARGUMENT, "input `image` is float64; expected float32"),
    "whole numbers": (asking(IMAGES.astype("int32")), Code.INVALID_ARGUMENT, "input `image` is int32"),
    "texts": (with_input(image=[b"a"]), Code.INVALID_ARGUMENT, "input `image` has shape (1,)"),
    "shape": (asking(IMAGES[..., 0]), Code.INVALID_ARGUMENT, "input `image` has shape (3, 4, 3)"),
    "one example": (asking(IMAGES[0]), Code.INVALID_ARGUMENT, "input `image` has shape (4, 3, 1)"),
    "scalar": (asking(np.float32(1)), Code.INVALID_ARGUMENT, "input `image` has shape ()"),
    "empty": (asking(IMAGES[:0]), Code.INVALID_ARGUMENT, "input `image` is empty"),
    "NaN": (asking(IMAGES * np.float32("nan")), Code.INVALID_ARGUMENT, "input `image` holds NaN"),
    "infinity": (asking(IMAGES + np.float32("inf")), Code.INVALID_ARGUMENT, "input `image` holds NaN or infinity"),
    "range": (asking(IMAGES + 1), Code.INVALID_ARGUMENT, "input `image` lies in [1, 2]"),
    "declared huge": (
        changed(lambda request: request.inputs["image"].tensor_shape.dim.add(size=10**12)),
        Code.INVALID_ARGUMENT,
        "input `image` has shape (3, 4, 3, 1, 1000000000000)",
    ),
    "above the limit": (
        changed(lambda request: request.inputs["image"].tensor_shape.dim.add(size=2**18)),
        Code.INVALID_ARGUMENT,
        "which is more than 1048576 bytes",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_predicted_is_told_as_tensorflow_serving_tells_it(served, case):
    request, code, told = WRONG[case]
    given, message = refusal(served.prediction.Predict, request)
    assert given == code and told in message


def test_long_names_do_not_make_an_error_that_no_client_can_read(served):
    for name in ("x" * 100_000, "😀" * 20_000):
        code, message = refusal(served.prediction.Predict, with_input(**{name: IMAGES}))
        assert code == Code.INVALID_ARGUMENT and len(message.encode()) <= 1500
        assert refusal(served.prediction.Predict, asking(model=name))[0] == Code.NOT_FOUND


def test_status_and_metadata_of_what_is_not_there(served):
    kind = get_model_status_pb2.GetModelStatusRequest
    assert refusal(served.model.GetModelStatus, kind()) == (Code.INVALID_ARGUMENT, "Missing ModelSpec")
    told = Code.NOT_FOUND, "Could not find any versions of model other"
    assert refusal(served.model.GetModelStatus, asking(model="other", kind=kind)) == told
    told = Code.NOT_FOUND, "Could not find version 9 of model tiny"
    assert refusal(served.model.GetModelStatus, asking(version=9, kind=kind)) == told
    kind = get_model_metadata_pb2.GetModelMetadataRequest
    assert refusal(served.prediction.GetModelMetadata, kind(metadata_field=["signature_def"])) == (
        Code.INVALID_ARGUMENT,
        "Missing ModelSpec",
    )
    request = asking(model="other", kind=kind)
    request.metadata_field.append("signature_def")
    assert refusal(served.prediction.GetModelMetadata, request)[0] == Code.NOT_FOUND


METHODS = (
    "tensorflow.serving.PredictionService/Predict",
    "tensorflow.serving.PredictionService/Classify",
    "tensorflow.serving.PredictionService/Regress",
    "tensorflow.serving.PredictionService/MultiInference",
    "tensorflow.serving.PredictionService/GetModelMetadata",
    "tensorflow.serving.ModelService/GetModelStatus",
    "tensorflow.serving.ModelService/HandleReloadConfigRequest",
    "grpc.health.v1.Health/Check",
)


@hypothesis.given(st.sampled_from(METHODS), st.binary(max_size=200))
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_or_answered(served, method, content):
    outcome(served, method, content)


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=300, deadline=None)
def test_a_damaged_request_is_refused_or_answered(served, data):
    content = bytearray(asking(IMAGES[:1], version=2).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    outcome(served, METHODS[0], bytes(content))


def outcome(served, method, content):
    try:
        served.channel.unary_unary(f"/{method}")(content, timeout=PATIENCE)
    except grpc.RpcError as error:
        assert error.code() in REFUSALS and error.details(), (error.code(), error.details())


def test_bytes_that_are_no_request_are_called_so(served):
    for method in METHODS[:-1]:
        code, message = refusal(served.channel.unary_unary(f"/{method}"), b"\xff\xff")
        assert code == Code.INVALID_ARGUMENT and message.startswith("the request is not a tensorflow.serving.")
    assert refusal(served.channel.unary_unary(f"/{METHODS[-1]}"), b"\xff\xff")[0] == Code.INVALID_ARGUMENT
    assert refusal(served.channel.unary_unary("/tensorflow.serving.PredictionService/Other"), b"")[0] == Code.UNIMPLEMENTED


def test_a_message_that_is_too_large(served):
    images = np.zeros((30_000, 4, 3, 1), "float32")
    assert refusal(served.prediction.Predict, asking(images))[0] == Code.RESOURCE_EXHAUSTED
    assert served.prediction.Predict(asking()).outputs


# Load, time, keys, errors


def test_a_full_queue_refuses_at_once_and_answers_what_it_has(make):
    models = make(max_waiting=1, max_batch=1)
    with Running(models) as served:
        with busy(models):
            asked = [served.prediction.Predict.future(asking(IMAGES[:1]), timeout=PATIENCE) for _ in range(6)]
            wait_until(lambda: sum(future.done() for future in asked) >= 4)
            refused = [future for future in asked if future.done()]
            assert {future.code() for future in refused} == {Code.RESOURCE_EXHAUSTED}
            assert "queue is full" in refused[0].details()
        kept = [future for future in asked if future not in refused]
        assert kept and all(future.result(PATIENCE).outputs for future in kept)


def test_all_messages_at_work_together_are_bounded(make):
    models = make()
    size = len(asking().SerializeToString())
    with Running(models, Limits(bodies=4 * size + 1)) as served:  # each counts twice, with the arrays that are made of it
        for _ in range(5):  # what was refused is no longer at work
            refusal(served.prediction.Predict, asking(IMAGES + 1))
        with busy(models):
            kept = [served.prediction.Predict.future(asking(), timeout=PATIENCE) for _ in range(2)]
            wait_until(lambda: models.find("tiny")._users == 2)
            assert refusal(served.prediction.Predict, asking())[0] == Code.RESOURCE_EXHAUSTED
        assert all(future.result(PATIENCE).outputs for future in kept)
        assert served.prediction.Predict(asking(), timeout=PATIENCE).outputs


def test_a_version_that_goes_between_a_question_and_its_queue(make):
    models = make()
    with Running(models) as served:
        models.find("tiny").batcher.stop()
        asked = served.prediction.Predict.future(asking(), timeout=PATIENCE)
        with pytest.raises(grpc.FutureTimeoutError):
            asked.result(0.2)
        models._unload("tiny", 2)
        assert asked.result(PATIENCE).model_spec.version.value == 1


def test_an_answer_that_takes_too_long(make):
    models = make()
    with Running(models, Limits(timeout=0.2)) as served:
        with busy(models):
            assert refusal(served.prediction.Predict, asking()) == (Code.DEADLINE_EXCEEDED, "no answer within 0.2 s")
        assert served.prediction.Predict(asking(), timeout=PATIENCE).outputs


def test_what_a_client_no_longer_waits_for_is_not_computed(make):
    models = make(max_batch=1)
    runs = []
    with Running(models) as served:
        version = models.find("tiny")
        run = version._engine.run
        version._engine.run = lambda signature, inputs: (runs.append(signature), run(signature, inputs))[1]
        with busy(models):
            first = served.prediction.Predict.future(asking(IMAGES[:1]), timeout=PATIENCE)
            wait_until(lambda: version._users == 1 and not version.batcher.waiting)
            with pytest.raises(grpc.RpcError) as caught:
                served.prediction.Predict(asking(IMAGES[:1]), timeout=0.3)
            assert caught.value.code() == Code.DEADLINE_EXCEEDED
            wait_until(lambda: version._users == 1)
        assert first.result(PATIENCE).outputs
        assert served.prediction.Predict(asking(IMAGES[:1]), timeout=PATIENCE).outputs
        assert len(runs) == 2


def test_an_engine_that_fails(make):
    models = make()

    def fail(signature, inputs):
        raise RuntimeError("the engine broke\nsomewhere")

    models.find("tiny")._engine.run = fail
    with Running(models) as served:
        assert refusal(served.prediction.Predict, asking()) == (Code.INTERNAL, "the engine broke")
        assert served.prediction.Predict(asking(version=1), timeout=PATIENCE).outputs


def test_a_key_is_asked_of_everything_but_health(served):
    key = "a-key-of-16-chars"
    with Running(served.models, Limits(key=key)) as keyed:
        calls = (
            (keyed.prediction.Predict, asking()),
            (keyed.prediction.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest()),
            (keyed.model.GetModelStatus, asking(kind=get_model_status_pb2.GetModelStatusRequest)),
            (keyed.model.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()),
        )
        for call, request in calls:
            for given in (None, "", key, f"bearer {key}", f"Bearer {key}x", "Bearer "):
                metadata = None if given is None else (("authorization", given),)
                code, message = refusal(call, request, metadata=metadata)
                assert code == Code.UNAUTHENTICATED and "authorization: Bearer KEY" in message
        assert keyed.prediction.Predict(asking(), metadata=(("authorization", f"Bearer {key}"),)).outputs
        assert keyed.health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING


def test_requests_are_counted_by_model_method_and_code(served):
    metrics = Metrics()
    with Running(served.models, metrics=metrics) as counted:
        counted.prediction.Predict(asking())
        refusal(counted.prediction.Predict, asking(model="made-up"))
        refusal(counted.prediction.Predict, asking(IMAGES + 1))
        refusal(counted.channel.unary_unary(f"/{METHODS[0]}"), b"\xff")
    text = metrics.text().decode()
    assert 'zoo_requests_total{code="OK",method="Predict",model="tiny"} 1.0' in text
    assert 'zoo_requests_total{code="NOT_FOUND",method="Predict",model=""} 1.0' in text
    assert 'zoo_requests_total{code="INVALID_ARGUMENT",method="Predict",model="tiny"} 1.0' in text
    assert 'zoo_requests_total{code="INVALID_ARGUMENT",method="Predict",model=""} 1.0' in text
    assert "made-up" not in text


# Start and stop


def test_a_stop_answers_what_is_in_flight_and_takes_nothing_more(make):
    models = make()
    with Running(models) as served:
        watched = served.health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        with busy(models):
            asked = served.prediction.Predict.future(asking(), timeout=PATIENCE)
            wait_until(lambda: models.find("tiny")._users)
            stopping = served.start(served.server.stop(PATIENCE))
            assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert next(watched, None) is None
            wait_until(lambda: refusal(served.prediction.Predict, asking(model="x"))[0] == Code.UNAVAILABLE)
            assert not asked.done() and not stopping.done()
        assert asked.result(PATIENCE).outputs
        stopping.result(PATIENCE)


def test_a_stop_does_not_wait_longer_than_it_may(make):
    models = make()
    with Running(models) as served, busy(models):
        asked = served.prediction.Predict.future(asking(), timeout=PATIENCE)
        wait_until(lambda: models.find("tiny")._users)
        began = time.monotonic()
        served.run(served.server.stop(0.3))
        assert time.monotonic() - began < 5
        with pytest.raises((grpc.RpcError, grpc.FutureCancelledError)):
            asked.result(PATIENCE)


def test_a_port_in_use_and_an_address_that_is_none(served):
    for address in (f"127.0.0.1:{served.server.port}", "no-such-host.invalid:0", "nonsense"):
        with pytest.raises(UsageError, match=f"gRPC cannot listen on {address}.*--grpc-port"):
            served.run(start_grpc(served.models, address, Limits()))


def test_processes_may_share_a_port_if_they_say_so(served):
    first = served.run(start_grpc(served.models, "127.0.0.1:0", Limits(), shared=True))
    second = served.run(start_grpc(served.models, f"127.0.0.1:{first.port}", Limits(), shared=True))
    assert first.port == second.port
    for server in (first, second):
        served.run(server.stop(0))


def test_tls(served, tmp_path):
    certificate, key = write_certificate(tmp_path)
    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
    files = {"certificate": certificate, "private_key": key}
    with Running(served.models, channel=lambda address: grpc.secure_channel(address, trusted), **files) as secure:
        assert secure.prediction.Predict(asking(), timeout=PATIENCE).outputs
        plain = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(f"127.0.0.1:{secure.server.port}"))
        assert refusal(plain.Predict, asking())[0] == Code.UNAVAILABLE
    for wrong in ({**files, "certificate": tmp_path / "none.pem"}, {**files, "private_key": None}):
        with pytest.raises(UsageError, match="certificate .* cannot be read"):
            served.run(start_grpc(served.models, "127.0.0.1:0", Limits(), **wrong))


# Health


def test_health_of_all_of_a_service_and_of_a_model(served):
    Response = health_pb2.HealthCheckResponse
    services = (
        "",
        "PredictionService",
        "ModelService",
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
    )
    for name in (*services, "tiny", "pictures"):
        assert served.health.Check(health_pb2.HealthCheckRequest(service=name)).status == Response.SERVING
    assert refusal(served.health.Check, health_pb2.HealthCheckRequest(service="other"))[0] == Code.NOT_FOUND
    assert next(served.health.Watch(health_pb2.HealthCheckRequest(service="other"))).status == Response.SERVICE_UNKNOWN


def test_health_while_the_server_drains(served):
    state = State()
    with Running(served.models, state=state) as draining:
        watched = draining.health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        state.draining = True
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", "tiny"):
            told = draining.health.Check(health_pb2.HealthCheckRequest(service=name)).status
            assert told == health_pb2.HealthCheckResponse.NOT_SERVING
        state.draining = False
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING


def test_health_before_anything_is_loaded(folder):
    models = make_models([Model("tiny", folder / "tiny")], Options(poll=60.0))
    with Running(models) as served:
        for name in ("", "tiny"):
            told = served.health.Check(health_pb2.HealthCheckRequest(service=name)).status
            assert told == health_pb2.HealthCheckResponse.NOT_SERVING


# Configuration


def configuration(**models):
    request = model_management_pb2.ReloadConfigRequest()
    request.config.model_config_list.SetInParent()
    for name, path in models.items():
        request.config.model_config_list.config.add(name=name, base_path=str(path), model_platform="tensorflow")
    return request


def test_another_configuration_takes_over(make, folder):
    models = make()
    with Running(models) as served:
        request = configuration(small=folder / "tiny", pictures=folder / "pictures")
        request.config.model_config_list.config[0].model_version_policy.specific.versions.extend([1, 2])
        answer = served.model.HandleReloadConfigRequest(request, timeout=PATIENCE)
        assert answer.status.error_code == 0 and answer.HasField("status")
        assert served.prediction.Predict(asking(model="small", version=1), timeout=PATIENCE).model_spec.version.value == 1
        assert refusal(served.prediction.Predict, asking())[0] == Code.NOT_FOUND
        request.config.model_config_list.config[0].version_labels["canary"] = 2
        served.model.HandleReloadConfigRequest(request, timeout=PATIENCE)
        told = served.prediction.Predict(asking(model="small", label="canary"), timeout=PATIENCE)
        assert told.model_spec.version.value == 2


def labelled(folder, version):
    request = configuration(tiny=folder / "tiny")
    request.config.model_config_list.config[0].version_labels["new"] = version
    return request


WRONG_CONFIGURATIONS = {
    "nothing": (lambda folder: model_management_pb2.ReloadConfigRequest(), "Only ModelConfigList is currently supported"),
    "no models": (lambda folder: configuration(), "model_config_list is empty"),
    "no name": (lambda folder: configuration(**{"": folder / "tiny"}), "has no name"),
    "a relative path": (lambda folder: configuration(tiny="saved_models/tiny"), "model tiny to have an absolute path"),
    "no path": (lambda folder: configuration(tiny=""), "model tiny to have an absolute path"),
    "NUL": (lambda folder: configuration(tiny="/tmp/\0"), "model tiny"),
    "nothing there": (lambda folder: configuration(tiny=folder / "other"), "model tiny has no version to serve"),
    "no version there": (lambda folder: configuration(tiny=folder), "model tiny has no version to serve"),
    "label of no version": (lambda folder: labelled(folder, 9), "label 'new' of tiny"),
}


@pytest.mark.parametrize("case", WRONG_CONFIGURATIONS)
def test_a_configuration_that_makes_no_sense_changes_nothing(served, folder, case):
    request, told = WRONG_CONFIGURATIONS[case][0](folder), WRONG_CONFIGURATIONS[case][1]
    code, message = refusal(served.model.HandleReloadConfigRequest, request)
    assert code == Code.INVALID_ARGUMENT and told in message
    assert served.models.names == ["tiny", "pictures"]
    assert served.prediction.Predict(asking(label="stable")).model_spec.version.value == 1


def test_a_configuration_with_a_model_that_cannot_be_loaded_changes_nothing(make, folder, tmp_path):
    shutil.copytree(folder / "tiny/1", tmp_path / "broken/1")
    (tmp_path / "broken/1/model.tflite").write_bytes(b"broken")
    models = make()
    with Running(models) as served:
        request = configuration(small=folder / "tiny", broken=tmp_path / "broken")
        code, message = refusal(served.model.HandleReloadConfigRequest, request)
        assert code == Code.INVALID_ARGUMENT and message.startswith("model broken did not become available: ")
        assert "model.tflite cannot be opened" in message and models.names == ["tiny", "pictures"]
        assert refusal(served.prediction.Predict, asking(model="small"))[0] == Code.NOT_FOUND
        assert served.prediction.Predict(asking(label="stable"), timeout=PATIENCE).model_spec.version.value == 1


def test_a_configuration_while_the_watch_loads_a_version(folder, tmp_path):
    shutil.copytree(folder / "pictures", tmp_path / "pictures")
    loading, gate = threading.Event(), threading.Event()

    def load(name, number, folder):
        if number == 2:
            loading.set()
            assert gate.wait(PATIENCE)
        return Version(name, number, folder)

    pictures, tiny = Model("pictures", tmp_path / "pictures"), Model("tiny", folder / "tiny", specific=(1,))
    models = Models([pictures, tiny], load, poll=0.01)
    models.start()
    shutil.copytree(folder / "pictures/1", tmp_path / "next")
    (tmp_path / "next").rename(tmp_path / "pictures/2")
    assert loading.wait(PATIENCE)
    configuring = threading.Thread(target=models.configure, args=([pictures],))
    configuring.start()
    configuring.join(0.5)  # it may wait for the watch, or not
    gate.set()
    configuring.join(PATIENCE)
    wait_until(lambda: models.names == ["pictures"] and models.available("pictures") == [2])
    shutil.copytree(folder / "pictures/1", tmp_path / "next")
    (tmp_path / "next").rename(tmp_path / "pictures/3")
    wait_until(lambda: models.available("pictures") == [3])
    models.stop()


SNAKE = {
    "model_config_list": {
        "config": [
            {"name": "a", "base_path": "models/a", "model_platform": "tensorflow"},
            {"name": "b", "base_path": "/b", "model_version_policy": {"specific": {"versions": [1, "3"]}}},
            {"name": "c", "base_path": "c", "model_version_policy": {"all": {}}, "version_labels": {"stable": 4, "new": "5"}},
            {"name": "d", "base_path": "d", "model_version_policy": {"latest": {"num_versions": 2}}},
        ]
    }
}


def camel(value):
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {"".join(part.capitalize() if i else part for i, part in enumerate(k.split("_"))): camel(v) for k, v in value.items()}


@pytest.mark.parametrize("spelt", [lambda content: content, camel], ids=["snake_case", "camelCase"])
def test_models_json(tmp_path, spelt):
    file = tmp_path / "models.json"
    file.write_text(json.dumps(spelt(SNAKE)))
    first, second, third, fourth = read_config(file)
    assert (first.name, first.folder, first.latest, first.specific, first.every) == ("a", tmp_path / "models/a", 1, (), False)
    assert str(second.folder) == "/b" and second.specific == (1, 3)
    assert third.every and third.labels == {"stable": 4, "new": 5}
    assert fourth.latest == 2 and not fourth.every


def config(*models):
    return json.dumps({"model_config_list": {"config": list(models)}})


WRONG_FILES = {
    "empty": ("", "Only ModelConfigList"),
    "no JSON": ("{", "is not a ModelServerConfig"),
    "a list": ("[]", "Only ModelConfigList"),
    "another field": ('{"models": []}', "is not a ModelServerConfig"),
    "no models": (config(), "model_config_list is empty"),
    "no list": ("{}", "Only ModelConfigList"),
    "twice": (config({"name": "a", "base_path": "a"}, {"name": "a", "base_path": "b"}), "list model a multiple times"),
    "no path": (config({"name": "a"}), "Expected model a to have"),
    "no name": (config({"base_path": "a"}), "has no name"),
    "platform": (config({"name": "a", "base_path": "a", "model_platform": "caffe"}), "unsupported platform caffe"),
    "no versions": (
        config({"name": "a", "base_path": "a", "model_version_policy": {"specific": {}}}),
        "model a names no specific version",
    ),
    "a version of no kind": (
        config({"name": "a", "base_path": "a", "model_version_policy": {"specific": {"versions": ["x"]}}}),
        "is not a ModelServerConfig",
    ),
    "no text": (b"\xff\xfe", "is not a ModelServerConfig"),
    "deep": ("[" * 100_000, "is not a ModelServerConfig"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_models_json_that_cannot_be_used_is_told_in_one_line(tmp_path, case):
    content, told = WRONG_FILES[case]
    file = tmp_path / "models.json"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        read_config(file)
    assert told in str(caught.value) and str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_a_models_json_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="models.json cannot be read .No such file"):
        read_config(tmp_path / "models.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path)
