"""Recurrent networks on made-up tasks: what they compute, what they are trained on, and what people ask them."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo import binary_adder, datasets, deep_rnn, identity_rnn, latch_rnn, parity_rnn, saved
from zoo import finder as recipes
from zoo.data import Contract, Field
from zoo.data.kinds import bits, label
from zoo.engines import open_engine
from zoo.errors import UsageError
from zoo.layers import PadToLongest
from zoo.models.binary_adder import adder
from zoo.models.parity_rnn import parity
from zoo.prediction import predict
from zoo.training.loop import train

STEEP = 20.0  # tanh of what is beyond a threshold by a quarter is 1 to four digits
MEMORY_TASKS = ("latch", "temporal_order", "adding", "copy_memory")


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(3)


def with_random_weights(model, generator):
    model.set_weights([generator.uniform(-0.4, 0.4, weight.shape) for weight in model.weights])
    return model


def number(row):
    return int("".join(str(bit) for bit in row), 2)


# --- networks with weights by hand ----------------------------------------------------------------------------------------------


def test_three_units_add_numbers_of_any_two_lengths(generator):
    """Unit j is on where the two digits and the carry hold j ones or more, so that the second one is the next carry.

    On is 1 and off is -1. At first the state is 0, half a carry, which the thresholds j - 0.25 take for none.
    """
    model = binary_adder(units=3)
    recurrent = np.zeros((3, 3))
    recurrent[1] = STEEP / 2
    bias = STEEP * (0.5 + 0.25 - np.array([1, 2, 3]))
    model.set_weights([np.full((2, 3), STEEP), recurrent, bias, np.array([[1.0], [-1.0], [1.0]]), np.zeros(1)])
    for left, right in [(1, 1), (4, 3), (3, 4), (2, 70), (300, 300)]:
        a, b = (generator.integers(0, 2, (20, size), "int32") for size in (left, right))
        digits = adder(model)({"a": a, "b": b})["sum"].numpy()
        assert digits.shape == (20, max(left, right) + 1)
        assert [number(row) for row in digits] == [number(x) + number(y) for x, y in zip(a, b)]


def test_two_units_know_the_parity_of_any_length(generator):
    """The units are on where the input and the parity so far hold one 1 and two, as in the exclusive or of two layers."""
    model = parity_rnn(units=2)
    recurrent = STEEP / 2 * np.array([[1.0, 1.0], [-1.0, -1.0]])
    bias = STEEP * (0.5 - np.array([1, 2]))
    model.set_weights([np.full((1, 2), STEEP), recurrent, bias, np.array([[1.0], [-1.0]]), -np.ones(1)])
    for length in (1, 7, 500):
        sequences = generator.integers(0, 2, (20, length), "int32")
        answers = parity(model)(sequences)
        np.testing.assert_array_equal(answers["odd"].numpy() > 0.5, np.cumsum(sequences, axis=1) % 2)
        np.testing.assert_array_equal(answers["label"], sequences.sum(axis=1) % 2)


def simple_layer(sequence, weights, activation):
    """The states of a simple recurrent layer, (time, units), of one sequence (time, features)."""
    kernel, recurrent, bias = weights
    state, states = np.zeros(len(bias)), []
    for frame in sequence:
        state = activation(frame @ kernel + state @ recurrent + bias)
        states.append(state)
    return np.array(states)


def test_deep_rnn_concatenates_the_final_states(generator):
    """Payberah 2018, "Deep Learning for Poets (Part IV)", RNN in TensorFlow (3/3)."""
    model = with_random_weights(deep_rnn((None, 4), 3, (6, 5)), generator)
    sequence, finals = generator.normal(size=(9, 4)), []
    x = sequence
    for name in ("relu1", "relu2"):
        x = simple_layer(x, model.get_layer(name).get_weights(), lambda z: np.maximum(z, 0))
        finals.append(x[-1])
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(sequence[None])[0], np.concatenate(finals) @ kernel + bias, atol=1e-5)


def test_deep_rnn_in_both_directions(generator):
    model = with_random_weights(deep_rnn((None, 4), 3, (6, 5), "tanh", bidirectional=True), generator)
    sequence, finals = generator.normal(size=(9, 4)), []
    x = sequence
    for name in ("both_ways1", "both_ways2"):
        weights = model.get_layer(name).get_weights()
        forward, backward = simple_layer(x, weights[:3], np.tanh), simple_layer(x[::-1], weights[3:], np.tanh)
        finals += [forward[-1], backward[-1]]
        x = np.concatenate([forward, backward[::-1]], axis=1)
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(sequence[None])[0], np.concatenate(finals) @ kernel + bias, atol=1e-5)


@pytest.mark.parametrize(("cell", "bidirectional"), [("lstm", False), ("gru", True), ("lstm", True)])
def test_the_final_states_of_gated_layers_are_their_last_outputs(cell, bidirectional, generator):
    """Not the cells of an LSTM, which stay inside."""
    model = with_random_weights(deep_rnn((None, 4), 3, (6, 5), cell, bidirectional), generator)
    sequences, finals = generator.normal(size=(2, 9, 4)).astype("float32"), []
    x = sequences
    for index, units in enumerate((6, 5), start=1):
        x = np.asarray(model.get_layer(f"both_ways{index}" if bidirectional else f"{cell}{index}")(x)[0])
        finals += [x[:, -1, :units], x[:, 0, units:]]  # what reads backwards has its end in the first step
    together = keras.Model(model.input, model.get_layer("final_states").output)
    np.testing.assert_allclose(together(sequences), np.concatenate(finals, axis=1), atol=1e-6)


def test_a_new_identity_rnn_keeps_its_state_and_its_gradient(generator):
    """Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units".

    Without input the state stays, and the gradient of an input is the same however long ago it came.
    """
    model = identity_rnn((None, 2), 3, units=50, kernel_scale=0.1)
    kernel = model.get_layer("rnn").cell.kernel
    assert 0.05 < np.std(kernel) < 0.2
    sequence = np.zeros((1, 300, 2), "float32")
    sequence[0, 0] = 1, -1
    np.testing.assert_allclose(model(sequence), model(sequence[:, :1]), atol=1e-6)
    kernel.assign(np.abs(kernel))
    sequence = tf.Variable(generator.random((1, 300, 2)), dtype="float32")
    with tf.GradientTape() as tape:
        logit = model(sequence)[0, 0]
    gradient = tape.gradient(logit, sequence).numpy()[0]
    np.testing.assert_allclose(gradient, np.broadcast_to(gradient[-1], gradient.shape), rtol=1e-4)
    assert np.abs(gradient[0]).max() > 1e-3


def test_a_new_latch_rnn_has_gates_of_all_time_scales_up_to_its_memory():
    lstm = latch_rnn(units=500, memory=100).get_layer("lstm")
    i, f, c, o = np.split(np.asarray(lstm.cell.bias), 4)
    steps = np.exp(f)  # a gate of sigmoid(log(steps)) is 1 - 1 / (1 + steps)
    assert 1 <= steps.min() < 2 and 97 < steps.max() <= 99 and 47 < np.median(steps) < 53
    np.testing.assert_array_equal(i, -f)
    assert not c.any() and not o.any()
    assert np.asarray(latch_rnn(units=5, memory=None).get_layer("lstm").cell.bias)[5:10].tolist() == [1] * 5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: deep_rnn(cell="rnn"), "must be one of relu, tanh, gru, lstm, got 'rnn'"),
        (lambda: deep_rnn(units=()), "at least one number"),
        (lambda: latch_rnn(cell="relu"), "must be one of tanh, gru, lstm, got 'relu'"),
        (lambda: latch_rnn(memory=2), "at least 3, got 2"),
        (lambda: PadToLongest(-1), "must be 0 or more, got -1"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(build, message):
    with pytest.raises(ValueError, match=message) as error:
        build()
    assert "\n" not in str(error.value)


# --- sequences of different lengths ---------------------------------------------------------------------------------------------


def test_zeros_come_before_the_shorter_sequences(generator):
    short, long = generator.normal(size=(2, 3, 4)).astype("float32"), generator.normal(size=(2, 5, 1)).astype("float32")
    for first, second in ((short, long), (long, short)):
        padded = PadToLongest(2)([first, second])
        for before, after in zip((first, second), padded):
            assert after.shape == (2, 7, before.shape[2]) and not after[:, : -before.shape[1]].numpy().any()
            np.testing.assert_array_equal(after[:, -before.shape[1] :], before)


def test_padding_keeps_the_type_and_tells_its_shape():
    layer = PadToLongest.from_config(PadToLongest(1, dtype="mixed_float16").get_config())
    assert [output.dtype for output in layer([np.ones((1, 2), "int32"), np.ones((1, 1), "float32")])] == ["int32", "float32"]
    for lengths, longest in (((3, 5), 6), ((None, 5), None)):
        outputs = layer([keras.KerasTensor((None, length, 2)) for length in lengths])
        assert [output.shape for output in outputs] == [(None, longest, 2)] * 2


# --- data sets -----------------------------------------------------------------------------------------------------------------


def parts(data):
    return data.train, data.validation, data.test


@pytest.mark.parametrize("name", ["addition", "parity", *MEMORY_TASKS])
def test_made_up_data_keep_their_contract_and_depend_on_the_seed_alone(name):
    data_set = getattr(datasets, name)
    data = data_set.load(length=30, test_length=45, examples=20)
    assert [len(part) for part in parts(data)] == [20, 500, 1000]
    for part in parts(data):
        data.contract.check(part.inputs)
    lengths = [next(iter(part.inputs.values())).shape[1] for part in parts(data)]
    assert lengths[0] < lengths[1] == lengths[2]
    more, other = data_set.load(length=30, test_length=45, examples=40), data_set.load(30, 45, 20, seed=1)
    assert [part.fingerprint() for part in parts(more)[1:]] == [part.fingerprint() for part in parts(data)[1:]]
    assert not {part.fingerprint() for part in parts(data)} & {part.fingerprint() for part in parts(other)}
    assert all(field.shape[0] is None and field.max_length >= 10 * 45 for field in data.contract.inputs.values())


@pytest.mark.parametrize("length", [1, 8, 200])
def test_sums_are_those_of_python(length):
    part = datasets.addition.load(length=length, examples=50).train
    sums = [number(a) + number(b) for a, b in zip(part.inputs["a"], part.inputs["b"])]
    assert [number(row) for row in part.targets] == sums


def test_parities_are_those_of_each_beginning():
    part = datasets.parity.load(length=12, examples=50).train
    for row, target in zip(part.inputs["bits"].tolist(), part.targets.tolist()):
        assert target == [sum(row[: step + 1]) % 2 for step in range(12)]


def test_the_latch_is_one_sign_and_noise():
    data = datasets.latch.load(length=50, test_length=60, examples=4000)
    sequence, sign = data.train.inputs["sequence"][..., 0], 2 * data.train.targets - 1
    noise = sequence - np.eye(50)[0] * sign[:, None]
    assert abs(noise.mean()) < 2e-3 and abs(noise.std() - 0.2) < 2e-3 and abs(sign.mean()) < 0.06
    assert np.abs(np.corrcoef(sequence.T[1:], sign)[-1, :-1]).max() < 0.08  # nothing but the first step tells it
    silent = datasets.latch.load(length=50, noise=0.0, examples=9).train.inputs["sequence"]
    assert np.abs(silent).sum() == 9


def test_the_order_of_two_symbols_is_hochreiter_and_schmidhubers():
    part = datasets.temporal_order.load(length=100, examples=3000).train
    lengths, firsts, seconds = [], [], []
    for row, target in zip(part.inputs["sequence"], part.targets):
        steps = np.flatnonzero(row.any(axis=1))
        text = "".join(datasets.temporal_order.SYMBOLS[symbol] for symbol in row[steps[0] :].argmax(axis=1))
        assert set(row.sum(axis=1)[steps[0] :]) == {1}  # zeros before the beginning only
        assert text[0] == "E" and text[-1] == "B" and not {"E", "B"} & set(text[1:-1])
        places = [place for place, symbol in enumerate(text) if symbol in "XY"]
        assert datasets.temporal_order.CLASSES[target] == "".join(text[place] for place in places)
        lengths.append(len(text)), firsts.append(places[0]), seconds.append(places[1])
    assert [(min(found), max(found)) for found in (lengths, firsts, seconds)] == [(100, 110), (10, 20), (50, 60)]
    assert np.bincount(part.targets).min() > 600


def test_the_sum_of_two_marked_numbers_is_hochreiter_and_schmidhubers():
    part = datasets.adding.load(length=100, examples=3000).train
    lengths, places = set(), np.zeros(110, int)
    for row, target in zip(part.inputs["sequence"], part.targets):
        numbers, marks = row[np.flatnonzero(row[:, 1])[0] :].T
        marked = np.flatnonzero(marks == 1)
        assert len(marked) == 2 and marked[0] < 10 and marked[1] < 49 and marks[-1] == -1
        assert marks[0] == (1 if marked[0] == 0 else -1) and np.count_nonzero(marks) == 3 + (marked[0] > 0)
        assert marked[0] > 0 or numbers[0] == 0
        np.testing.assert_allclose(target, [0.5 + numbers[marked].sum() / 4], atol=1e-6)
        lengths.add(len(marks))
        places[marked] += 1
    assert lengths == set(range(100, 111)) and (places[:49] > 20).all()
    assert np.abs(part.inputs["sequence"]).max() <= 1 and 0.02 < part.targets.var() < 0.06


def test_the_ten_symbols_are_the_answer_after_the_signal():
    part = datasets.copy_memory.load(length=5, examples=200).train
    symbols = datasets.copy_memory.SYMBOLS + "-!"
    for row, target in zip(part.inputs["sequence"].argmax(axis=2), part.targets):
        text = "".join(symbols[symbol] for symbol in row)
        assert text[10:] == "----!" + "-" * 10
        assert "".join(datasets.copy_memory.CLASSES[symbol] for symbol in target) == "-" * 15 + text[:10]
        assert set(text[:10]) <= set("abcdefgh")
    assert (part.inputs["sequence"].sum(axis=2) == 1).all()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("binary_adder length=0", "the setting length is '0'; expected int, at least 1, at most 10000."),
        ("parity_rnn test_length=10001", "the setting test_length is '10001'; expected int, at least 1, at most 10000."),
        ("latch_rnn length=10000 examples=200000", "take 7.5 GiB of memory; expected at most 4 GiB. Use fewer examples"),
        ("latch_rnn data=temporal_order length=9", "has a length of 9; expected at least 10"),
        ("latch_rnn data=adding test_length=23", "has a length of 23; expected at least 24"),
        ("latch_rnn memory=2", "the setting memory is '2'; expected int, at least 3 or None."),
        ("latch_rnn noise=-1", "the setting noise is '-1'; expected float, at least 0."),
        ("latch_rnn data=addition", "the network needs 'sequence'"),
        ("binary_adder data=parity", "the network needs ['a', 'b']"),
        ("deep_rnn data=latch", "the network needs 'image'"),
        ("deep_rnn cell=rnn", 'expected "relu", "tanh", "gru", "lstm".'),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line_and_nothing_is_written(command, said, zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = zoo(f"train {command}")
    assert code == 2 and said in err and err.count("\n") == 1, err
    assert not list(tmp_path.iterdir())


# --- what people ask ------------------------------------------------------------------------------------------------------------

BITS = Field("int32", (None,), 0, 1, kind="bits")


def test_bits_are_read_as_they_are_written_and_shown_without_zeros_in_front(tmp_path):
    assert bits.read("0110", "a", BITS)[0].tolist() == [[0, 1, 1, 0]]
    (tmp_path / "numbers.txt").write_text("\ufeff101\n\n 1 \n1100\n")
    read, notes = bits.read(str(tmp_path / "numbers.txt"), "a", BITS)
    assert read.tolist() == [[0, 1, 0, 1], [0, 0, 0, 1], [1, 1, 0, 0]] and read.dtype == "int32"
    assert notes == [f"3 lines of {tmp_path / 'numbers.txt'}"]
    assert [bits.value(np.array(row), BITS) for row in ([0, 0, 1, 0], [0], [1, 1])] == ["10", "0", "11"]


@pytest.mark.parametrize("text", ["102", "0b11", "1.0", "-1", "1 1", "1,0", "", "  ", "one"])
def test_what_is_not_0_or_1_is_refused_in_one_line(text):
    with pytest.raises(UsageError, match="expected 0 and 1") as error:
        bits.read(text, "a", BITS)
    assert "\n" not in str(error.value)


def test_files_that_hold_no_bits_are_refused_and_the_line_is_said(tmp_path):
    for content, said in ((b"101\n12\n", "line 2, is '12'"), (b"\n", "holds no bits"), (b"\xff\xfe", "cannot be read as text")):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(UsageError, match=said):
            bits.read(str(tmp_path / "file"), "a", BITS)


def test_labels_of_each_step():
    field = label.of_classes(("a", "b", "-"))
    assert label.value(np.array([2, 0, 1], "int32"), field) == ["-", "a", "b"]
    assert label.words(np.array([2, 0, 1], "int32"), field) == "- a b"
    shares = np.array([[0.5, 0.25, 0.25], [0, 0, 1.0]], "float32")
    assert label.value(shares, field) == [{"a": 0.5, "b": 0.25, "-": 0.25}, {"a": 0, "b": 0, "-": 1}]
    assert label.words(shares, field) == "a -"
    with pytest.raises(UsageError, match="the label is 3"):
        label.value(np.array([0, 3], "int32"), field)


def test_a_contract_keeps_that_its_targets_are_of_each_step():
    contract = Contract({"bits": BITS}, ("even", "odd"), each_step=True)
    assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract
    before = {name: value for name, value in Contract({"bits": BITS}).to_json().items() if name != "each_step"}
    assert Contract.from_json(before).each_step is False


def test_numbers_are_added(zoo, tmp_path):
    assert zoo("predict binary_adder 1011 110")[:2] == (0, "sum: 10001\n")
    assert predict("binary_adder", ["1", "1"]) == [{"sum": "10"}]
    assert predict("binary_adder", inputs={"a": "0", "b": "00"}) == {"sum": "0"}
    code, out, _ = zoo("predict binary_adder 1011 110 1 1 --json")
    assert code == 0 and json.loads(out)["answers"] == {"sum": ["10001", "10"]}
    left, right = 2**999 + 12345, 2**640 - 1
    assert int(predict("binary_adder", [f"{left:b}", f"{right:b}"])[0]["sum"], 2) == left + right
    (tmp_path / "a.txt").write_text("1\n10\n11111\n")
    (tmp_path / "b.txt").write_text("1\n1\n1\n")
    code, out, _ = zoo(f"predict binary_adder {tmp_path}/a.txt {tmp_path}/b.txt --json")
    assert code == 0 and json.loads(out)["answers"] == {"sum": ["10", "11", "100000"]}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("binary_adder 1021 110", "`a` is '1021'; expected 0 and 1 only, such as 1011."),
        ("binary_adder 101 two", "`b` is 'two'; expected 0 and 1 only, such as 1011."),
        ("binary_adder 101", "takes a and b in turn"),
        (f"parity_rnn {'1' * 1001}", "input `bits` has length 1001; expected at most 1000."),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(command, said, zoo):
    code, out, err = zoo(f"predict {command}")
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1


def test_the_parity_is_told_with_its_course(zoo):
    code, out, _ = zoo("predict parity_rnn 10110")
    assert code == 0 and out.splitlines()[0] == "label: odd" and out.splitlines()[1].startswith("odd: █")
    answer = predict("parity_rnn", "10110")
    assert answer["label"] == "odd" and (answer["odd"] > 0.5).tolist() == [True, True, False, True, True]
    assert [row["label"] for row in predict("parity_rnn", ["1", "11", "0111"])] == ["odd", "even", "odd"]


def test_numbers_below_0_are_no_options(zoo):
    assert zoo("predict perceptron -0.5,-.25") == zoo("predict perceptron -- -0.5,-.25")
    assert "label: negative" in zoo("predict perceptron -.5,-0.25")[1]
    assert zoo("predict perceptron -x")[2] == "zoo: No such option: -x\n"


def test_a_latch_tells_the_sign_of_the_first_number(zoo):
    noise = " ".join(f"{value:.2f}" for value in np.random.default_rng(5).normal(0, 0.2, 400))
    for first, sign in (("0.9", "positive"), ("-1.1", "negative")):
        code, out, _ = zoo(f'predict latch_rnn "{first} {noise}"')
        assert code == 0 and f"label: {sign}" in out


# --- training and export --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEMORY_TASKS)
def test_the_recipe_measures_each_task_by_whole_sequences(name, generator):
    """Right answers count as right, and one wrong step, or a number that is off by 0.05, makes a sequence wrong."""
    recipe = recipes.find("latch_rnn")
    data = getattr(datasets, name).load(length=24, test_length=24, examples=10)
    part = data.test.head(8)
    key = "value" if data.contract.classes is None else "label"
    answers = part.targets.copy() if key == "label" else part.targets + 0.03
    assert recipe.measure({key: answers}, part, data.contract) == {"exact": 1.0}
    answers[3].flat[-1:] += 1 if key == "label" else 0.02
    wrong = answers.copy()
    if key == "label" and wrong[3].ndim == 0:
        wrong[3] = part.targets[3] + 1
    assert recipe.measure({key: wrong}, part, data.contract) == {"exact": 7 / 8}


@pytest.mark.slow
@pytest.mark.parametrize("name", MEMORY_TASKS)
def test_one_recipe_trains_every_task_of_memory(name, tmp_path):
    settings = [f"data={name}", "length=24", "test_length=24", "examples=100", "units=4", "memory=24", "epochs=1"]
    card = train("latch_rnn", settings, folder=tmp_path, verbose=0)
    assert 0 <= card["score"]["test"] <= 1 and (card["target"] is None) == (name != "latch")
    contract = saved.read_contract(tmp_path / "latch_rnn")
    answer = predict("latch_rnn", getattr(datasets, name).load(24, 24, 10).test.inputs["sequence"][0], folder=tmp_path)
    if name == "adding":
        assert answer["value"].shape == (1,)
    elif name == "copy_memory":
        assert len(answer["label"]) == len(answer["probabilities"]) == 44 and set(answer["label"]) <= set(contract.classes)
    else:
        assert answer["label"] in contract.classes and set(answer["probabilities"]) == set(contract.classes)


@pytest.mark.slow
def test_exported_adders_take_numbers_of_different_lengths(packaged_export, generator):
    """Each format, at lengths that the proof of an export does not try: its numbers are equally long."""
    folder = packaged_export("binary_adder") / "saved_models/binary_adder/1"
    for file, (left, right) in itertools.product(("saved_model.pb", "model.tflite", "model.onnx"), ((3, 90), (600, 5))):
        a, b = (generator.integers(0, 2, (4, size), "int32") for size in (left, right))
        digits = open_engine(folder / file).run("serving_default", {"a": a, "b": b})["sum"]
        assert [number(row) for row in digits] == [number(x) + number(y) for x, y in zip(a, b)], file
