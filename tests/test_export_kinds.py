"""Models and data of the kinds that people bring to an exporter: what is asked of them, what is refused, and what comes out."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from test_export import FILES, assert_is_plain, assert_near, by_keras, every_format, opened, trained, written

from zoo import export
from zoo.data.contract import Contract, Field
from zoo.endpoints import Endpoint
from zoo.errors import RunError, UsageError
from zoo.export.examples import as_arrays
from zoo.export.graph import as_endpoints, fields_of
from zoo.export.litert import check_representative
from zoo.export.requests import check_repeats, make_requests
from zoo.export.slices import with_new_axes_apart

GENERATOR = np.random.default_rng(0)


def requests_of(model, examples=None, **options):
    endpoints = as_endpoints(model)
    return make_requests(endpoints, examples or {}, fields_of(endpoints), **options)


def exported(form, model, folder, **options):
    return getattr(export, form)(model, folder / FILES[form], **options)


# Free sizes.


def text_cnn(name="tokens"):
    """Windows of 3 and of 5 tokens."""
    tokens = keras.Input((None,), dtype="int32", name=name)
    x = layers.Embedding(20, 4)(tokens)
    windows = [layers.GlobalMaxPooling1D()(layers.Conv1D(3, width, activation="relu")(x)) for width in (3, 5)]
    return keras.Model(tokens, layers.Dense(1, name="score")(layers.Concatenate()(windows)))


def strided_series():
    """Of 4 frames one is left, of 3 none, over which the loop would run not once."""
    series = keras.Input((None, 3), name="series")
    return keras.Model(series, layers.GRU(4, return_sequences=True)(layers.Conv1D(5, 4, strides=2)(series)))


def pooled_series():
    series = keras.Input((None, 3), name="series")
    return keras.Model(series, layers.GlobalAveragePooling1D()(layers.AveragePooling1D(6)(series)))


def pictures():
    """At least 6 by 6."""
    image = keras.Input((None, None, 3), name="image")
    x = layers.Conv2D(4, 3)(layers.MaxPooling2D(2)(image))
    return keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))


def series_and_text():
    model, series = text_cnn("a"), keras.Input((None, 3), name="b")
    pooled = layers.GlobalAveragePooling1D()(layers.Conv1D(1, 2)(series))
    return keras.Model([model.input, series], model.output + pooled)


@pytest.mark.parametrize(
    ("build", "lengths"),
    [(text_cnn, {9, 5}), (strided_series, {9, 5}), (pooled_series, {9}), (pictures, {9}), (series_and_text, {9, 5})],
)
def test_sizes_that_keras_refuses_are_not_asked(build, lengths):
    model = build()
    requests = requests_of(model)
    assert {array.shape[1] for _, inputs, _ in requests for array in inputs.values()} == lengths
    assert {len(outputs[name]) for _, _, outputs in requests for name in outputs} == {1, 7}
    assert all(np.isfinite(output).all() for _, _, outputs in requests for output in outputs.values())


def test_pictures_and_series_of_any_size_come_in_the_sizes_of_the_examples():
    images = GENERATOR.random((3, 12, 20, 3), "float32")
    requests = requests_of(pictures(), {"image": images})
    assert {inputs["image"].shape[1:3] for _, inputs, _ in requests} == {(12, 20), (6, 10)}
    np.testing.assert_array_equal(requests[0][1]["image"], images[:1])
    examples = {"a": np.ones((4, 8), "int32"), "b": np.ones((4, 24, 3), "float32")}
    sizes = {(inputs["a"].shape[1], inputs["b"].shape[1]) for _, inputs, _ in requests_of(series_and_text(), examples)}
    assert sizes == {(8, 24)}, "half of 8 is less than a window"


def deep_pictures():
    image = x = keras.Input((None, None, 1), name="image")
    for _ in range(3):
        x = layers.MaxPooling2D(2)(layers.Conv2D(2, 3)(x))
    return keras.Model(image, layers.GlobalMaxPooling2D()(x))


class Table(layers.Layer):
    """A table of its own, not an embedding of Keras."""

    def build(self, shape):
        self.table = self.add_weight(shape=(4, 2))

    def call(self, numbers):
        return ops.take(self.table, numbers, axis=0)


def own_table():
    numbers = keras.Input((6,), dtype="int32", name="numbers")
    return keras.Model(numbers, Table()(numbers))


@pytest.mark.parametrize(
    ("build", "examples"),
    [(deep_pictures, {"image": np.ones((2, 24, 30, 1), "float32")}), (own_table, {"numbers": np.full((2, 6), 3)})],
)
def test_where_nothing_made_up_fits_one_line_asks_for_examples(build, examples):
    model = build()
    with pytest.raises(
        UsageError, match=r"^serving_default cannot be tried: Keras refuses .* at random \(.*\); give examples"
    ) as error:
        requests_of(model)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)
    assert requests_of(model, examples)


# Token numbers.


class TokensAndPositions(layers.Layer):
    """Tokens and their positions, as a transformer reads them."""

    def __init__(self, tokens=6, positions=30, **options):
        super().__init__(**options)
        self.tokens, self.positions = layers.Embedding(tokens, 4), layers.Embedding(positions, 4)

    def call(self, tokens):
        return self.tokens(tokens) + self.positions(ops.arange(ops.shape(tokens)[1]))


def reading(layer, shape=(8,), dtype="int32"):
    def build():
        tokens = keras.Input(shape, dtype=dtype, name="tokens")
        return keras.Model(tokens, layer()(tokens))

    return build


def sliced():
    numbers = keras.Input((3,), dtype="int32", name="tokens")
    read = layers.Embedding(6, 2)(numbers[:, 0]) + layers.Embedding(100, 2)(numbers[:, 1])
    return keras.Model(numbers, read)


def sequential():
    return keras.Sequential([layers.Reshape((2, 4)), layers.Embedding(6, 2)])


# A way to an embedding of 6 numbers, and whether it is the whole input that goes there.
WAYS = {
    "a layer": (reading(TokensAndPositions), False),
    "a layer, any length": (reading(lambda: TokensAndPositions(positions=7), (None,)), False),
    "a layer, floats": (reading(TokensAndPositions, dtype="float32"), False),
    "a position table": (reading(lambda: TokensAndPositions(40, 9), dtype="int32"), False),
    "a slice": (sliced, False),
    "one-hot": (reading(lambda: layers.CategoryEncoding(6, output_mode="multi_hot")), False),
    "a nested model": (reading(sequential), True),
    "a nested model, floats": (reading(sequential, dtype="float32"), True),
    "every step": (reading(lambda: layers.TimeDistributed(layers.Embedding(6, 2)), (5, 8)), True),
}


@pytest.mark.parametrize("way", WAYS)
def test_made_up_tokens_are_known_to_every_embedding_inside(way):
    build, whole = WAYS[way]
    model = build()
    tokens = np.concatenate([inputs["tokens"].ravel() for _, inputs, _ in requests_of(model)])
    largest = 8 if way == "a position table" else 5
    assert tokens.min() >= 0 and tokens.max() <= largest and len(np.unique(tokens)) > 3
    # A contract, which refuses, is given only where it is certain.
    assert Endpoint(model).fields()["tokens"].maximum == (5 if whole else None)


# Names.


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["state"] * 3 + ["state_1"], ["state_0", "state_2", "state_3", "state_1"]),
        (["state_0", "state", "state"], ["state_0", "state_1", "state_2"]),
        ([None, "output_0"], ["output_1", "output_0"]),
        (["output_1", None, None], ["output_1", "output_2", "output_3"]),
        (["a", "a", None, "a_0", "output_2"], ["a_1", "a_2", "output_3", "a_0", "output_2"]),
        (["a", None, "a"], ["a_0", "output_1", "a_1"]),
    ],
)
def test_no_output_takes_the_name_of_another(names, expected):
    x = keras.Input((3,), name="x")
    by_name = {name: layers.Dense(3, name=name) for name in names if name}
    model = keras.Model(x, [by_name[name](x) if name else layers.Dense(3)(x) for name in names])
    endpoint = Endpoint(model)
    assert list(endpoint.outputs) == expected
    for name, output in zip(expected, model.outputs):
        assert endpoint.outputs[name] is output


# Data.

ROWS = GENERATOR.random((30, 4), "float32")
FRAMES = GENERATOR.random((30, 5, 3), "float32")


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return ROWS[10 * index : 10 * index + 10], np.zeros(10)


def slices_of(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0])


ONE_INPUT = {
    "an array": lambda: ROWS,
    "float64": lambda: ROWS.astype("float64"),
    "numbers": ROWS.tolist,
    "a tensor": lambda: tf.constant(ROWS),
    "a list of one array": lambda: [ROWS],
    "a list of examples": lambda: list(ROWS),
    "a dictionary": lambda: {"a": ROWS},
    "a dictionary of numbers": lambda: {"a": ROWS.tolist()},
    "a generator of batches": lambda: (ROWS[row : row + 7] for row in range(0, 30, 7)),
    "a generator of examples": lambda: iter(ROWS),
    "a generator with targets": lambda: ((ROWS[row : row + 5], 1) for row in range(0, 30, 5)),
    "a function, as TensorFlow Lite has it": lambda: lambda: ([ROWS[row : row + 1]] for row in range(30)),
    "lists with targets, as PyTorch has them": lambda: ([ROWS[row : row + 5], np.zeros(5)] for row in range(0, 30, 5)),
    "tf.data": lambda: slices_of(ROWS),
    "tf.data in batches with targets": lambda: slices_of(ROWS, ROWS).batch(7),
    "tf.data with names": lambda: slices_of({"a": ROWS}).batch(7),
    "PyDataset": Batches,
}
TWO_INPUTS = {
    "a list": lambda: [ROWS, FRAMES],
    "a tuple": lambda: (ROWS, FRAMES),
    "names": lambda: {"b": FRAMES, "a": ROWS},
    "names of the model's own": lambda: {"first": ROWS, "second": FRAMES},
    "tf.data": lambda: slices_of((ROWS, FRAMES), ROWS).batch(7),
    "lists": lambda: ([ROWS[row : row + 1], FRAMES[row : row + 1]] for row in range(30)),
}


@pytest.fixture(scope="module")
def takers():
    """Models of one input and of two, the second of any length."""
    a, b = keras.Input((4,), name="a"), keras.Input((None, 3), name="b")
    pooled = layers.GlobalAveragePooling1D()(b)
    both = keras.Model({"first": a, "second": b}, layers.Dense(2)(layers.Concatenate()([a, pooled])))
    return [(endpoints := as_endpoints(model), fields_of(endpoints)) for model in (keras.Model(a, layers.Dense(2)(a)), both)]


@pytest.mark.parametrize(("count", "form"), [*((1, form) for form in ONE_INPUT), *((2, form) for form in TWO_INPUTS)])
def test_data_are_taken_in_every_form_in_which_keras_takes_them(count, form, takers):
    data = (ONE_INPUT if count == 1 else TWO_INPUTS)[form]()
    found = as_arrays(data, *takers[count - 1], "examples")
    expected = dict([("a", ROWS), ("b", FRAMES)][:count])
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_of_a_stream_no_more_is_read_than_is_needed_and_shorter_batches_are_padded(takers):
    read = (ROWS for _ in itertools.count())
    assert len(as_arrays(read, *takers[0], "examples")["a"]) == 200
    np.testing.assert_array_equal(next(read), ROWS)
    frames = as_arrays(({"b": FRAMES[:2, :length]} for length in (3, 5)), *takers[1], "examples")["b"]
    np.testing.assert_array_equal(frames, np.concatenate([FRAMES[:2] * (np.arange(5) < 3)[:, None], FRAMES[:2]]))


@pytest.mark.parametrize(
    ("count", "data", "message"),
    [
        (2, {"A": ROWS}, r"examples are of \['A'\]; expected \['a', 'b'\]"),
        (2, {"a": ROWS, "c": ROWS}, r"examples are of \['a', 'c'\]; expected \['a', 'b'\]"),
        (2, ROWS, r"examples have no names, and the model has 2 inputs; give .* for \['a', 'b'\]"),
        (1, np.where(ROWS > 0.9, np.nan, ROWS), "input `a` holds NaN or infinity"),
        (1, np.where(ROWS > 0.9, np.inf, ROWS), "input `a` holds NaN or infinity"),
        (1, FRAMES, r"input `a` has shape \(30, 5, 3\); expected \(batch, 4\)"),
        (1, [[1.0, 2.0, 3.0, 4.0], [1.0]], "`a` are no array"),
        (1, (ROWS[:1, :width] for width in (4, 3)), "input `a` is object; expected float32"),
        (1, np.array([["x"] * 4]), "input `a` is <U1; expected float32"),
        (1, "rows.npy", "'rows.npy', a name; give what it holds"),
        (1, 3, "are of type int; expected"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_one_line(count, data, message, takers):
    with pytest.raises(UsageError, match=message) as error:
        as_arrays(data, *takers[count - 1], "examples")
    assert "\n" not in str(error.value) and "examples" in str(error.value)


def test_numbers_that_are_not_whole_or_out_of_range_are_refused():
    endpoints = as_endpoints(text_cnn())
    tokens = np.ones((2, 6))
    assert as_arrays(tokens, endpoints, fields_of(endpoints), "examples")["tokens"].dtype == "int32"
    for wrong, message in (
        (tokens + 0.5, "not of whole numbers; expected int32"),
        (tokens * 20, r"expected values in \[0, 19\]"),
    ):
        with pytest.raises(UsageError, match=f"examples: input `tokens` .*{message}"):
            as_arrays(wrong, endpoints, fields_of(endpoints), "examples")


@every_format
def test_misspelt_examples_and_nan_are_refused_by_every_format(form, tmp_path):
    for examples, message in (({"tokans": np.ones((2, 9))}, "expected .'tokens'."), (np.full((2, 9), np.nan), "whole numbers")):
        with pytest.raises(UsageError, match=message):
            exported(form, text_cnn(), tmp_path, examples=examples)
    assert not list(tmp_path.iterdir())


# Quantization to 8 bits.


@pytest.mark.parametrize("known", [{"a": ROWS}, {"b": FRAMES}])
@pytest.mark.parametrize("bounded", [False, True])
def test_int8_needs_data_for_every_input(known, bounded, takers):
    endpoints, fields = takers[1]
    if bounded:
        contract = Contract({"a": Field("float32", (4,), 0, 1), "b": Field("float32", (None, 3), 0, 1)})
        fields = fields_of(endpoints, contract)
    message = rf"representative examples are of \['{min(known)}'\]; expected \['a', 'b'\]"
    with pytest.raises(UsageError, match=message):
        check_representative(endpoints, fields, known)
    check_representative(endpoints, fields, {"a": ROWS, "b": FRAMES})


def test_int8_needs_data_for_other_signatures_too_unless_the_first_one_gives_them():
    x, coding = keras.Input((4,), name="x"), keras.Input((2,), name="coding")
    encoder = keras.Model(x, {"coding": layers.Dense(2)(x)})
    decoder = keras.Model(coding, {"y": layers.Dense(4)(coding)})
    endpoints = as_endpoints(encoder, {"decode": decoder})
    check_representative(endpoints, fields_of(endpoints), {"x": ROWS})
    endpoints = as_endpoints(keras.Model(x, {"other": layers.Dense(2)(x)}), {"decode": decoder})
    with pytest.raises(UsageError, match=r"are of \['x'\]; expected \['coding', 'x'\], for decode too"):
        check_representative(endpoints, fields_of(endpoints), {"x": ROWS})
    check_representative(endpoints, fields_of(endpoints), {"x": ROWS, "coding": ROWS[:, :2]})


@pytest.mark.slow
def test_int8_takes_a_stream(tmp_path):
    x = keras.Input((4,), name="x")
    model = trained(keras.Model(x, layers.Dense(3, name="y")(x)))
    data = slices_of(ROWS, ROWS[:, 0]).batch(8)
    assert 0 < exported("litert", model, tmp_path, quantize="int8", representative=data).relative < 0.05


# What cannot be proven.


class Noisy(layers.Layer):
    def __init__(self, draw, **options):
        super().__init__(**options)
        self.draw, self.generator, self.count = draw, keras.random.SeedGenerator(1), tf.Variable(0.0)

    def call(self, x):
        return x + self.draw(self, ops.shape(x))


NOISE = {
    "a seed generator": lambda layer, shape: keras.random.normal(shape, seed=layer.generator),
    "TensorFlow's own": lambda layer, shape: tf.random.uniform(shape),
    "a state": lambda layer, shape: layer.count.assign_add(1.0),
}


@every_format
@pytest.mark.parametrize("kind", NOISE)
def test_what_changes_from_call_to_call_is_refused_by_every_format(kind, form, tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, Noisy(NOISE[kind], name="y")(x))
    with pytest.raises(
        UsageError, match="^output `y` of serving_default changes from call to call .*random numbers or keeps a state"
    ):
        exported(form, model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_noise_in_training_only_is_no_noise():
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.GaussianNoise(1.0)(layers.Dropout(0.5)(x)))
    check_repeats(as_endpoints(model), requests_of(model))


@every_format
def test_answers_that_are_never_finite_prove_nothing(form, tmp_path):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, {"fine": x * 2, "undefined": ops.log(-1 - ops.abs(x))})
    with pytest.raises(UsageError, match="output `undefined` of serving_default is never finite in Keras"):
        exported(form, model, tmp_path)
    assert not list(tmp_path.iterdir())


# Operations.


class Mine(keras.Model):
    """A subclass, with a variable of TensorFlow's own and a constant that was made before the graph."""

    def __init__(self):
        super().__init__()
        self.normalization, self.dense = layers.Normalization(), layers.Dense(3, activation="silu")
        self.normalization.adapt(ROWS)
        self.factor, self.shift = tf.Variable(np.float32(3)), tf.constant(np.float32(0.5))

    def call(self, x):
        return self.dense(self.normalization(x)) * self.factor + self.shift


@tf.custom_gradient
def squashed(x):
    scale = tf.constant(2.0) + tf.reduce_mean(x)
    return x / scale, lambda upstream: upstream / scale


def operations():
    x = keras.Input((4,), name="x")
    outputs = {name: layers.Dense(3, activation=name)(x) for name in ("silu", "gelu", "celu", "mish", "log_sigmoid", "selu")}
    outputs["log1p"], outputs["expm1"] = ops.log1p(ops.abs(x)), ops.expm1(x)
    outputs["mine"] = Mine()(x)
    return keras.Model(x, {**outputs, "squashed": layers.Activation(squashed)(x)})


@pytest.mark.slow
@every_format
def test_activations_constants_and_subclasses_answer_as_keras(form, tmp_path):
    model = operations()
    model.compile("adam", "mse")
    path = written(form, model, tmp_path)
    for rows in (1, 5):
        inputs = {"x": 4 * ROWS[:rows] - 2}
        assert_near(opened(path)(inputs), by_keras(model, inputs))
    if form == "litert":
        assert_is_plain(path)


class Sliced(layers.Layer):
    """Slices that add axes where more than one size is free."""

    def call(self, frames, keep):
        kept = tf.cast(keep[:, None, None, :], "float32")[:, 0, ..., None]  # (batch, 1, time, 1)
        return frames[:, None] * kept


def attention():
    frames, keep = keras.Input((None, 8), name="frames"), keras.Input((None,), dtype="bool", name="keep")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    read = layers.Embedding(5, 8, mask_zero=True)(tokens)
    outputs = {
        "causal": layers.MultiHeadAttention(2, 4)(frames, frames, use_causal_mask=True),
        "masked": layers.MultiHeadAttention(2, 4)(frames, frames, attention_mask=keep[:, None, :]),
        "padded": layers.MultiHeadAttention(2, 4)(read, frames, use_causal_mask=True),
        "grouped": layers.GroupQueryAttention(4, 4, 2)(frames, frames, use_causal_mask=True),
        "dot": layers.Attention()([frames, read], use_causal_mask=True),
        "sliced": Sliced()(frames, keep),
    }
    return keras.Model([frames, keep, tokens], outputs)


@pytest.mark.slow
def test_masks_of_any_length_are_built_in_operations_of_litert(tmp_path):
    model = trained(attention())
    path = written("litert", model, tmp_path)
    assert_is_plain(path)
    answer = opened(path)
    for batch, length in ((2, 6), (1, 1), (3, 9)):
        inputs = {
            "frames": GENERATOR.standard_normal((batch, length, 8)).astype("float32"),
            "keep": np.arange(length) % 3 < np.arange(1, batch + 1)[:, None],
            "tokens": np.maximum(1, np.arange(length) % 5)[None].repeat(batch, 0).astype("int32"),
        }
        inputs["tokens"][:, length // 2 + 1 :] = 0
        assert_near(answer(inputs), by_keras(model, inputs))


SLICES = {
    "[None]": lambda x: x[None],
    "[:, None]": lambda x: x[:, None],
    "[..., None]": lambda x: x[..., None],
    "[:, None, :, None]": lambda x: x[:, None, :, None],
    "[None, ..., None]": lambda x: x[None, ..., None],
    "[:, 0, None]": lambda x: x[:, 0, None],
    "[-1, None, 1::2]": lambda x: x[-1, None, 1::2],
    "[..., 0, None, 1:]": lambda x: x[..., 0, None, 1:],
    "[None, 1:, ..., None, 1, None]": lambda x: x[None, 1:, ..., None, 1, None],
    "[:, None, 1:n]": lambda x: x[:, None, 1 : tf.shape(x)[1] - 1],
    "in a loop": lambda x: tf.while_loop(
        lambda step, y: step < 2, lambda step, y: (step + 1, y + tf.reduce_sum(y[:, None, 1:], axis=(0, 2))[0, 0]), (0, x)
    )[1],
}


@pytest.mark.parametrize("name", SLICES)
def test_new_axes_apart_from_their_slice_give_the_same_tensor(name):
    x = tf.constant(np.arange(24).reshape(2, 4, 3))
    spec = tf.TensorSpec((None, None, None), x.dtype, name="x")
    function = tf.function(SLICES[name], autograph=False).get_concrete_function(spec)
    graph = with_new_axes_apart(function.graph.as_graph_def())
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    assert not [node.name for node in nodes if node.op == "StridedSlice" and node.attr["new_axis_mask"].i]
    output = function.outputs[0].name
    changed = tf.compat.v1.wrap_function(lambda x: tf.graph_util.import_graph_def(graph, {"x": x}, [output]), [spec])
    np.testing.assert_array_equal(changed(x)[0], SLICES[name](x))


# Text, and tables.


def text_model():
    vectorize = layers.TextVectorization(output_sequence_length=4)
    vectorize.adapt(["a b c d"])
    text = keras.Input((), dtype="string", name="text")
    return keras.Model(text, layers.Embedding(9, 4, name="y")(vectorize(text)))


def table_model():
    numbers = keras.Input((3,), dtype="int64", name="numbers")
    return keras.Model(
        numbers, layers.Embedding(9, 4, name="y")(layers.IntegerLookup(vocabulary=[3, 5, 7], name="lookup")(numbers))
    )


@pytest.mark.parametrize("form", ["litert", "onnx"])
@pytest.mark.parametrize(
    ("build", "what"), [(text_model, "input `text` is text"), (table_model, "layer `lookup` looks up in a table")]
)
def test_text_and_tables_are_refused_by_formats_that_have_none(build, what, form, tmp_path):
    with pytest.raises(UsageError, match=f"^{what}, for which (LiteRT|ONNX) has no operations; export a SavedModel, or"):
        exported(form, build(), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("build", [text_model, table_model])
def test_a_saved_model_takes_text_and_tables(build, tmp_path):
    model = build()
    answer = opened(written("saved_model", model, tmp_path))
    for _, inputs, outputs in requests_of(model):
        assert_near(answer(inputs), outputs)
    given = np.array([b"b a", b"", b"d unknown c"], object) if build is text_model else np.array([[3, 7, 4]])
    # 0 fills up and 1 is unknown, then come the words, all as frequent, in the reverse order of the alphabet; or 0 is unknown.
    numbers = [[4, 5, 0, 0], [0, 0, 0, 0], [2, 1, 3, 0]] if build is text_model else [[1, 3, 0]]
    expected = model.get_layer("y")(np.array(numbers))
    np.testing.assert_allclose(answer({model.input.name: given})["y"], expected, atol=1e-6)


# Lines that say what to do.


class Scan(layers.Layer):
    def call(self, x):
        return ops.scan(lambda state, frame: (state + frame, state), ops.zeros_like(x[:, 0]), ops.transpose(x, (1, 0, 2)))[1]


def refused_operation(kind):
    x = keras.Input((6, 3), name="x")
    if kind == "float64":
        return keras.Model(x, layers.Dense(2, dtype="float64", name="double")(x))
    return keras.Model(x, ops.argmax(x, axis=-1) if kind == "argmax" else Scan(name="running")(x), name="mine")


@pytest.mark.parametrize(
    ("form", "kind", "message"),
    [
        ("litert", "float64", "^layer `double` computes in float64, .*; build the model in float32"),
        pytest.param("litert", "argmax", r"take keras.ops.top_k\(x, 1\)\[1\]", marks=pytest.mark.slow),
        pytest.param("onnx", "argmax", r"take keras.ops.top_k\(x, 1\)\[1\]", marks=pytest.mark.slow),
        pytest.param("litert", "scan", r"\(layer `running`\); write the loop, .* keras.layers.RNN", marks=pytest.mark.slow),
        pytest.param("onnx", "scan", r"\(layer `running`\); write the loop, .* keras.layers.RNN", marks=pytest.mark.slow),
    ],
)
def test_an_operation_that_a_format_lacks_is_refused_with_what_to_take_in_its_place(form, kind, message, tmp_path):
    with pytest.raises((UsageError, RunError), match=message) as error:
        exported(form, refused_operation(kind), tmp_path)
    assert "\n" not in str(error.value) and "--" not in str(error.value) and "fused[" not in str(error.value)
    assert not list(tmp_path.iterdir())
