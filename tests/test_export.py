"""Exported files answer as Keras does, and failures leave nothing; judged by the runtimes themselves, not by the proof inside."""

import collections
import contextlib
import gc
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

import hypothesis.strategies as st
import keras
import numpy as np
import onnx as onnx_library
import onnxruntime
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from disk import small_disk
from hypothesis import Phase, given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from keras import layers, ops
from small import SMALL
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from zoo import export
from zoo import files as files_module
from zoo.data.contract import Contract, Field
from zoo.endpoints import DEFAULT, Endpoint, classifier
from zoo.engines import open_engine, read_arrays, reason_of, write_arrays
from zoo.errors import RunError, UsageError
from zoo.export.check import answers_of, difference, prove
from zoo.export.flatbuffer import read_metadata
from zoo.export.graph import as_endpoints, as_function, fields_of
from zoo.export.litert import write_litert
from zoo.export.onnx import write_onnx
from zoo.export.recurrent import folded_time, fused_loops, portable_loops
from zoo.export.requests import make_requests
from zoo.export.saved_model import write_saved_model
from zoo.files import appearing
from zoo.models import seq2seq, stacked_lstm

pytestmark = pytest.mark.slow

FILES = {"litert": "model.tflite", "onnx": "model.onnx", "saved_model": "1"}
# The seed of each, with whose weights decoders write many different sequences, some of which have an end.
SEQ2SEQ = {
    "seq2seq": 2,
    "seq2seq, lstm": 10,
    "seq2seq, additive, bidirectional lstm": 1,
    "seq2seq, dot, bidirectional gru": 1,
}
every_format = pytest.mark.parametrize("form", FILES)


def trained(model, seed=1, scale=0.4):
    """Its weights, biases too, are like those of no new network."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(generator.normal(size=weight.shape, scale=scale))
    return model


def written(form, model, folder, signatures=None, **options):
    """The path of an exported file that nothing has compared with Keras yet."""
    endpoints, path = as_endpoints(model, signatures), folder / FILES[form]
    if form == "onnx":
        write_onnx(endpoints, path, **options)
    elif form == "litert":
        write_litert(endpoints, path, fields_of(endpoints), **options)
    else:
        write_saved_model(endpoints, path, fields_of(endpoints, **options))
    return path


def opened(path):
    """What a file answers in its own runtime: a function of {input: array} and a signature."""
    if path.suffix == ".tflite":
        interpreter = Interpreter(str(path))
        runners = {name: interpreter.get_signature_runner(name) for name in interpreter.get_signature_list()}
        return lambda inputs, signature=DEFAULT: runners[signature](**inputs)
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))
    model = tf.saved_model.load(str(path))

    def answer(inputs, signature=DEFAULT):
        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        return {name: output.numpy() for name, output in model.signatures[signature](**tensors).items()}

    answer.keeps = model  # its functions die with it
    return answer


def by_keras(model, inputs):
    outputs = model(inputs, training=False)
    outputs = outputs if isinstance(outputs, dict) else {model.output_names[0]: outputs}
    return {name: np.asarray(output) for name, output in outputs.items()}


def assert_near(given, expected, tolerance=1e-5):
    """Within the tolerance, of the value where that is beyond 1; whole numbers are equal."""
    assert set(given) == set(expected)
    for name, right in expected.items():
        exact = right.dtype.kind != "f"
        bounds = {"rtol": 0, "atol": 0} if exact else {"rtol": tolerance, "atol": tolerance}
        np.testing.assert_allclose(given[name], right, **bounds, strict=True, err_msg=name)


def operators(path):
    """How often each operation is in a `.tflite` file, those of loops and branches too."""
    model = flatbuffer_utils.read_model(str(path))
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    found = (model.operatorCodes[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators)
    return collections.Counter(names[code.builtinCode] if code.customCode is None else code.customCode.decode() for code in found)


def assert_is_plain(path):
    """The stock runtime has all its operations: none is of TensorFlow, none is custom."""
    assert operators(path)
    assert not [name for name in operators(path) if name == "CUSTOM" or not name.isupper()]


def made_up(model, batch, length, seed=0):
    """Inputs of the right shapes: normal, or token numbers with padding anywhere, all of the second example."""
    generator, inputs = np.random.default_rng(seed), {}
    for tensor in model.inputs:
        shape = [batch, *(length if size is None else size for size in tensor.shape[1:])]
        if tensor.dtype == "int32":
            tokens = generator.integers(0, 5, shape)
            tokens[1:2] = 0
            inputs[tensor.name] = tokens.astype("int32")
        else:
            inputs[tensor.name] = generator.standard_normal(shape).astype(tensor.dtype)
    return inputs


def tokens_of(name, batch, length):
    """Sources of different lengths."""
    inputs = SMALL[name].inputs(batch, length)
    for row in range(batch):
        inputs["source"][row, length - row % length :] = 0
    return inputs


@pytest.fixture(scope="module", autouse=True)
def what_is_imported_is_no_garbage():
    """Converters collect garbage at every turn, and would look through all of TensorFlow each time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, of temporary files too: whatever is left behind lies there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


# Every network, and everything that is recurrent.


@pytest.mark.parametrize("form", ["litert", "onnx"])
@pytest.mark.parametrize("name", SMALL)
def test_every_network_answers_as_keras_for_any_batch_and_length(name, form, tmp_path):
    model = trained(SMALL[name].build())
    path = written(form, model, tmp_path)
    answer = opened(path)
    for batch, length in ((1, 6), (7, 11), (2, 1)):
        inputs = tokens_of(name, batch, length) if name in SEQ2SEQ else SMALL[name].inputs(batch, length)
        assert_near(answer(inputs), by_keras(model, inputs))
    if form == "litert":
        assert_is_plain(path)


@pytest.mark.parametrize("name", ["mnist_cnn", "seq2seq, additive, bidirectional lstm"])
def test_a_network_answers_as_keras_in_a_saved_model(name, tmp_path):
    model = trained(SMALL[name].build())
    answer = opened(written("saved_model", model, tmp_path))
    for batch, length in ((1, 6), (2, 1), (7, 11)):
        inputs = tokens_of(name, batch, length) if name in SEQ2SEQ else SMALL[name].inputs(batch, length)
        assert_near(answer(inputs), by_keras(model, inputs))


def decoders_of(name):
    """The greedy and the beam decoder of a network whose sequences end early, late or not at all."""
    model = trained(SMALL[name].build(), SEQ2SEQ[name], 1.5)
    return {"greedy": seq2seq.greedy_decoder(model, 6), "beam": seq2seq.beam_decoder(model, 3, 1.0, 6)}


def assert_decodes(answer, decoder, name):
    for batch, length in ((7, 6), (1, 3), (2, 8)):
        source = {"source": tokens_of(name, batch, length)["source"]}
        expected = by_keras(decoder, source)
        assert_near(answer(source), expected)
        if batch == 7:
            tokens = expected["tokens"].reshape(-1, 6)
            assert len(np.unique(tokens, axis=0)) > 3 and 0 < (tokens == seq2seq.END).any(axis=1).mean() < 1


@pytest.mark.parametrize("name", SEQ2SEQ)
def test_decoders_write_the_same_tokens_in_litert(name, tmp_path):
    decoders = decoders_of(name)
    path = written("litert", decoders["greedy"], tmp_path, {"beam": decoders["beam"]})
    answer = opened(path)
    assert_decodes(answer, decoders["greedy"], name)
    assert_decodes(lambda inputs: answer(inputs, "beam"), decoders["beam"], name)
    assert_is_plain(path)


@pytest.mark.parametrize(("name", "search"), [("seq2seq", "beam"), ("seq2seq, additive, bidirectional lstm", "greedy")])
def test_decoders_write_the_same_tokens_in_onnx(name, search, tmp_path):
    decoder = decoders_of(name)[search]
    assert_decodes(opened(written("onnx", decoder, tmp_path)), decoder, name)


@keras.saving.register_keras_serializable("tests")
class Cell(layers.Layer):
    """A cell that Keras does not have: three states of two sizes, and weights of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size, self.output_size, self.units = [units, 3, units], units, units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1] + self.units, 2 * self.units))
        self.trace_kernel = self.add_weight(shape=(3, self.units))
        self.start = self.add_weight(shape=(self.units,))

    def call(self, x, states, training=False):
        memory, trace, last = states
        gate, candidate = ops.split(ops.matmul(ops.concatenate([x, last], -1), self.kernel), 2, axis=-1)
        memory = ops.sigmoid(gate) * memory + ops.tanh(candidate + ops.matmul(trace, self.trace_kernel))
        output = ops.tanh(memory + self.start)
        return output, [memory, 0.5 * trace + output[:, :3], output - last]


def masked_tokens():
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    return tokens, layers.Embedding(5, 4, mask_zero=True)(tokens)


def own_cell():
    tokens, x = masked_tokens()
    x, *states = layers.RNN(Cell(6), return_sequences=True, return_state=True)(x)
    outputs = {"sequence": x, **{f"state{index}": state for index, state in enumerate(states)}}
    return keras.Model(tokens, {**outputs, "both": layers.Bidirectional(layers.RNN(Cell(5)))(x)})


def merge_modes():
    tokens, x = masked_tokens()
    kinds = {"sum": layers.LSTM, "mul": layers.GRU, "ave": layers.SimpleRNN, "concat": layers.LSTM}
    outputs = {
        mode: layers.Bidirectional(kind(3, return_sequences=mode == "ave"), merge_mode=mode)(x) for mode, kind in kinds.items()
    }
    first, second = layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode=None)(x)
    return keras.Model(tokens, {**outputs, "first": first, "second": second})


def masks():
    tokens, x = masked_tokens()
    outputs = {"holding": layers.SimpleRNN(3, return_sequences=True, activation="relu")(x)}
    outputs["zero"] = layers.SimpleRNN(3, return_sequences=True, zero_output_for_mask=True)(x)
    outputs["zero_last"] = layers.GRU(3, reset_after=True)(
        layers.RNN(Cell(4), return_sequences=True, zero_output_for_mask=True)(x)
    )
    outputs["backwards"] = layers.LSTM(3, go_backwards=True, return_sequences=True, use_bias=False)(x)
    return keras.Model(tokens, outputs)


def states():
    frames, start = keras.Input((None, 4), name="frames"), keras.Input((6,), name="start")
    x, state = layers.GRU(6, reset_after=False, go_backwards=True, return_sequences=True, return_state=True)(
        frames, initial_state=start
    )
    cells = [layers.LSTMCell(5), Cell(4), layers.GRUCell(6)]
    y, *inner = layers.RNN(cells, return_sequences=True, return_state=True)(x)
    last, h, c = layers.LSTM(6, return_state=True, recurrent_activation="hard_sigmoid")(y, initial_state=[start, state])
    outputs = {"x": x, "state": state, "y": y, "last": last, "h": h, "c": c, "timed": layers.TimeDistributed(layers.Dense(2))(y)}
    flat = {f"inner{index}": tensor for index, tensor in enumerate(keras.tree.flatten(inner))}
    return keras.Model([frames, start], {**outputs, **flat})


def convolutions():
    frames = keras.Input((None, 6, 2), name="frames")
    x = layers.ConvLSTM1D(3, 3, padding="same", return_sequences=True)(frames)
    every_step = layers.TimeDistributed(layers.LSTM(3))(frames)
    return keras.Model(frames, {"sequence": x, "last": layers.ConvLSTM1D(2, 3, go_backwards=True)(x), "every_step": every_step})


@pytest.mark.parametrize("build", [own_cell, merge_modes, masks, states, convolutions])
def test_any_recurrent_layer_is_a_loop_of_litert_for_any_batch_and_length(build, tmp_path):
    model = trained(build())
    path = written("litert", model, tmp_path)
    answer = opened(path)
    for batch, length in ((1, 5), (3, 1), (4, 12), (2, 5)):
        inputs = made_up(model, batch, length)
        assert_near(answer(inputs), by_keras(model, inputs))
    assert_is_plain(path)
    assert operators(path)["WHILE"]


@pytest.mark.parametrize("build", [own_cell, states])
def test_recurrent_layers_answer_as_keras_in_onnx(build, tmp_path):
    model = trained(build())
    answer = opened(written("onnx", model, tmp_path))
    for batch, length in ((1, 5), (4, 12)):
        inputs = made_up(model, batch, length)
        assert_near(answer(inputs), by_keras(model, inputs))


def recurrent(kind, both, go_backwards, zero_output_for_mask):
    options = {"return_sequences": True, "zero_output_for_mask": zero_output_for_mask, "go_backwards": go_backwards and not both}
    layer = kind(3, **options) if issubclass(kind, layers.RNN) else layers.RNN(kind(3), **options)
    return layers.Bidirectional(layer) if both else layer


KINDS = st.sampled_from([layers.LSTM, layers.GRU, layers.SimpleRNN, Cell, layers.LSTMCell])
STACKS = st.lists(st.builds(recurrent, KINDS, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=2)


@given(STACKS, st.booleans(), st.integers(1, 4), st.integers(1, 7))
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_any_stack_of_recurrent_layers_answers_as_keras(stack, masked, batch, length):
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Embedding(5, 4, mask_zero=masked)(tokens)
    for layer in stack:
        x = layer(x)
    model = trained(keras.Model(tokens, {"sequence": x, "last": layers.GRU(3)(x)}))
    with tempfile.TemporaryDirectory() as folder:
        answer = opened(written("litert", model, pathlib.Path(folder)))
        for inputs in (made_up(model, batch, length), made_up(model, batch + 1, length + 2)):
            assert_near(answer(inputs), by_keras(model, inputs))


@pytest.mark.parametrize("loops", [portable_loops, fused_loops, folded_time])
def test_keras_is_as_it_was_after_its_loops_were_changed(loops):
    classes = (layers.RNN, layers.LSTM, layers.GRU, layers.SimpleRNN, layers.ConvLSTM1D, layers.TimeDistributed)
    before = [dict(vars(cls)) for cls in classes]
    with loops():
        assert [dict(vars(cls)) for cls in classes] != before
    assert [dict(vars(cls)) for cls in classes] == before
    with pytest.raises(KeyError), loops():
        raise KeyError
    assert [dict(vars(cls)) for cls in classes] == before


# Names.


def unnamed(turned=False):
    """A network of two inputs and three outputs, its layers built in one order or the other; only `rating` has a name."""
    first, second = (keras.Input((size,)) for size in ((4, 3) if turned else (3, 4)))
    first, second = (second, first) if turned else (first, second)
    joined = layers.Concatenate()([first, second])
    heads = {size: layers.Dense(size) for size in ((5, 2) if turned else (2, 5))}
    return keras.Model([first, second], [heads[2](joined), heads[5](joined), layers.Dense(1, name="rating")(joined)])


def shapes_in(form, path):
    """{name: width} of inputs and outputs, as the runtime itself tells them."""
    if form == "litert":
        interpreter = Interpreter(str(path))
        runner = interpreter.get_signature_runner(DEFAULT)
        sides = (runner.get_input_details(), runner.get_output_details())
        return [{name: int(details["shape_signature"][-1]) for name, details in side.items()} for side in sides]
    if form == "onnx":
        session = onnxruntime.InferenceSession(str(path))
        return [{value.name: value.shape[-1] for value in side} for side in (session.get_inputs(), session.get_outputs())]
    function = tf.saved_model.load(str(path)).signatures[DEFAULT]
    sides = (function.structured_input_signature[1], function.structured_outputs)
    return [{name: spec.shape[-1] for name, spec in side.items()} for side in sides]


@every_format
def test_names_are_the_same_in_every_format_whatever_was_built_before(form, tmp_path):
    expected = [{"input_0": 3, "input_1": 4}, {"output_0": 2, "output_1": 5, "rating": 1}]
    for turned in (False, True):
        folder = tmp_path / str(turned)
        folder.mkdir()
        model = trained(unnamed(turned))
        path = written(form, model, folder)
        assert shapes_in(form, path) == expected
        x, y = np.ones((2, 3), "float32"), np.full((2, 4), 2, "float32")
        outputs = dict(zip(expected[1], map(np.asarray, model([x, y]))))
        assert_near(opened(path)({"input_0": x, "input_1": y}), outputs)
        unnamed()


@every_format
def test_a_single_input_and_output_without_a_name_have_no_number(form, tmp_path):
    x = keras.Input((3,))
    assert shapes_in(form, written(form, keras.Model(x, ops.tanh(x)), tmp_path)) == [{"input": 3}, {"output": 3}]


def named(**outputs):
    def build():
        x = keras.Input((3,), name="x")
        return keras.Model(x, {name: layers.Dense(2, name=layer)(x) for name, layer in outputs.items()})

    return build


def nested():
    x = keras.Input((3,), name="x")
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    return keras.Model(x, [inner(x), layers.Dense(2, name="mine")(x), ops.sigmoid(x), x * 2])


def twice():
    x, layer = keras.Input((3,), name="x"), layers.Dense(3, name="shared")
    return keras.Model(x, [layer(x), layer(layer(x))])


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (named(a="first", b="second"), "a b"),
        (named(b=None, a=None), "b a"),
        (nested, "output_0 mine output_2 output_3"),
        (twice, "shared_0 shared_1"),
        (lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2, name="logits")]), "logits"),
        (lambda: keras.Sequential([keras.Input((3,)), layers.Dense(2, name="head"), layers.ReLU()]), "output"),
    ],
)
def test_an_endpoint_names_its_outputs_and_gives_them_by_name(build, names):
    model = trained(build())
    endpoint, inputs = Endpoint(model), np.ones((4, 3), "float32")
    assert sorted(endpoint.outputs) == sorted(names.split())
    outputs = model(inputs)
    expected = outputs if isinstance(outputs, dict) else dict(zip(names.split(), keras.tree.flatten(outputs), strict=True))
    (name,) = endpoint.inputs
    for answer in (endpoint({name: inputs}), endpoint.predict({name: inputs, "other": inputs}, batch_size=3)):
        assert_near({key: np.asarray(value) for key, value in answer.items()}, {k: np.asarray(v) for k, v in expected.items()})


@pytest.mark.parametrize("name", ["a b", "a-b", "a/b", "1a", "_a", "ä", "class", "self"])
def test_a_name_that_some_runtime_refuses_is_refused(name):
    x = keras.Input((3,), name="x")
    models = [keras.Model(x, {name: ops.tanh(x)})]
    if "/" not in name:  # which Keras itself refuses for an input
        models.append(keras.Model(y := keras.Input((3,), name=name), y + 1))
    for model in models:
        with pytest.raises(UsageError, match=f"'{name}' cannot be the name"):
            Endpoint(model)


@every_format
def test_inputs_of_any_structure_and_outputs_that_are_inputs_keep_their_names(form, tmp_path):
    """An input that nothing reads, one that is an output itself, one tensor under two names, whole numbers and truth values."""
    x, unread = keras.Input((3,), name="x"), keras.Input((2,), name="unread")
    flags = keras.Input((3,), dtype="bool", name="flags")
    y = ops.where(flags, x, -x)
    model = keras.Model({"a": [x, {"c": unread}], "b": flags}, {"y": y, "again": y, "same": x, "large": ops.cast(y > 0, "int32")})
    inputs = {"x": np.eye(3, dtype="float32") - 0.5, "unread": np.ones((3, 2), "float32"), "flags": np.eye(3, k=1) > 0}
    right = np.where(inputs["flags"], inputs["x"], -inputs["x"])
    expected = {"y": right, "again": right, "same": inputs["x"], "large": (right > 0).astype("int32")}
    assert_near(opened(written(form, model, tmp_path))(inputs), expected)


def test_onnx_refuses_one_name_for_an_input_and_an_output(folder):
    x = keras.Input((3,), name="x")
    with pytest.raises(UsageError, match="`x`; ONNX needs two names"):
        export.onnx(keras.Model(x, {"x": x * 2}), folder / "model.onnx")
    assert not os.listdir(folder)


# What Keras's part of it says.


def test_a_classifier_gives_probabilities_and_the_first_of_the_likeliest_classes():
    logits = np.array([[1, 3, 2], [5, -1, 5], [-1e9, -1e9, -1e9], [100, 0, -100]], "float32")
    x = keras.Input((3,), name="x")
    answers = by_keras(classifier(keras.Model(x, layers.Activation("linear", name="logits")(x))), logits)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = {"probabilities": powers / powers.sum(axis=1, keepdims=True), "label": np.array([1, 0, 0, 0], "int32")}
    assert_near(answers, expected, 1e-6)


def test_fields_are_those_of_the_contract_or_what_the_graph_tells():
    tokens, frames = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((4, 2), name="frames")
    seed = keras.Input(batch_shape=(), dtype="int32", name="seed")
    inner = keras.Model(tokens, layers.Embedding(7, 2)(tokens))
    read = layers.GlobalAveragePooling1D()(inner(tokens)) + layers.GlobalAveragePooling1D()(layers.Embedding(9, 2)(tokens))
    read = read + layers.Flatten()(frames)[:, :2] + ops.cast(seed, "float32")
    endpoint = Endpoint(keras.Model([tokens, frames, seed], read))
    known = Field("float32", (4, 2), 0.0, 1.0)
    assert endpoint.fields(Contract({"frames": known, "unread": known})) == {
        "tokens": Field("int32", (None,), 0, 6),
        "frames": known,
        "seed": Field("int32", (), None, None, batched=False),
    }
    assert endpoint.fields()["frames"] == Field("float32", (4, 2), None, None)


def test_requests_are_of_real_examples_at_every_length_and_feed_one_endpoint_with_another():
    model = trained(SMALL["seq2seq"].build())
    endpoints = {DEFAULT: Endpoint(seq2seq.encoder(model)), "step": Endpoint(seq2seq.decoder_step(model))}
    source = np.random.default_rng(0).integers(3, 9, (5, 6)).astype("int32")
    requests = make_requests(endpoints, {"source": source}, fields_of(endpoints), (1, 7))
    assert [(signature, *inputs["source"].shape) for signature, inputs, _ in requests[::2]] == [
        (DEFAULT, batch, length) for batch in (1, 7) for length in (6, 3, 1)
    ]
    first = 0
    for _, inputs, _ in requests[::2]:
        batch, length = inputs["source"].shape
        np.testing.assert_array_equal(inputs["source"], source[np.arange(first, first + batch) % 5, :length])
        first += batch
    for (_, inputs, outputs), (_, step, _) in zip(requests[::2], requests[1::2]):
        np.testing.assert_array_equal(step["memory"], outputs["memory"])
        np.testing.assert_array_equal(step["source"], inputs["source"])
        assert step["token"].min() >= 0 and step["token"].max() < 7 and step["token"].dtype == "int32"
    for signature, inputs, outputs in requests:
        assert_near(outputs, by_keras(endpoints[signature].model, inputs))


def test_a_model_that_fixes_its_batch_is_asked_in_that_batch(folder):
    x = keras.Input(batch_shape=(4, 3), name="x")
    for form in ("litert", "onnx"):
        assert getattr(export, form)(keras.Model(x, layers.Dense(2)(x)), folder / FILES[form]).largest < 1e-5
    x = np.ones((4, 3), "float32")
    assert opened(folder / FILES["onnx"])({"x": x})["output"].shape == (4, 2)


# The proof.


class Off(layers.Layer):
    """Adds something where it is traced, and nothing where Keras runs it."""

    def __init__(self, addend, **kwargs):
        super().__init__(**kwargs)
        self.addend = addend

    def call(self, x):
        return x if tf.executing_eagerly() else x + self.addend


def off_by(addend):
    x = keras.Input((3,), name="x")
    return keras.Model(x, Off(addend, name="y")(x))


BESIDE = ("contract.json", "golden.json", "export.json")


@every_format
def test_a_file_that_differs_from_keras_is_not_kept(form, folder):
    with pytest.raises(
        RunError, match=rf"^{FILES[form]} differs from Keras by 5e-05 in output `y` of serving_default; it is not"
    ):
        getattr(export, form)(off_by(5e-5), folder / FILES[form])
    assert not os.listdir(folder)


def test_a_file_that_differs_by_rounding_is_kept_and_says_by_how_much(folder, capfd):
    found = export.litert(off_by(5e-6), folder / "model.tflite")
    assert capfd.readouterr() == ("", "")
    assert found.largest == pytest.approx(5e-6, rel=0.1) and found.excess <= found.largest
    assert sorted(os.listdir(folder)) == sorted(["model.tflite", *BESIDE])
    x = np.eye(3, dtype="float32")
    np.testing.assert_allclose(opened(folder / "model.tflite")({"x": x})["y"], x + 5e-6, atol=1e-7)


def test_a_quantized_file_that_is_far_off_is_not_kept(folder):
    with pytest.raises(RunError, match=r"^model.tflite is off by \d+% of the size of the outputs after quantization"):
        export.litert(off_by(0.5), folder / "model.tflite", quantize="dynamic")
    assert not os.listdir(folder)


def test_a_saved_model_is_kept_with_its_signatures(folder):
    model = trained(SMALL["stacked_lstm"].build())
    step = stacked_lstm.step(model)
    found = export.saved_model(model, folder / "1", {"step": step})
    assert found.largest < 1e-5 and os.listdir(folder) == ["1"]
    answer, inputs = opened(folder / "1"), SMALL["stacked_lstm"].inputs(3, 4)
    assert_near(answer(inputs), by_keras(model, inputs))
    inputs = made_up(step, 2, 1)
    assert_near(answer(inputs, "step"), by_keras(step, inputs))


@pytest.mark.parametrize("form", ["litert", "onnx"])
def test_files_are_kept_with_their_signatures(form, folder, capfd):
    model = trained(SMALL["stacked_lstm"].build())
    step = stacked_lstm.step(model)
    assert getattr(export, form)(model, folder / FILES[form], {"step": step}).largest < 1e-5
    assert capfd.readouterr() == ("", "")
    written = ["model.onnx", "model.step.onnx"] if form == "onnx" else ["model.tflite"]
    assert sorted(os.listdir(folder)) == sorted([*written, *BESIDE])
    engine = open_engine(folder / FILES[form])
    assert {name: sorted(inputs) for name, (inputs, _) in engine.signatures.items()} == {
        DEFAULT: ["sequence"],
        "step": ["c1", "c2", "frame", "h1", "h2"],
    }
    inputs, states = SMALL["stacked_lstm"].inputs(3, 4), made_up(step, 2, 1)
    assert_near(engine.run(DEFAULT, inputs), by_keras(model, inputs))
    assert_near(engine.run("step", states), by_keras(step, states))
    assert_near(opened(folder / FILES[form])(inputs), by_keras(model, inputs))
    answers, speed = answers_of(folder / FILES[form], [(DEFAULT, inputs)], timed=[("step", states)])
    assert_near(answers, by_keras(model, inputs))
    assert 0 < speed["seconds"] < 1


@pytest.mark.parametrize("form", ["litert", "saved_model"])
def test_weights_that_signatures_share_are_stored_once(form, tmp_path):
    x = keras.Input((300,), name="x")
    model = keras.Model(x, layers.Dense(300, name="y")(x))
    path = written(form, model, tmp_path, {"again": keras.Model(x, {"z": ops.tanh(model(x))})})
    files = [path, *path.rglob("*")]
    assert sum(file.stat().st_size for file in files if file.is_file()) < 1.1 * 4 * 300 * 301


def test_metadata_is_in_the_file(tmp_path):
    model, metadata = off_by(0.0), {"contract": '{"ä": 1}', "more": "text"}
    path = written("litert", model, tmp_path, metadata=metadata)
    assert {key: read_metadata(path)[key].decode() for key in metadata} == metadata
    onnx = onnx_library.load(written("onnx", model, tmp_path, metadata=metadata))
    assert {entry.key: entry.value for entry in onnx.metadata_props} == metadata


def test_losses_metrics_and_noise_inside_a_network_are_left_out(tmp_path):
    model = SMALL["vae"].compiled()
    inputs = SMALL["vae"].inputs(3, 6)
    model.evaluate(inputs, verbose=0)
    graphs = [as_function(Endpoint(model)).graph.as_graph_def()]
    loaded = tf.saved_model.load(str(written("saved_model", model, tmp_path)))
    graphs.append(loaded.signatures[DEFAULT].graph.as_graph_def())
    for graph in graphs:
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        assert not [node.op for node in nodes if re.search("Random|Assign|Bitwise", node.op)]
    assert not [name for name in operators(written("litert", model, tmp_path)) if "RANDOM" in name or "ASSIGN" in name]
    # Evaluating goes on as before, with its losses.
    assert np.isfinite(model.evaluate(inputs, verbose=0)).all()


# Fused layers.

FRAMES = np.random.default_rng(7).standard_normal((60, 12, 4)).astype("float32")


def fusible(width=1):
    """Four LSTM layers, two of them in opposite directions; Keras would call none of them by a name that stays."""
    frames = keras.Input((12, 4), name="frames")
    x = layers.Bidirectional(layers.LSTM(6 * width, return_sequences=True))(frames)
    x = layers.LSTM(5 * width, go_backwards=True, return_sequences=True)(x)
    return keras.Model(frames, {"sequence": x, "logits": layers.Dense(3)(layers.LSTM(5 * width)(x))})


def relative(given, expected):
    """The largest over all outputs of: root of the mean squared difference over that of Keras's own values."""
    return max(np.sqrt(((given[name] - right) ** 2).mean() / (right**2).mean()) for name, right in expected.items())


@pytest.mark.parametrize(
    ("quantize", "seed", "tolerance"),
    [("none", 1, None), ("float16", 1, 1e-3), ("dynamic", 1, 0.03), ("int8", 3, 0.05), ("int8", 4, 0.05)],
)
def test_fused_layers_begin_every_call_anew_and_answer_as_keras(quantize, seed, tolerance, tmp_path):
    # The converter leaves kernels of less than 1024 weights in float32.
    model = trained(fusible(7 if quantize == "dynamic" else 1), seed, 0.2 if quantize == "dynamic" else 0.4)
    path = written("litert", model, tmp_path, quantize=quantize, batch=1, fused=True, representative={"frames": FRAMES[:10]})
    assert_is_plain(path)
    assert operators(path)["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 4 and not operators(path)["WHILE"]
    requests = [{"frames": FRAMES[row : row + 1]} for row in (50, 51, 52, 50)]
    answer = opened(path)
    in_a_row = [answer(inputs) for inputs in requests]
    for inputs, outputs in zip(requests, in_a_row):
        expected = by_keras(model, inputs)
        if tolerance is None:
            assert_near(outputs, expected)
        assert tolerance is None or relative(outputs, expected) < tolerance
        assert_near(outputs, opened(path)(inputs), 0)


def test_fused_layers_take_the_batch_that_they_were_made_for_and_the_length_of_the_examples(folder):
    frames = keras.Input((None, 4), name="frames")
    model = trained(keras.Model(frames, layers.LSTM(5, name="last")(frames)))
    path = folder / "model.tflite"
    with pytest.raises(UsageError, match="layer `last` reads any length, and a fused one a fixed one; give examples"):
        export.litert(model, path, fused=True)
    assert not os.listdir(folder)
    assert export.litert(model, path, fused=True, batch=3, examples={"frames": FRAMES[:9, :7]}).largest < 1e-5
    assert operators(path)["UNIDIRECTIONAL_SEQUENCE_LSTM"] == 1
    answer = opened(path)
    for start in (0, 3, 6):
        inputs = {"frames": FRAMES[start : start + 3, 2:9]}
        assert_near(answer(inputs), by_keras(model, inputs))


def test_only_what_can_be_fused_is_fused_beside_what_cannot(tmp_path):
    frames, start = keras.Input((12, 4), name="frames"), keras.Input((5,), name="start")
    masked = layers.Masking()(frames)
    outputs = {
        "plain": layers.LSTM(5)(frames),
        "masked": layers.LSTM(5)(masked),
        "from_a_state": layers.LSTM(5)(frames, initial_state=[start, start]),
        "hard": layers.LSTM(5, recurrent_activation="hard_sigmoid")(frames),
        "relu": layers.LSTM(5, activation="relu")(frames),
        "no_bias": layers.LSTM(5, use_bias=False)(frames),
        "gru": layers.GRU(5)(frames),
    }
    _, outputs["h"], outputs["c"] = layers.LSTM(5, return_state=True)(frames)
    model = trained(keras.Model([frames, start], outputs))
    path = written("litert", model, tmp_path, batch=2, fused=True)
    assert operators(path)["UNIDIRECTIONAL_SEQUENCE_LSTM"] >= 1 and operators(path)["WHILE"] == 6
    answer = opened(path)
    for seed in range(3):
        inputs = made_up(model, 2, 12, seed)
        inputs["frames"][:, 4:6] = 0
        assert_near(answer(inputs), by_keras(model, inputs))


def masked_lstm():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    return keras.Model(tokens, layers.LSTM(3, name="reader")(layers.Embedding(5, 4, mask_zero=True)(tokens)))


def lstm_with_a_state():
    frames, start = keras.Input((6, 4), name="frames"), keras.Input((3,), name="start")
    return keras.Model([frames, start], layers.LSTM(3, name="reader")(frames, initial_state=[start, start]))


def gru():
    frames = keras.Input((6, 4), name="frames")
    return keras.Model(frames, layers.GRU(3)(frames))


def gru_and_lstm():
    frames = keras.Input((6, 4), name="frames")
    return keras.Model(frames, layers.GRU(3)(layers.LSTM(4, return_sequences=True)(frames)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (masked_lstm, "layer `reader` cannot be fused: that needs .* no mask, no initial state"),
        (lstm_with_a_state, "layer `reader` cannot be fused: that needs .* no mask, no initial state"),
        (gru, "there is no LSTM layer to fuse; leave fused=True out"),
    ],
)
def test_a_network_in_which_nothing_can_be_fused_says_why(build, message, folder):
    with pytest.raises(UsageError, match=message):
        export.litert(build(), folder / "model.tflite", fused=True)
    assert not os.listdir(folder)


# Quantization.

PIXELS = np.random.default_rng(5).random((60, 8, 8, 1), "float32")


def dense_and_convolution():
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, activation="relu")(image)
    x = layers.Dense(200, activation="relu")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(10, name="logits")(x))


@pytest.mark.parametrize(
    ("quantize", "ratio", "tolerance"),
    [("none", 1, 1e-6), ("float16", 1 / 2, 1e-3), ("dynamic", 1 / 4, 0.03), ("int8", 1 / 4, 0.05)],
)
def test_quantization_makes_files_smaller_and_answers_stay_near(quantize, ratio, tolerance, folder):
    model = trained(dense_and_convolution(), scale=0.1)
    path = folder / "model.tflite"
    export.litert(model, path, quantize=quantize, representative={"image": PIXELS[:50]})
    assert ratio < path.stat().st_size / (4 * model.count_params()) < 1.1 * ratio
    answer = opened(path)
    for inputs in ({"image": PIXELS[50:51]}, {"image": PIXELS[53:60]}):
        given = answer(inputs)
        assert given["logits"].dtype == "float32" and relative(given, by_keras(model, inputs)) < tolerance
    graph = flatbuffer_utils.read_model(str(path)).subgraphs[0]
    whole = {schema.TensorType.INT8, schema.TensorType.INT32}
    floats = [operator for operator in graph.operators if graph.tensors[operator.outputs[0]].type not in whole]
    # Only what gives the answer as float32.
    assert (len(floats) == 1) == (quantize == "int8")


@pytest.mark.parametrize(
    ("representative", "message"),
    [
        (None, "the representative set is empty"),
        ({}, "the representative set is empty"),
        ({"image": PIXELS[:0]}, "the representative set is empty"),
        ({"picture": PIXELS}, r"are of \['picture'\]; expected \['image'\]"),
    ],
)
def test_int8_needs_representative_examples(representative, message, folder):
    with pytest.raises(UsageError, match=message):
        export.litert(dense_and_convolution(), folder / "model.tflite", quantize="int8", representative=representative)
    assert not os.listdir(folder)


@pytest.mark.parametrize(("build", "fused"), [(fusible, False), (gru, False), (gru_and_lstm, True)])
def test_int8_in_a_loop_is_refused(build, fused, folder):
    """The last of them used to crash the converter, and with it Python."""
    model = build()
    representative = {"frames": FRAMES[:, : model.input.shape[1]]}
    with pytest.raises(UsageError, match="int8 .* loop.* fused=True .*quantize='dynamic'"):
        export.litert(model, folder / "model.tflite", quantize="int8", representative=representative, fused=fused)
    assert not os.listdir(folder)


# What cannot be exported.


class Subclassed(keras.Model):
    def call(self, x):
        return x


class Factor(layers.Layer):
    def call(self, x):
        return tf.linalg.cholesky(x)


def factor():
    matrix = keras.Input((2, 2), name="matrix")
    inner = keras.Model(y := keras.Input((2, 2)), Factor(name="root")(y) * 2, name="inner")
    return keras.Model(matrix, layers.Flatten(name="flat")(inner(matrix)))


def stateful():
    frames = keras.Input(batch_shape=(2, None, 4))
    return keras.Model(frames, layers.Bidirectional(layers.GRU(3, stateful=True, name="counter"))(frames))


def half():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="mixed_float16", name="fast")])
    x = keras.Input((3,))
    return keras.Model(x, inner(x))


@every_format
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Subclassed(name="mine"), "mine is not a functional model .it is a Subclassed"),
        (lambda: keras.Sequential([layers.Dense(2)], name="unbuilt"), "unbuilt is not a functional model .it is a Sequential"),
        (lambda: "model.keras", "model.keras is not a functional model .it is a str"),
        (stateful, "layer `(forward|backward)_counter` is stateful"),
        (half, "layer `fast` computes in float16"),
    ],
)
def test_a_model_that_cannot_be_exported_is_refused(build, message, form, folder):
    with pytest.raises(UsageError, match=message):
        getattr(export, form)(build(), folder / FILES[form])
    assert not os.listdir(folder)


def test_an_operation_that_litert_lacks_is_refused_by_name_and_layer_or_allowed(folder):
    path = folder / "model.tflite"
    matrix = np.array([np.eye(2) * 4], "float32")
    with pytest.raises(UsageError, match=r"no built-in operation for Cholesky \(layer `root`\).* allow_flex=True"):
        export.litert(factor(), path, examples={"matrix": matrix})
    assert not os.listdir(folder)
    assert export.litert(factor(), path, examples={"matrix": matrix}, allow_flex=True) is None
    assert operators(path)["FlexCholesky"] == 1 and os.listdir(folder) == ["model.tflite"]


def test_an_operation_that_onnx_lacks_is_refused_and_the_first_file_is_not_kept(folder):
    x = keras.Input((2, 2), name="x")
    with pytest.raises(RunError, match="factor.* cannot be converted to ONNX .inner: .*Cholesky"):
        model = keras.Model(x, Factor()(x), name="factor")
        export.onnx(keras.Model(x, x * 2), folder / "model.onnx", {"inner": model}, examples={"x": np.array([np.eye(2)])})
    assert not os.listdir(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "int4"}, "there is no quantization 'int4'; expected one of none, float16, dynamic, int8"),
        ({"batch": 0}, "the batch is 0; expected at least 1"),
        ({"batch": -1}, "the batch is -1; expected at least 1"),
        ({"signatures": {DEFAULT: None}}, "'serving_default' is the model itself"),
    ],
)
def test_an_option_that_does_not_exist_is_refused(options, message, folder):
    with pytest.raises(UsageError, match=message):
        export.litert(off_by(0.0), folder / "model.tflite", **options)
    assert not os.listdir(folder)


@every_format
def test_what_exists_stays_as_it_is(form, folder):
    path = folder / FILES[form]
    path.write_text("mine")
    with pytest.raises(UsageError, match=f"{FILES[form]} exists; give a new name"):
        getattr(export, form)(off_by(0.0), path)
    assert path.read_text() == "mine" and os.listdir(folder) == [FILES[form]]


@pytest.mark.parametrize(("form", "ending"), [("litert", ".tflite"), ("onnx", ".onnx")])
def test_a_name_that_says_another_format_is_refused(form, ending, folder):
    for name in ("model", "model.bin"):
        with pytest.raises(UsageError, match=rf"expected a name that ends in \{ending}"):
            getattr(export, form)(off_by(0.0), folder / name)
    assert not os.listdir(folder)


# The contract in the graph of a SavedModel.

CONTRACT = Contract(
    {
        "image": Field("float32", (4, 5), 0.0, 1.0),
        "sequence": Field("float32", (None, 3), None, None, max_length=6),
        "seed": Field("int32", (), 0, None, batched=False),
    }
)
GOOD = {
    "image": np.full((2, 4, 5), 0.5, "float32"),
    "sequence": np.full((2, 6, 3), -9, "float32"),
    "tokens": np.array([[0, 8], [3, 4]], "int32"),
    "seed": np.array(3, "int32"),
}


def breaking(name, array, *where):
    array = array.astype(GOOD[name].dtype)
    if where:
        array[0, 1, 2] = where[0]
    return name, array


BAD_SHAPES = [
    (breaking("image", np.zeros((2, 5, 4))), "has shape [2 5 4]; expected (batch, 4, 5), not empty."),
    (breaking("image", np.zeros((4, 5))), "has shape [4 5]; expected (batch, 4, 5), not empty."),
    (breaking("image", np.zeros((2, 4, 5, 1))), "has shape [2 4 5 1]; expected (batch, 4, 5), not empty."),
    (breaking("image", np.zeros(())), "has shape []; expected (batch, 4, 5), not empty."),
    (breaking("image", np.zeros((0, 4, 5))), "has shape [0 4 5]; expected (batch, 4, 5), not empty."),
    (breaking("sequence", np.zeros((2, 0, 3))), "has shape [2 0 3]; expected (batch, any, 3), not empty."),
    (breaking("sequence", np.zeros((2, 4, 4))), "has shape [2 4 4]; expected (batch, any, 3), not empty."),
    (breaking("tokens", np.zeros((2,))), "has shape [2]; expected (batch, any), not empty."),
    (breaking("seed", np.zeros((1,))), "has shape [1]; expected (), not empty."),
]
BAD_VALUES = [
    (breaking("image", np.zeros((2, 4, 5)), np.nan), "holds NaN or infinity; expected finite values."),
    (breaking("sequence", np.zeros((2, 4, 3)), -np.inf), "holds NaN or infinity; expected finite values."),
    (breaking("image", np.zeros((2, 4, 5)), 255), "lies in [0, 255]; expected values in [0, 1]."),
    (breaking("image", np.ones((2, 4, 5)), -0.5), "lies in [-0.5, 1]; expected values in [0, 1]."),
    (breaking("sequence", np.zeros((2, 7, 3))), "has length 7; expected at most 6."),
    (breaking("tokens", np.array([[0, 9]])), "lies in [0, 9]; expected values in [0, 8]."),
    (breaking("tokens", np.array([[-1, 1]])), "lies in [-1, 1]; expected values in [0, 8]."),
    (breaking("seed", np.array(-1)), "is -1; expected a value in [0, any]."),
]


@pytest.fixture(scope="module")
def checking(tmp_path_factory):
    """A model of four inputs, and the folder of a SavedModel of it that checks them."""
    image, sequence = keras.Input((4, 5), name="image"), keras.Input((None, 3), name="sequence")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    seed = keras.Input(batch_shape=(), dtype="int32", name="seed")
    read = [layers.Flatten()(image), layers.GlobalAveragePooling1D()(sequence)]
    read.append(layers.GlobalAveragePooling1D()(layers.Embedding(9, 2)(tokens)))
    output = layers.Dense(3, name="output")(layers.Concatenate()(read)) * ops.cast(seed, "float32")
    model = trained(keras.Model([image, sequence, tokens, seed], {"answer": output}))
    return model, written("saved_model", model, tmp_path_factory.mktemp("checking"), contract=CONTRACT)


@pytest.fixture(scope="module")
def served(checking):
    """What the SavedModel answers as TensorFlow Serving asks it: tensors of any shape, which Python has not looked at."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signature = tf.compat.v1.saved_model.load(session, ["serve"], str(checking[1])).signature_def[DEFAULT]
    session._extend_graph()
    inputs, outputs = (
        {name: session.graph.get_tensor_by_name(info.name)._as_tf_output() for name, info in side.items()}
        for side in (signature.inputs, signature.outputs)
    )

    def answer(values):
        fed = {inputs[name]: array for name, array in values.items()}
        return dict(zip(outputs, session._call_tf_sessionrun(None, fed, list(outputs.values()), [], None)))

    yield answer
    session.close()


def test_inputs_that_keep_the_contract_are_answered(checking, served):
    model, path = checking
    expected = by_keras(model, GOOD)
    assert_near(opened(path)(GOOD), expected)
    assert_near(served(GOOD), expected)


@pytest.mark.parametrize(("broken", "message"), BAD_SHAPES + BAD_VALUES)
def test_tensorflow_serving_refuses_what_breaks_the_contract(broken, message, served):
    name, array = broken
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        served({**GOOD, name: array})
    assert f"input `{name}` {message}" in str(error.value)


@pytest.mark.parametrize(("broken", "message"), BAD_VALUES)
def test_python_refuses_what_breaks_the_contract_in_one_line(broken, message, checking):
    name, array = broken
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        open_engine(checking[1]).run(DEFAULT, {**GOOD, name: array})
    assert reason_of(error.value) == f"input `{name}` {message}"


# Engines.

NUMBERS = st.sampled_from(["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool"]).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
TEXTS = st.binary(max_size=4) | st.sampled_from([b"\0", b"a\0\0"])
BYTES = arrays(object, array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3), elements=TEXTS)
VALUES = st.dictionaries(st.from_regex("[a-z_]{1,6}|a/b|file", fullmatch=True), NUMBERS | BYTES, max_size=3)


@given(st.lists(st.tuples(st.sampled_from([DEFAULT, "step"]), VALUES), max_size=3))
@settings(max_examples=60, deadline=None)
def test_arrays_are_read_as_they_were_written(items):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "arrays.npz"
        write_arrays(path, items)
        read = read_arrays(path)
    assert [signature for signature, _ in read] == [signature for signature, _ in items]
    for (_, there), (_, values) in zip(read, items):
        assert set(there) == set(values)
        for name, array in values.items():
            assert there[name].dtype == array.dtype
            np.testing.assert_array_equal(there[name], array)
            assert there[name].shape == array.shape


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Graph execution error:\n\nassertion failed: [input `x` is empty.]\n\t [[{{node a}}]] [Op:b]", "input `x` is empty."),
        ("2 root error(s) found.\n  (0) x\nassertion failed: [why [1 2]]", "why [1 2]"),
        ("\n  first  \nsecond", "first"),
        ("", "KeyError"),
    ],
)
def test_the_reason_of_an_error_is_one_line(message, reason):
    assert reason_of(KeyError() if not message else ValueError(message)) == reason


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    x = keras.Input((3,), name="x")
    model = trained(keras.Model(x, layers.Dense(300, name="y")(x)))
    return model, {form: written(form, model, folder) for form in FILES}


@every_format
def test_an_engine_runs_a_file_and_names_its_signatures(form, files):
    model, inputs = files[0], {"x": np.eye(3, dtype="float32")}
    paths = [files[1][form], *files[1][form].glob("saved_model.pb")]
    for path in paths:
        engine = open_engine(path)
        assert {name: (list(ins), list(outs)) for name, (ins, outs) in engine.signatures.items()} == {DEFAULT: (["x"], ["y"])}
        assert_near(engine.run(DEFAULT, inputs), by_keras(model, inputs))


@pytest.mark.parametrize("form", ["litert", "onnx"])
@pytest.mark.parametrize("damage", [lambda content: b"rubbish" * 99, lambda content: content[: len(content) // 2], lambda _: b""])
def test_a_damaged_file_is_refused_in_one_line(damage, form, files, tmp_path):
    path = tmp_path / FILES[form]
    path.write_bytes(damage(files[1][form].read_bytes()))
    with pytest.raises(RunError) as error:
        answers_of(path, [(DEFAULT, {"x": np.eye(3, dtype="float32")})])
    assert re.fullmatch(rf"{FILES[form]} does not run in its own runtime: \S.+", str(error.value))
    assert not re.search('Traceback|File "|INFO', str(error.value))


@pytest.mark.parametrize(
    ("form", "inputs", "message"),
    [
        ("litert", {"z": np.ones((1, 3), "float32")}, "signature serving_default: .*z"),
        ("litert", {"x": np.ones((1, 3), "int32")}, "signature serving_default: .*(INT32|int32)"),
        ("onnx", {"x": np.ones((1, 4), "float32")}, "signature serving_default: .*INVALID_ARGUMENT"),
    ],
)
def test_a_request_that_a_runtime_refuses_is_told_in_one_line(form, inputs, message, files):
    with pytest.raises(RunError, match=rf"^{FILES[form]} does not run in its own runtime: {message}.*$"):
        answers_of(files[1][form], [(DEFAULT, inputs)])


def test_a_file_is_proven_against_the_model_that_it_is_of(files):
    model, paths = files
    requests = make_requests(endpoints := as_endpoints(model), {}, fields_of(endpoints))
    assert prove(paths["litert"], requests).largest < 1e-6
    model.layers[-1].bias.assign_add(np.full(300, 3e-5))
    changed = make_requests(endpoints, {}, fields_of(endpoints))
    model.layers[-1].bias.assign_sub(np.full(300, 3e-5))
    with pytest.raises(RunError, match="model.tflite differs from Keras by [23]e-05 in output `y` of serving_default"):
        prove(paths["litert"], changed)


# Files that appear.


def test_what_is_written_appears_whole_in_folders_that_are_made(tmp_path):
    for name in ("new/folder/model.bin", "new/1"):
        with appearing(tmp_path / name) as partial:
            assert partial.parent.parent == (tmp_path / name).parent
            if name.endswith(".bin"):
                partial.write_text("whole")
            else:
                (partial / "inner").mkdir(parents=True)
                (partial / "inner/file").write_text("whole")
            assert not (tmp_path / name).exists()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "new/1/inner/file",
        "new/folder/model.bin",
    ]


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, UsageError])
@pytest.mark.parametrize("fill", [lambda path: None, pathlib.Path.touch, lambda path: (path / "inner").mkdir(parents=True)])
def test_an_exception_leaves_nothing(fill, error, tmp_path):
    with pytest.raises(error), appearing(tmp_path / "model") as partial:
        fill(partial)
        raise error
    assert not os.listdir(tmp_path)


def test_nothing_written_is_a_failure_and_a_file_for_a_folder_is_refused(tmp_path):
    with pytest.raises(RunError, match="cannot be written .No such file"), appearing(tmp_path / "model"):
        pass
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="file cannot be made"), appearing(tmp_path / "file" / "model"):
        pass
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def writing(tmp_path):
    """Begins to write `model` into a folder in a process of its own, which goes on until it is ended."""
    # The file alone, without the package around it and TensorFlow.
    code = (
        "import runpy, sys; appearing = runpy.run_path(sys.argv[1])['appearing']\n"
        "with appearing(sys.argv[2]) as partial: partial.write_text('half'); print(flush=True); sys.stdin.read()"
    )
    with contextlib.ExitStack() as stack:

        def begin(name):
            command = [sys.executable, "-c", code, files_module.__file__, str(tmp_path / name)]
            process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert process.stdout.readline() == b"\n"
            return process

        yield begin


def test_what_killed_processes_left_is_removed_and_nothing_else(writing, tmp_path):
    """Of three processes one is killed, one ends, one goes on. Names of another kind are the user's, or another machine's."""
    host = platform.node()
    for name in ("partial-20240131-results", "partial-99999999-model", "zoo-partial-notes", f"zoo-partial-{host}@mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").touch()
    (tmp_path / f"zoo-partial-{host}-2@abcd").mkdir()
    (tmp_path / f"zoo-partial-{host}-2@abcd/lock").touch()
    before = set(os.listdir(tmp_path))
    killed, ended, running = (writing(name) for name in ("a", "b", "c"))
    assert len(os.listdir(tmp_path)) == len(before) + 3
    killed.kill()
    killed.wait()
    ended.communicate()
    with appearing(tmp_path / "model") as partial:
        partial.touch()
    (left,) = {*os.listdir(tmp_path)} - before - {"b", "model"}
    assert sorted(os.listdir(tmp_path / left)) == ["c", "lock"] and left.startswith(f"zoo-partial-{host}@")
    running.communicate()
    assert {*os.listdir(tmp_path)} == before | {"b", "c", "model"}


def test_a_process_that_is_killed_while_it_exports_leaves_nothing_under_the_name(writing, tmp_path):
    process = writing("model")
    (partial,) = tmp_path.iterdir()
    assert (partial / "model").read_text() == "half"
    process.kill()
    process.wait()
    with appearing(tmp_path / "model") as partial:
        partial.write_text("whole")
    assert os.listdir(tmp_path) == ["model"] and (tmp_path / "model").read_text() == "whole"


def test_further_files_appear_with_the_first_or_not_at_all(tmp_path):
    with appearing(tmp_path / "a.onnx", ".onnx", ["a.step.onnx"]) as partial:
        for name in ("a.onnx", "a.step.onnx"):
            partial.with_name(name).write_text(name)
        with appearing(tmp_path / "other") as other:
            other.touch()
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "a.step.onnx", "other"] and (tmp_path / "a.onnx").read_text() == "a.onnx"
    with pytest.raises(UsageError, match="a.step.onnx exists"), appearing(tmp_path / "b.onnx", further=["a.step.onnx"]):
        pass
    with (
        pytest.raises(RunError, match="b.step.onnx cannot be"),
        appearing(tmp_path / "b.onnx", further=["b.step.onnx"]) as partial,
    ):
        partial.touch()
    # One that somebody else made in the meantime stays.
    with pytest.raises(UsageError, match="b.onnx exists"), appearing(tmp_path / "b.onnx") as partial:
        partial.touch()
        (tmp_path / "b.onnx").write_text("mine")
    assert (tmp_path / "b.onnx").read_text() == "mine" and len(os.listdir(tmp_path)) == 4


@every_format
def test_a_full_disk_ends_an_export_in_one_line(form, tmp_path):
    x = keras.Input((300,), name="x")
    model = keras.Model(x, layers.Dense(300)(x))
    with small_disk(tmp_path, "100k"):
        with pytest.raises(RunError, match=r"^[^\n]* cannot be written \(No space left on device\); nothing was kept\.$"):
            getattr(export, form)(model, tmp_path / FILES[form])
        assert not os.listdir(tmp_path)


# The difference of answers.


def difference_of(right, there):
    as_arrays = [{name: np.asarray(value) for name, value in values.items()} for values in (right, there)]
    return difference([(DEFAULT, {}, as_arrays[0])], [as_arrays[1]])


def test_differences_are_the_largest_of_all_outputs():
    zeros, ones = np.zeros((2, 2), "float32"), np.ones((2, 2), "float32")
    assert difference_of({"a": zeros, "b": ones}, {"a": zeros, "b": ones}).excess == 0
    found = difference_of({"a": 100 * ones, "b": zeros + 0.5}, {"a": 100 * ones + np.eye(2, dtype="float32"), "b": zeros + 0.52})
    assert found.largest == pytest.approx(1) and found.excess == pytest.approx(0.02)
    assert found.relative == pytest.approx(0.04, rel=1e-5) and found.where == "output `b` of serving_default"
    found = difference_of({"n": np.arange(4)}, {"n": np.array([0, 1, 2, 9])})
    assert (found.unequal, found.excess, found.largest) == (0.25, 0.25, 0)
    found = difference_of({"n": np.array([True, False])}, {"n": np.array([False, False])})
    assert found.excess == 0.5
    assert difference_of({"n": np.zeros((0, 3), "float32")}, {"n": np.zeros((0, 3), "float32")}).excess == 0


def test_equal_infinities_and_nans_are_no_difference_and_others_are_an_infinite_one():
    values = np.array([np.nan, np.inf, -np.inf, 1], "float32")
    assert difference_of({"x": values}, {"x": values}).excess == 0
    for index, other in ((0, 1), (0, np.inf), (1, np.nan), (1, -np.inf), (1, 1e38), (3, np.nan), (3, np.inf)):
        changed = values.copy()
        changed[index] = other
        assert difference_of({"x": values}, {"x": changed}).excess == np.inf
        assert difference_of({"x": changed}, {"x": values}).excess == np.inf


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ({"x": np.zeros((2, 1), "float32")}, r"output `x` of serving_default is float32 \(2, 1\); Keras gives float32 \(2,\)"),
        ({"x": np.zeros(2, "float64")}, r"output `x` of serving_default is float64"),
        ({"x": np.zeros(2, "int32")}, r"output `x` of serving_default is int32"),
        ({}, r"signature serving_default gives \[\]; Keras gives \['x'\]"),
        ({"y": np.zeros(2, "float32")}, r"gives \['y'\]; Keras gives \['x'\]"),
        ({"x": np.zeros(2, "float32"), "y": 1}, r"gives \['x', 'y'\]; Keras gives \['x'\]"),
    ],
)
def test_an_answer_of_another_form_is_refused(there, message):
    with pytest.raises(RunError, match=message):
        difference_of({"x": np.zeros(2, "float32")}, there)
