"""Which file of a version answers, and files that bring no contract."""

import base64
import json
import pathlib
import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from served import Served, write_classifier

from zoo import engines, export
from zoo.data.contract import Contract, Field
from zoo.engines import open_engine
from zoo.errors import UsageError
from zoo.machine import machine
from zoo.serve.choice import open_fastest
from zoo.serve.signature import AnyShape, Signature, Texts, contract_of
from zoo.serve.version import Version

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(0).random((5, 3), "float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    vector = keras.Input((3,), name="vector")
    return keras.Model(vector, keras.layers.Dense(2, kernel_initializer="random_normal", name="score")(vector))


@pytest.fixture(scope="module")
def both(model, tmp_path_factory):
    """A version with a LiteRT and an ONNX file."""
    folder = tmp_path_factory.mktemp("both") / "scores" / "1"
    export.litert(model, folder / "model.tflite")
    export.onnx(model, folder / "model.onnx")
    return folder


def read(path):
    return json.loads(path.read_text())


def chosen(folder, report, golden=None):
    return open_fastest(folder, read(folder / "contract.json"), golden or [], report)


def report(litert, onnx, where=None):
    times = {"litert": litert, "onnx": onnx}
    return {"machine": where or machine(), "files": {name: {"latency_ms": ms} for name, ms in times.items()}}


@pytest.mark.parametrize(
    ("litert", "onnx", "faster"),
    [
        ({"1": 0.1, "32": 2.0}, {"1": 0.2, "32": 3.0}, "litert"),
        ({"1": 0.65, "32": 9.7}, {"1": 0.26, "32": 2.3}, "onnx"),  # `stacked_lstm`
        ({"1": 0.56, "32": 7.1}, {"1": 1.71, "32": 5.5}, "litert"),  # `seq2seq`: slower at 32, but much faster at 1
        ({"1": 0.1}, {"1": 0.2, "32": 1.0}, "onnx"),  # a fixed batch of 1 is called 32 times
        ({"16": 1.0}, {"1": 2.0, "32": 3.0}, "litert"),
    ],
)
def test_the_faster_file_of_the_export_is_chosen(both, litert, onnx, faster):
    opened = chosen(both, report(litert, onnx))
    assert opened.name == faster and "measured at its export" in opened.why and opened.why.startswith(faster)


def test_a_file_that_was_not_chosen_is_not_opened(both, tmp_path):
    folder = tmp_path / "scores/1"
    shutil.copytree(both, folder)
    (folder / "model.onnx").write_bytes(b"broken")
    assert chosen(folder, report({"1": 1, "32": 1}, {"1": 2, "32": 2})).name == "litert"
    slow = chosen(folder, report({"1": 2, "32": 2}, {"1": 1, "32": 1}))
    assert slow.name == "litert", "where the faster one does not open, the other one answers"


def test_files_are_timed_where_the_machine_is_another(both, tmp_path, monkeypatch):
    """One engine is made slow, and export.json says the opposite, of another machine."""

    class Slow(engines.LiteRTEngine):
        def run(self, signature, inputs):
            time.sleep(0.01)
            return super().run(signature, inputs)

    golden = read(both / "golden.json")
    elsewhere = report({"1": 0.001, "32": 0.001}, {"1": 9.0, "32": 9.0}, where="another machine")
    monkeypatch.setattr(engines, "LiteRTEngine", Slow)
    opened = chosen(both, elsewhere, golden)
    assert opened.name == "onnx" and "measured here" in opened.why
    assert chosen(both, {**elsewhere, "machine": machine()}, golden).name == "litert"


def test_a_file_with_more_signatures_is_preferred(both):
    contract = read(both / "contract.json")
    one = contract["signatures"]["serving_default"]
    contract["signatures"]["encode"] = {**one, "formats": ["litert"]}
    assert open_fastest(both, contract, [], report({"1": 2.0, "32": 2.0}, {"1": 1.0, "32": 1.0})).name == "litert"


# Contracts beside files


def test_what_the_functions_export_is_served_by_its_contract(model, tmp_path):
    contract = Contract({"vector": Field("float32", (3,), 0.0, 1.0)}, classes=("no", "yes"))
    folder = tmp_path / "scores/1"
    export.saved_model(model, folder, contract=contract)
    export.litert(model, folder / "model.tflite", contract=contract)
    export.onnx(model, folder / "model.onnx", contract=contract)
    written = read(folder / "contract.json")
    assert written["signatures"]["serving_default"]["formats"] == ["litert", "onnx", "saved_model"]
    assert written["classes"] == ["no", "yes"] and set(read(folder / "export.json")["files"]) == {"litert", "onnx", "saved_model"}
    right = model.predict(ROWS, verbose=0)
    for engine in ("litert", "onnx", "saved_model"):
        version = Version("scores", 1, folder, engine)
        signature, answers = version.signature(), []
        assert version.made_from is None and version.engine == engine
        with pytest.raises(UsageError, match=r"`vector` lies in \[2, 2\]"):
            version.answer(signature, {"vector": np.full((1, 3), 2, "float32")}, answers.append)
        version.answer(signature, {"vector": ROWS}, answers.append)
        version.close(1)
        np.testing.assert_allclose(answers[0]["score"], right, atol=1e-6)


def test_what_describes_another_file_is_left_alone(model, tmp_path):
    other = keras.Model(x := keras.Input((4,), name="other"), keras.layers.Dense(1, name="score")(x))
    export.litert(model, tmp_path / "first.tflite")
    before = read(tmp_path / "contract.json")
    export.litert(other, tmp_path / "second.tflite")
    assert read(tmp_path / "contract.json") == before
    (tmp_path / "first.tflite").unlink()
    export.litert(other, tmp_path / "third.tflite")
    assert set(read(tmp_path / "contract.json")["signatures"]["serving_default"]["inputs"]) == {"other"}
    mine = {"mine": True}
    (tmp_path / "export.json").write_text(json.dumps(mine))
    export.onnx(model, tmp_path / "model.onnx")
    assert read(tmp_path / "export.json") == mine


def test_a_quantized_file_is_served_by_what_it_may_differ(model, tmp_path):
    export.litert(model, tmp_path / "scores/1/model.tflite", quantize="dynamic")
    Version("scores", 1, tmp_path / "scores/1").close(1)


# Exports made elsewhere


class Elsewhere(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="v")])
    def total(self, v):
        return {"sum": tf.reduce_sum(v, 0)}

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.string, name="t")])
    def upper(self, t):
        return {"u": tf.strings.upper(t)}


def half_plus_two(folder):
    """TensorFlow Serving's example: a graph of TensorFlow 1 with a signature of numbers and one of tf.Examples."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        a, b = v1.get_variable("a", initializer=0.5), v1.get_variable("b", initializer=2.0)
        examples = v1.placeholder(tf.string, name="tf_example")
        x = tf.identity(tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"], name="x")
        y = tf.add(tf.multiply(a, x), b, name="y")
        session.run(v1.global_variables_initializer())
        info, define = v1.saved_model.utils.build_tensor_info, v1.saved_model.signature_def_utils.build_signature_def
        signatures = {
            "serving_default": define({"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"),
            "regress_x_to_y": define({"inputs": info(examples)}, {"outputs": info(y)}, "tensorflow/serving/regress"),
        }
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()


def test_exports_made_elsewhere_are_served(model, tmp_path):
    half_plus_two(tmp_path / "half_plus_two/00000123")
    model.export(str(tmp_path / "keras/1"), verbose=False)
    elsewhere = Elsewhere()
    signatures = {"serving_default": elsewhere.total, "upper": elsewhere.upper}
    tf.saved_model.save(elsewhere, str(tmp_path / "module/1"), signatures=signatures)
    (tmp_path / "litert/1").mkdir(parents=True)
    (tmp_path / "litert/1/any.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    model.export(str(tmp_path / "net.onnx"), format="onnx", verbose=False)
    (tmp_path / "onnx/1").mkdir(parents=True)
    (tmp_path / "net.onnx").rename(tmp_path / "onnx/1/net.onnx")
    server = Served(tmp_path)
    assert server.predict({"instances": [1.0, 2.0, 5.0]}, "half_plus_two") == (200, {"predictions": [2.5, 3.0, 4.5]})
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(4.0)
    packed = {"b64": base64.b64encode(example.SerializeToString()).decode()}
    asked = {"signature_name": "regress_x_to_y", "inputs": [packed]}
    assert server.predict(asked, "half_plus_two") == (200, {"outputs": [[4.0]]})
    right = model.predict(ROWS, verbose=0)
    for name in ("keras", "litert", "onnx"):
        code, answer = server.predict({"instances": ROWS.tolist()}, name)
        assert code == 200
        np.testing.assert_allclose(answer["predictions"], right, atol=1e-6)
        for wrong, told in ([[1, 2]], "expected (batch, 3)"), ([[1, 2, float("nan")]], "holds NaN"), ([["a", "b", "c"]], "texts"):
            code, answer = server.predict(json.dumps({"instances": wrong}), name)
            assert code == 400 and told in answer["error"]
    # Nothing says that rows of a sum can be put together, so that each request is run alone.
    assert server.predict({"inputs": [[1, 2], [3, 4]]}, "module") == (200, {"outputs": [4.0, 6.0]})
    assert server.predict({"signature_name": "upper", "instances": [["ab"], ["c"]]}, "module") == (
        200,
        {"predictions": [["AB"], ["C"]]},
    )
    assert server.predict({"signature_name": "upper", "instances": ["ab"]}, "module")[0] == 400
    code, answer = server("GET", "/v1/models/keras")
    assert answer["model_version_status"][0]["status"]["error_message"] == "contract made from saved_model.pb"
    shown = {one["name"]: one["contract"]["made_from"] for one in server("GET", "/v1/zoo")[1]["models"]}
    assert shown["litert"] == "any.tflite"
    assert any("keras version 1 is served by saved_model (contract made from saved_model.pb)" in line for line in server.lines)
    code, answer = server("GET", "/v1/models/half_plus_two/metadata")
    assert answer["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]["tensor_shape"]["unknown_rank"]
    assert server("GET", "/readyz")[0] == 200 and server.end() == 0


class Described:
    """An engine of which only the description is asked."""

    def __init__(self, **signatures):
        self.signatures = self._described = signatures

    def describe(self, signature):
        return self._described[signature]


def test_a_contract_made_from_signatures():
    free, ones, mixed = [None, 3], [1, 3], [None]
    engine = Described(
        rows=({"x": ("float32", free)}, {"y": ("int32", mixed)}),
        one=({"x": ("float32", ones)}, {"y": ("float32", ones)}),
        alone=({"x": ("float32", free)}, {"y": ("float32", [])}),
        any=({"x": ("float32", None)}, {"y": ("float32", None)}),
        texts=({"x": ("string", [None, 1])}, {"y": ("float32", [None])}),
        variant=({"x": ("variant", [])}, {"y": ("float32", free)}),
    )
    made = contract_of("net", engine, "onnx", "net.onnx")
    found = {name: Signature(name, one, {}) for name, one in made["signatures"].items()}
    assert made["made_from"] == "net.onnx" and set(found) == {"rows", "one", "alone", "any", "texts"}
    assert [name for name, one in found.items() if one.is_batched] == ["rows", "one", "texts"] and found["one"].batch == 1
    assert found["any"].fields["x"] == AnyShape("float32") and found["texts"].fields["x"] == Texts((None, 1))
    assert found["rows"].check({"x": np.zeros((4, 3), "float32")}) == 4
    assert found["alone"].check({"x": np.zeros((4, 3), "float32")}) is None
    with pytest.raises(UsageError, match="`x` holds NaN"):
        found["any"].check({"x": np.array([np.nan], "float32")})
    with pytest.raises(UsageError, match="no signature that can be served .*variant"):
        contract_of("net", Described(variant=({"x": ("variant", [])}, {"y": ("float32", free)})), "onnx", "net.onnx")


def test_keys_of_a_contract_that_are_not_known_are_left_alone(tmp_path):
    folder = write_classifier(tmp_path / "tiny/1")
    contract = read(folder / "contract.json")
    for signature in contract["signatures"].values():
        for one in (*signature["inputs"].values(), *signature["outputs"].values()):
            one["kind"] = "image"
    (folder / "contract.json").write_text(json.dumps({**contract, "more": [1]}))
    Version("tiny", 1, folder).close(1)


def test_a_lite_file_without_signatures(model, tmp_path):
    concrete = tf.function(lambda v: tf.matmul(v, tf.ones((3, 2)))).get_concrete_function(tf.TensorSpec((1, 3), tf.float32))
    content = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    path = pathlib.Path(tmp_path) / "plain.tflite"
    path.write_bytes(content)
    engine = open_engine(path)
    if not engine._interpreter.get_signature_list():
        ((name,), (output,)) = engine.signatures["serving_default"]
        for rows in (1, 4):
            answer = engine.run("serving_default", {name: np.ones((rows, 3), "float32")})
            np.testing.assert_array_equal(answer[output], np.full((rows, 2), 3, "float32"))
