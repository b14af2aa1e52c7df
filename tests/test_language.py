"""Running text: how it is cut, counted, read with a state that is carried on, and written."""

import collections
import json
import math
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops
from processes import read_until
from scipy import special, stats
from served import Served

from zoo import datasets, prediction, saved
from zoo.data import Field
from zoo.data.batches import Batches
from zoo.data.kinds import prompt
from zoo.data.language import language_data, log_likelihoods, split_text, windows
from zoo.data.ngrams import count, tables_of
from zoo.data.text import SPECIAL, UNKNOWN, Vocabulary
from zoo.endpoints import Endpoint
from zoo.errors import UsageError
from zoo.layers import CarriedState, NgramStep, NgramTables, TokenSampler
from zoo.layers.noise import seeded_gumbel
from zoo.layers.token_sampler import sampler, writing_endpoints
from zoo.models import char_rnn, ngram, word_rnn
from zoo.training.loop import train
from zoo.writing import tokens_written

DATA = pathlib.Path(__file__).parent / "data"
PARTS = ("train", "validation", "test")
TEXT = "the cat sat on the mat\nthe dog sat on the cat\na cat and a dog\n" * 3


def refused(function, *arguments, **keywords):
    with pytest.raises(UsageError) as caught:
        function(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# How text is cut


def test_windows_are_consecutive_and_lose_nothing():
    part = windows(list(range(4, 30)), 5)
    tokens, following = part.inputs["tokens"].ravel(), part.targets.ravel()
    assert tokens[tokens != 0].tolist() == list(range(4, 29)) and following[following != 0].tolist() == list(range(5, 30))
    assert part.consecutive and part.inputs["tokens"].shape == (5, 5)


@pytest.mark.parametrize("epoch", [0, 3])
def test_rows_of_batches_go_on_where_the_batch_before_ends(epoch):
    data = language_data(dict.fromkeys(PARTS, "abcdefghijklmnopqrstuvwxyz" * 4), 3, "a text", "none")
    batches = Batches(data.train, data.contract, 4, seed=1)
    batches.epoch = epoch
    rows = np.concatenate([batches[index][0] for index in range(len(batches))], axis=1)  # (4, time)
    assert rows.shape == (4, 3 * len(batches)) and len(batches) == len(data.train) // 4
    np.testing.assert_array_equal(rows.ravel(), data.train.inputs["tokens"].ravel()[: rows.size])
    validation = Batches(data.validation, data.contract, 4)
    assert sum(len(validation[index][0]) for index in range(len(validation))) == len(data.validation)


def test_too_few_windows_for_a_batch_are_told():
    data = language_data(dict.fromkeys(PARTS, "hello world"), 4, "a text", "none")
    message = refused(Batches, data.train, data.contract, 8, seed=0)
    assert message == (
        "the training part has 3 windows of text, and a batch 8; expected at least as many. Use a smaller batch_size, or shorter "
        "windows."
    )


def test_words_are_whole_or_unknown():
    words = Vocabulary.of_words(["the cat , <unk> sat\nthe mat"])
    assert words.pieces[4:] == ("<words>", "\n", "▁,", "▁<unk>", "▁cat", "▁mat", "▁sat", "▁the")
    numbers = words.encode("the cat, sat\ncats <unk>")
    assert words.decode(numbers) == " the cat , sat\n\ufffd <unk>"
    assert numbers.count(UNKNOWN) == 1 and words.encode("thecat") == [UNKNOWN, 2]
    assert Vocabulary.of_words(["a b a"], minimum_count=2).pieces[5:] == ("▁a",)


@given(st.text(alphabet="ab \n", min_size=1))
def test_characters_come_back(text):
    vocabulary = Vocabulary.of_characters([text])
    assert vocabulary.decode(vocabulary.encode(text)) == text


@given(st.text(alphabet="ab\n", max_size=200))
def test_a_text_is_split_without_loss(text):
    parts = split_text(text)
    assert "".join(parts[name] for name in PARTS) == text


# Prompts


def test_prompts_are_read_as_they_are_written(tmp_path):
    field = Field("int32", (None,), 0, 6, (*SPECIAL, "a", "\n", "▁"), kind="prompt")
    assert prompt.read("a \\n", "tokens", field)[0].tolist() == [[4, 6, 5]]
    (tmp_path / "text").write_text("a\n\n", encoding="utf-8-sig")
    tokens, notes = prompt.read(str(tmp_path / "text"), "tokens", field)
    assert tokens.tolist() == [[4, 5, 5]] and notes == [f"3 tokens of {tmp_path}/text"]
    assert prompt.value(np.array([4, 6, 5]), field) == "a \n"


def test_prompts_with_what_was_never_seen_are_refused(tmp_path):
    field = Field("int32", (None,), 0, 4, (*SPECIAL, "a"), kind="prompt")
    assert refused(prompt.read, "axy", "tokens", field) == (
        "`tokens` has 'x', 'y', which the training text does not have; expected only what occurs there."
    )
    assert refused(prompt.read, "", "tokens", field) == "'' holds no text; expected at least a letter to begin with."
    (tmp_path / "text").write_bytes(b"\xff\xfe")
    assert "cannot be read as UTF-8 text" in refused(prompt.read, str(tmp_path / "text"), "tokens", field)


# Data sets


def test_hello_has_the_four_letters_of_the_lecture():
    data = datasets.hello.load()
    assert set(data.contract["tokens"].vocabulary[4:]) == {"h", "e", "l", "o", "\n"}
    assert len(data.train.inputs["tokens"].ravel()) == 3000


def test_the_standard_library_is_at_hand_without_any_file():
    data = datasets.stdlib.load()
    vocabulary = Vocabulary(data.contract["tokens"].vocabulary)
    text = vocabulary.decode(data.train.inputs["tokens"].ravel())
    assert "def __init__(self" in text and "\t" not in text and 800_000 < len(text) <= 1_200_000
    assert not set(vocabulary.decode(data.test.inputs["tokens"].ravel())) & {"\ufffd"}
    assert data.fingerprint() == datasets.stdlib.load().fingerprint()


def test_a_persons_texts_are_read_and_every_file_is_in_every_part(tmp_path):
    for name in ("a.txt", "b.md"):
        (tmp_path / name).write_text(f"{name[0]} line\r\n" * 100, encoding="utf-8-sig")
    (tmp_path / "c.bin").write_bytes(b"\0")
    data = datasets.text.load(str(tmp_path))
    vocabulary = Vocabulary(data.contract["tokens"].vocabulary)
    for name in PARTS:
        tokens = getattr(data, name).inputs["tokens"].ravel()
        text = vocabulary.decode(tokens[tokens != 0])
        assert "a line\n" in text and "b line\n" in text and "\r" not in text
    assert data.source == f"2 texts of {tmp_path}"
    words = datasets.text.load(f"{tmp_path}/a.txt,{tmp_path}/b.md", level="words", lower=True, minimum_count=2)
    assert set(words.contract["tokens"].vocabulary[5:]) == {"\n", "▁a", "▁b", "▁line"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds 0 characters; expected at least 100."),
        (b"one line\n", "holds 9 characters; expected at least 100."),
        (b"a" * 200, "has 1 different character in its training part; expected at least two."),
        (b"\xff\xfe\xfa" * 50, "cannot be read as UTF-8 text"),
        (b"text\0" * 50, "is not a text: it holds zero bytes."),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, message):
    (tmp_path / "text.txt").write_bytes(content)
    assert message in refused(datasets.text.load, str(tmp_path / "text.txt"))


def test_missing_texts_are_told(tmp_path, monkeypatch):
    assert refused(datasets.text.load).startswith("`data=text` came without a file")
    assert f"there is no file or folder {tmp_path}/poems.txt" in refused(datasets.text.load, f"{tmp_path}/poems.txt")
    assert "holds no text file of at least 100 characters" in refused(datasets.text.load, str(tmp_path))
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    for module in (datasets.tiny_shakespeare, datasets.ptb):
        assert "is missing; it comes from" in refused(module.load)
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("To be\n")
    assert "is not Tiny Shakespeare (its sha256 differs)" in refused(datasets.tiny_shakespeare.load)


# Counting


def slow_kneser_ney(tokens, order, vocabulary):
    """Interpolated, modified Kneser-Ney by dictionaries, as Chen & Goodman 1999 write it: p(token, history)."""
    grams = [collections.Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)) for n in range(1, order + 1)]
    used = []
    for n in range(1, order + 1):
        if n == order:
            used.append(dict(grams[n - 1]))
            continue
        kinds = collections.defaultdict(set)
        for gram in grams[n]:
            kinds[gram[1:]].add(gram[0])
        # What stands at the very beginning of the text has nothing before it.
        used.append({gram: len(kinds[gram]) or (grams[n - 1][gram] if n > 1 else 0) for gram in grams[n - 1]})
        if n > 1:
            first = tuple(tokens[:n])
            used[-1][first] = grams[n - 1][first] if first not in kinds else used[-1][first]
    discounts = []
    for counts in used:
        n1, n2, n3, n4 = (sum(value == number for value in counts.values()) for number in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            discounts.append((0, 0.5, 0.5, 0.5))
            continue
        share = n1 / (n1 + 2 * n2)
        found = (0, 1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
        discounts.append(tuple(max(value, 0.0) for value in found))

    def probability(token, history, n):
        counts, discount = used[n - 1], discounts[n - 1]
        if n == 1:
            total = sum(counts.values())
            left = sum(discount[min(value, 3)] for value in counts.values())
            value = counts.get((token,), 0)
            return (value - discount[min(value, 3)] + left / len(vocabulary)) / total
        own = {gram: value for gram, value in counts.items() if gram[:-1] == history}
        total = sum(own.values())
        lower = probability(token, history[1:], n - 1)
        if not total:
            return lower
        value = own.get((*history, token), 0)
        left = sum(discount[min(one, 3)] for one in own.values())
        return (value - discount[min(value, 3)]) / total + left / total * lower

    def asked(token, history):
        kept = history[len(history) - min(order - 1, len(history)) :]
        return probability(token, tuple(kept), len(kept) + 1)

    return asked


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(4, 8), min_size=12, max_size=60), st.integers(1, 4))
def test_kneser_ney_equals_slow_dictionaries(tokens, order):
    tables = count(np.array(tokens), 9, order, never=(0, 1, 2, 3))
    slow = slow_kneser_ney(tokens, order, range(4, 9))
    asked = np.array([4, 7, 5, 5, 8, 6, 4, 4])
    expected = [slow(token, asked[:place].tolist()) for place, token in enumerate(asked)]
    np.testing.assert_allclose(tables.probabilities(asked), expected, rtol=1e-9)


@pytest.mark.parametrize("smoothing", ["kneser_ney", "add_k"])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_sum_to_one_after_seen_and_unseen_histories(smoothing, order):
    vocabulary = Vocabulary.of_characters([TEXT])
    numbers = np.array(vocabulary.encode(TEXT)[:-1])
    tables = count(numbers, len(vocabulary), order, smoothing, never=(0, 1, 2, 3), barrier=vocabulary.numbers["\n"])
    for history in ("the ", "zzz"[:0] + "otm", "\n", "sat on t"):
        before = vocabulary.encode(history)[:-1]
        every = [
            tables.probabilities(np.array([*before, token]), vocabulary.numbers["\n"])[-1] for token in range(len(vocabulary))
        ]
        assert math.isclose(sum(every), 1.0, rel_tol=1e-9) and not any(every[:4])


def test_counts_are_those_of_the_lecture():
    """ "students opened their" a thousand times, then "books" 400 and "exams" 100 times."""
    their = [4, 5, 6]
    text = np.array((their + [7]) * 400 + (their + [8]) * 100 + (their + [9]) * 500)
    tables = count(text, 10, 4, "none")
    for token, expected in ((7, 0.4), (8, 0.1), (9, 0.5)):
        assert tables.probabilities(np.array([*their, token]))[-1] == expected
    assert tables.probabilities(np.array([4, 5, 6, 4]))[-1] == 0, "never occurred"
    smoothed = count(text, 10, 4, "add_k", k=0.5, never=(0, 1, 2, 3))
    assert math.isclose(smoothed.probabilities(np.array([4, 5, 6, 4]))[-1], 0.5 / (1000 + 6 * 0.5))


def test_orders_and_smoothings_that_are_none_are_refused():
    for keywords in ({"order": 0}, {"order": 2, "smoothing": "laplace"}, {"order": 2, "k": 0.0}):
        with pytest.raises(ValueError, match="must be"):
            count(np.array([4, 5]), 6, **keywords)


@pytest.mark.real
def test_kneser_ney_on_the_penn_treebank(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    data = datasets.ptb.load()
    vocabulary = data.contract["tokens"].vocabulary
    assert len(vocabulary) == 10_005  # with the special pieces, and that which says that they are words
    barrier = vocabulary.index("\n")

    def numbers(part):
        tokens = part.inputs["tokens"].ravel()
        return np.concatenate([[barrier], tokens[tokens != 0], part.targets[part.targets != 0][-1:]])

    tables = count(numbers(data.train), len(vocabulary), 5, barrier=barrier, never=range(5))
    test = numbers(data.test)
    assert len(test) == 82_431
    assert abs(np.exp(-np.log(tables.probabilities(test, barrier)[1:]).mean()) - 141.2) < 0.03 * 141.2


# In a graph


def filled(order, barrier=None):
    vocabulary = Vocabulary.of_characters([TEXT])
    numbers = np.array(vocabulary.encode(TEXT)[:-1])
    tables = count(numbers, len(vocabulary), order, never=(0, 1, 2, 3), barrier=barrier)
    layer = NgramTables(len(vocabulary), order, 300, barrier)
    layer.build()
    layer.fill(tables.unigrams, tables.tables)
    return layer, tables, vocabulary


@pytest.mark.parametrize(("order", "has_barrier"), [(1, False), (2, True), (4, False), (4, True)])
def test_tables_in_a_graph_are_those_that_were_counted(order, has_barrier):
    barrier = Vocabulary.of_characters([TEXT]).numbers["\n"] if has_barrier else None
    layer, tables, vocabulary = filled(order, barrier)
    text = np.array(vocabulary.encode("a mat sat\nthe on dog\nand")[:-1])
    expected = np.log(tables.probabilities(text, barrier))
    found = ops.convert_to_numpy(layer(ops.convert_to_tensor(np.array([[*text, 0]]), "int32")))[0]
    np.testing.assert_allclose(found[:-1], expected, atol=1e-5)
    assert found[-1] == 0
    ids = ops.zeros((1, max(order - 1, 1)), "int32")
    for place in range(8):
        logits, ids = layer.following(ops.array([text[place]], "int32"), ids)
        assert math.isclose(float(logits[0, text[place + 1]]), expected[place + 1], abs_tol=1e-5)


def test_more_n_grams_than_a_layer_holds_are_told():
    layer = NgramTables(8, 2, 1)
    layer.build()
    tables = count(np.array([4, 5, 6, 4]), 8, 2)
    with pytest.raises(ValueError, match="3 different n-grams of one length, and there is room for 1; give capacity=3"):
        layer.fill(tables.unigrams, tables.tables)


def writer(largest_k=100):
    """A writer of n-grams, whose step is small and exact."""
    layer, tables, vocabulary = filled(3)
    token, ids = keras.Input((), dtype="int32", name="token"), keras.Input((2,), dtype="int32", name="ids")
    logits, following = NgramStep(layer, name="following")(token, ids)
    step = keras.Model([token, ids], {"logits": logits, "next_ids": following}, name="step")
    return sampler(step, largest_k), tables, vocabulary


def written(model, prompts, length=8, temperature=1.0, top_k=0, seed=0):
    width = max(map(len, prompts))
    rows = np.array([[*row, *[0] * (width - len(row))] for row in prompts], "int32")
    given = ((length, "int32"), (temperature, "float32"), (top_k, "int32"), (seed, "int32"))
    scalars = [np.array(value, dtype) for value, dtype in given]
    return ops.convert_to_numpy(model([rows, *scalars])["continuation"])


def test_a_row_in_a_batch_is_what_it_is_alone():
    model, _, vocabulary = writer()
    long, short = vocabulary.encode("the cat s")[:-1], vocabulary.encode("a ")[:-1]
    both = written(model, [long, short], seed=5)
    np.testing.assert_array_equal(both[:1], written(model, [long], seed=5))
    np.testing.assert_array_equal(both[1:], written(model, [short], seed=6))
    assert (both >= 4).all() and not np.array_equal(both, written(model, [long, short], seed=7))


def test_low_temperatures_and_a_top_k_of_one_write_the_likeliest():
    model, tables, vocabulary = writer()
    start = vocabulary.encode("the ")[:-1]
    text = list(start)
    for _ in range(8):
        every = [tables.probabilities(np.array([*text, token]))[-1] for token in range(len(vocabulary))]
        text.append(int(np.argmax(every)))
    for keywords in ({"temperature": 0.01}, {"temperature": 0.0}, {"top_k": 1}):
        assert written(model, [start], **keywords)[0].tolist() == text[4:], keywords


def test_draws_have_the_frequencies_of_the_softmax():
    """Ten thousand first tokens against the probabilities, at a temperature, by chi-square."""
    model, tables, vocabulary = writer()
    start = vocabulary.encode("the ")[:-1]
    drawn = written(model, [start] * 10_000, length=1, temperature=1.5)[:, 0]
    every = np.array([tables.probabilities(np.array([*start, token]))[-1] for token in range(len(vocabulary))])
    expected = every ** (1 / 1.5) / np.sum(every ** (1 / 1.5))
    counts = np.bincount(drawn, minlength=len(vocabulary))
    assert not counts[:4].any()
    assert stats.chisquare(counts[4:], 10_000 * expected[4:] / expected[4:].sum()).pvalue > 1e-4
    best = set(np.argsort(-every)[:3])
    assert set(written(model, [start] * 1000, length=1, top_k=3)[:, 0]) == best


def test_gumbel_noise_is_gumbel_and_finite():
    noise = ops.convert_to_numpy(seeded_gumbel(ops.arange(3000), ops.zeros((3000,), "int32"), 4))
    assert np.isfinite(noise).all() and len(np.unique(noise)) > 11_900
    assert stats.kstest(noise.ravel(), "gumbel_r").pvalue > 1e-3
    again = ops.convert_to_numpy(seeded_gumbel(ops.array([7, 7]), ops.array([0, 1]), 4))
    np.testing.assert_array_equal(again[0], noise[7])
    assert not np.array_equal(again[0], again[1])


@pytest.mark.slow
def test_a_writer_writes_the_same_text_in_every_format(tmp_path):
    from zoo import export
    from zoo.engines import open_engine

    model, _, vocabulary = writer()
    start = np.array([vocabulary.encode("the ")[:-1]], "int32")
    asked = {
        "tokens": start,
        "length": np.array(50, "int32"),
        "temperature": np.array(0.8, "float32"),
        "top_k": np.array(5, "int32"),
        "seed": np.array(3, "int32"),
    }
    export.saved_model(model, str(tmp_path / "1"), examples=asked)
    export.litert(model, str(tmp_path / "model.tflite"), examples=asked)
    export.onnx(model, str(tmp_path / "model.onnx"), examples=asked)
    expected = written(model, start.tolist(), 50, 0.8, 5, 3)
    for file in ("1/saved_model.pb", "model.tflite", "model.onnx"):
        tokens = open_engine(tmp_path / file).run("serving_default", asked)["continuation"]
        np.testing.assert_array_equal(tokens, expected, err_msg=file)


# A network as a whole


def small_writers():
    vocabulary = Vocabulary.of_characters([TEXT])
    size = len(vocabulary)
    networks = {
        "char_rnn": (char_rnn.char_rnn(size, 5, (6, 4), "lstm"), char_rnn),
        "char_rnn, one-hot": (char_rnn.char_rnn(size, None, (6,), "tanh"), char_rnn),
        "word_rnn, tied": (word_rnn.word_rnn(size, 5, (6, 5), "gru", tied=True), char_rnn),
        "ngram": (ngram.ngram(size, 3, 300), ngram),
    }
    generator = np.random.default_rng(1)
    for model, _ in networks.values():
        if model.name == "ngram":
            tables = count(np.array(vocabulary.encode(TEXT)[:-1]), size, 3, never=(0, 1, 2, 3))
            model.get_layer("tables").fill(tables.unigrams, tables.tables)
        else:
            model.set_weights([generator.normal(size=weight.shape) for weight in model.weights])
    return vocabulary, networks


def test_steps_readers_and_writers_are_the_network(capfd):
    """Token by token, in pieces and at once: one network; a text that is told as it is written is the text that is written."""
    vocabulary, networks = small_writers()
    prompt = vocabulary.encode("the cat ")[:-1]
    for name, (model, module) in networks.items():
        parts = {key: Endpoint(one) for key, one in writing_endpoints(module.step(model)).items()}
        asked = {"length": 20, "temperature": 0.7, "top_k": 0, "seed": 4}
        arrays = {key: np.array(value, parts["serving_default"].inputs[key].dtype) for key, value in asked.items()}
        whole = parts["serving_default"].predict({"tokens": np.array([prompt], "int32"), **arrays})["continuation"][0]
        assert list(tokens_written(parts["write_step"], prompt, **asked)) == whole.tolist(), name
        text = np.array([[*prompt, *whole]], "int32")
        likely = parts["next"].predict({"tokens": text[:, :9]})["probabilities"][0]
        assert not likely[:4].any() and math.isclose(likely.sum(), 1, rel_tol=1e-5), name
        if name == "ngram":
            found = ops.convert_to_numpy(model(text))[0, 9]
            assert math.isclose(math.log(likely[text[0, 9]]), found, abs_tol=1e-5)
            continue
        logits = ops.convert_to_numpy(model(text))
        np.testing.assert_allclose(likely[4:], special.softmax(logits[0, 8, 4:]), atol=1e-6, err_msg=name)
        reader = module.reader(model)
        states = [np.zeros((1, *state.shape[1:]), state.dtype) for state in reader.inputs[1:]]
        first = reader([text[:, :5], *states])
        following = [ops.convert_to_numpy(first[f"next_{state.name}"]) for state in reader.inputs[1:]]
        second = reader([text[:, 5:], *following])
        pieces = [ops.convert_to_numpy(outputs["logits"]) for outputs in (first, second)]
        np.testing.assert_allclose(np.concatenate(pieces, axis=1), logits, atol=1e-5, err_msg=name)


def test_counts_load_in_a_fresh_process(tmp_path):
    vocabulary, networks = small_writers()
    model, text = networks["ngram"][0], np.array([vocabulary.encode("the dog")[:-1]], "int32")
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "asked.npz", text=text, answer=model(text))
    code = (
        "import zoo, keras, numpy as np; asked = np.load('asked.npz'); model = keras.saving.load_model('model.keras'); "
        "np.testing.assert_allclose(model(asked['text']), asked['answer'], atol=1e-6)"
    )
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


def test_builders_say_what_they_expect():
    with pytest.raises(ValueError, match="`units` of char_rnn must have at least one number"):
        char_rnn.char_rnn(units=())
    with pytest.raises(ValueError, match='`cell` of char_rnn must be "tanh", "gru" or "lstm", got \'rnn\''):
        char_rnn.char_rnn(cell="rnn")
    with pytest.raises(ValueError, match="with `tied`, the last of `units` must be `embedding`, got 8 and 6"):
        char_rnn.char_rnn(embedding=6, units=(8,), tied=True)


HELLO = ["data=hello", "embedding=None", "units=(8,)", "cell=tanh", "dropout=0.1", "learning_rate=0.03"]


@pytest.fixture(scope="module")
def hello(tmp_path_factory):
    """A folder with a network that memorised the word of the lectures, and its card."""
    folder = tmp_path_factory.mktemp("hello")
    return folder, train("char_rnn", [*HELLO, "epochs=16"], folder=folder, verbose=0)


def test_the_word_of_the_lectures_is_memorised_and_told_at_three_stages(hello):
    folder, card = hello
    # Four letters and a line break: what follows an l is all that a network has to remember.
    assert card["score"]["metric"] == "nats" and card["score"]["test"] < 0.15
    assert [sample["epoch"] for sample in card["samples"]][:2] == [1, 4] and len(card["samples"]) == 3
    right = [sample["text"].split("\n").count("hello") for sample in card["samples"]]
    assert right[0] < right[-1] and right[-1] > 30
    assert set("".join(sample["text"] for sample in card["samples"])) <= set("helo\n")
    asked = prediction.question("char_rnn", ["hel"], {"length": 12, "temperature": 0.1}, folder=folder)
    assert asked.is_writing and "".join(asked.parts()) == "hello\nhello\nhel" == "hel" + asked.answer().values()[0]["text"]
    likely = prediction.predict("char_rnn", "hell", endpoint="next", folder=folder)["probabilities"]
    assert likely["o"] > 0.9 and max(likely, key=likely.get) == "o" and "↵" in likely


def test_what_stands_beside_weights_made_on_the_penn_treebank_is_ours():
    found = saved.packaged_folder() / "word_rnn"
    contract = saved.read_contract(found)
    numbers = saved.read_examples(found, contract)["tokens"]
    vocabulary = Vocabulary(contract["tokens"].vocabulary)
    ours = {word for line in datasets.ptb.EXAMPLES.splitlines() for word in line.split()}
    assert len(numbers) == 8 and set(vocabulary.decode(numbers.ravel()).split()) <= ours


@pytest.mark.slow
def test_a_run_that_carries_its_state_is_resumed_to_the_very_same_weights(tmp_path):
    settings = [*HELLO, "epochs=3", "batch_size=4"]
    code = f"from zoo.training.loop import train; train('char_rnn', {settings}, 'killed', verbose=1)"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        read_until(process, rb"Epoch 2/3.*20/150")
        process.kill()
    resumed = train("char_rnn", settings, folder=tmp_path / "killed", resume=True, verbose=0)
    whole = train("char_rnn", settings, folder=tmp_path / "whole", verbose=0)
    weights = [(tmp_path / folder / "char_rnn" / saved.WEIGHTS).read_bytes() for folder in ("killed", "whole")]
    assert weights[0] == weights[1] and resumed["samples"] == whole["samples"]


def test_a_text_of_ones_own_is_measured_as_a_whole_and_line_by_line(hello, tmp_path, zoo):
    folder, _ = hello
    (tmp_path / "own.txt").write_text("hello\nhello\n\nolleh\n", encoding="utf-8")
    code, output, error = zoo(f"evaluate char_rnn data=text:{tmp_path}/own.txt --folder {folder} --json")
    told = json.loads(output)
    assert code == 0, error
    assert [line["line"] for line in told["lines"]] == ["hello", "hello", "olleh"]
    assert [line["tokens"] for line in told["lines"]] == [5, 6, 6]  # nothing predicts the first letter
    assert told["lines"][1]["perplexity"] < 1.5 < 3 < told["lines"][2]["perplexity"]
    assert math.isclose(told["scores"]["bits"], told["scores"]["nats"] / math.log(2))
    weighed = sum(line["nats"] * line["tokens"] for line in told["lines"])
    assert weighed < told["scores"]["nats"] * 18 < weighed + 20  # the empty line is in the whole only
    (tmp_path / "odd.txt").write_text("hello world", encoding="utf-8")
    code, output, _ = zoo(f"evaluate char_rnn data=text:{tmp_path}/odd.txt --folder {folder}")
    assert code == 0 and output.startswith("4 of 11 characters do not occur in the training text and count as <unknown>\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("predict char_rnn hex", "`tokens` has 'x', which the training text does not have; expected only what occurs there."),
        ("predict char_rnn he temperature=0", "input `temperature` is 0; expected a value in [0.01, 100]."),
        ("predict char_rnn he temperature=-1", "input `temperature` is -1; expected a value in [0.01, 100]."),
        ("predict char_rnn he length=0", "input `length` is 0; expected a value in [1, 10000]."),
        ("predict char_rnn he length=10001", "input `length` is 10001; expected a value in [1, 10000]."),
        ("predict char_rnn he top_k=10", "input `top_k` is 10; expected a value in [0, 9]."),
        ("predict char_rnn he seed=-1", "input `seed` is -1; expected a value in [0, 1e+06]."),
        ("predict char_rnn he seed=one", "`seed` is 'one'; expected int32 in [0, 1e+06]."),
        ("predict char_rnn ''", "'' holds no text; expected at least a letter to begin with."),
        ("evaluate char_rnn epochs=3", "got epochs; expected data=SET, and what else that set takes: steps."),
        ("evaluate char_rnn data=text", "`data=text` came without a file; write data=text:FILE, or data=text:FOLDER."),
        ("train ngram order=0", "the setting order is '0'; expected int, at least 1."),
        ("train word_rnn data=text:missing.txt", "there is no file or folder missing.txt; expected text as data=text:FILE."),
    ],
)
def test_what_cannot_be_written_is_told_in_one_line(hello, zoo, command, message):
    code, _, error = zoo(f"{command} --folder {hello[0]}")
    assert (code, error) == (2, f"zoo: {message}\n")


@pytest.mark.slow
def test_the_server_tells_a_text_as_it_is_written(hello, zoo):
    folder, _ = hello
    code, _, error = zoo(f"export char_rnn --format litert --folder {folder}")
    assert code == 0, error
    asked = {"length": 9, "temperature": 1.5, "top_k": 3, "seed": 5}
    written = prediction.predict("char_rnn", "hel", inputs=asked, folder=folder)["text"]
    server = Served(folder)
    try:
        status, events = server("POST", "/v1/models/char_rnn:generate", {"text": "hel", **asked})
        lines = events.decode().split("\n\n")
        assert status == 200 and lines[-2:] == ["data: [DONE]", ""]
        told = [json.loads(line.removeprefix("data: "))["text"] for line in lines[:-2]]
        assert told == [written[:count] for count in range(1, 10)]
        for body, message in (
            ({"text": ""}, "`text` is empty; expected at least a letter to begin with."),
            ({"text": "hex"}, "`text` has 'x', which the training text does not have; expected only what occurs there."),
            ({"text": "h", "length": 0}, "input `length` is 0; expected a value in [1, 10000]."),
            ({"text": "h", "length": 1001}, "`length` is 1001; expected at most 1000 where the text is told token by token."),
            ({"text": "h", "length": [3]}, "input `length` has shape (1,); expected ()."),
            ({"text": "h", "temperature": 0}, "input `temperature` is 0; expected a value in [0.01, 100]."),
            ({"text": "h", "seed": "one"}, "input `seed` holds texts; expected int32 ()."),
            ({"text": "h", "lengths": 3}, "there is no option 'lengths'; expected text, length, temperature, top_k, seed."),
            ({"length": 3}, 'expected {"text": "..."}.'),
            (
                {"text": "h" * 2001},
                "input `text` is 2001 characters long; expected at most 2000 tokens, which are at most 2000 characters.",
            ),
        ):
            status, answer = server("POST", "/v1/models/char_rnn:generate", body)
            assert (status, answer) == (400, {"error": message}), body
        status, answer = server.predict({"signature_name": "next_text", "inputs": ["hell", "h"]}, "char_rnn")
        assert status == 200 and np.argmax(answer["outputs"], axis=1).tolist() == [8, 5]  # o, e
        status, models = server("GET", "/v1/zoo")
        (model,) = models["models"]
        shown = model["contract"]["signatures"]
        assert (
            shown["serving_default"]["inputs"]["length"]["default"] == 200
            and shown["next_text"]["inputs"]["text"]["kind"] == "prompt"
        )
        server.connection.request("GET", "/v1/zoo")
        tag = server.connection.getresponse()
        tag.read()
        server.connection.request("GET", "/v1/zoo", headers={"If-None-Match": tag.headers["ETag"]})
        same = server.connection.getresponse()
        assert (same.status, same.read()) == (304, b"")
    finally:
        server.end()


def test_more_n_grams_than_there_is_room_for_are_told_before_anything_is_kept(tmp_path, zoo):
    code, _, error = zoo(f"train ngram data=hello capacity=2 --folder {tmp_path}")
    assert code == 2 and error.endswith("different n-grams of one length, and there is room for 2; give capacity=6.\n")
    assert not list((tmp_path / "ngram").rglob("*.*"))
    code, _, error = zoo(f"train ngram data=hello capacity=6 --folder {tmp_path}")
    assert code == 0, error


def test_sparsity_and_storage_are_counted():
    vocabulary = Vocabulary.of_characters([TEXT])
    numbers, other = (np.array(vocabulary.encode(text)[:-1]) for text in (TEXT, "the tac on the dog\n"))
    tables = count(numbers, len(vocabulary), 4)
    found = tables.sparsity(other)
    for length in (2, 3, 4):
        known = {tuple(numbers[place : place + length]) for place in range(len(numbers) - length + 1)}
        asked = [tuple(other[place : place + length]) for place in range(len(other) - length + 1)]
        assert found[f"seen_{length}grams"] == len(known)
        assert math.isclose(found[f"unseen_{length}grams"], np.mean([one not in known for one in asked]))
    layer, _, _ = filled(4)
    kept = [{name: ops.convert_to_numpy(weight) for name, weight in table.items()} for table in layer.tables]
    assert tables_of(ops.convert_to_numpy(layer.unigrams), kept).sparsity(other) == found


# The state


def reader_of(rnn, width=3):
    """A network of one recurrent layer in `CarriedState`, and the same with the state in the open."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    embedding, logits = layers.Embedding(8, width), layers.Dense(8)
    carried = CarriedState(rnn, batch_size=2)
    model = keras.Model(tokens, logits(carried(embedding(tokens))))
    states = [keras.Input((size,), name=f"state{index}") for index, size in enumerate(keras.tree.flatten(rnn.state_size))]
    outputs, *new = rnn(embedding(tokens), initial_state=states)
    following = {f"next_{state.name}": one for state, one in zip(states, new)}
    return model, carried, keras.Model([tokens, *states], {"logits": logits(outputs), **following})


@pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_a_text_in_chunks_is_read_as_in_one_piece(kind):
    model, carried, reader = reader_of(kind(5, return_sequences=True, return_state=True))
    text = np.random.default_rng(0).integers(4, 8, (2, 13)).astype("int32")
    whole = ops.convert_to_numpy(model(text))
    chunks = [model(text[:, start : start + 4], training=True) for start in range(0, 12, 4)]
    np.testing.assert_allclose(np.concatenate(chunks, axis=1), whole[:, :12], atol=1e-6)
    np.testing.assert_allclose(model(text), whole, atol=1e-6, err_msg="outside training nothing is carried, nor moved")
    again = ops.convert_to_numpy(model(text[:, :4], training=True))
    assert np.abs(again - whole[:, :4]).max() > 1e-4, "the state was carried on"
    carried.reset_state()
    np.testing.assert_allclose(model(text[:, :4], training=True), whole[:, :4], atol=1e-6)
    # The same number by the data's own way, with the state in the open.
    part = windows(text.ravel().tolist(), 5)
    logits = ops.convert_to_numpy(model(text.reshape(1, -1)[:, :-1]))[0]
    wanted = text.ravel()[1:]
    one_stream = -ops.convert_to_numpy(ops.log_softmax(logits))[np.arange(len(wanted)), wanted].mean()
    from zoo.data import language

    for steps in (4, 100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(language, "STEPS", steps)
            assert math.isclose(-log_likelihoods(reader, part).mean(), one_stream, rel_tol=1e-5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_sequence_in_chunks_gives_what_pytorch_gives_for_the_whole(kind):
    """tests/data/recurrent.json says what PyTorch was asked."""
    theirs = json.loads((DATA / "recurrent.json").read_text(encoding="utf-8"))[kind]
    theirs = {name: np.array(value) for name, value in theirs.items() if name != "gradients"}

    def keras_order(rows):
        order = (0, 1, 2, 3) if kind == "LSTM" else (1, 0, 2)  # i, f, g, o; PyTorch's r, z, n are Keras's z, r, n
        return np.concatenate([np.split(rows, len(order))[place] for place in order]).T

    biases = [keras_order(theirs[name]) for name in ("bias_ih", "bias_hh")]
    rnn = getattr(layers, kind)(4, return_sequences=True, return_state=True, dtype="float64")
    carried = CarriedState(rnn, batch_size=2, dtype="float64")
    carried(theirs["inputs"])
    rnn.set_weights(
        [keras_order(theirs["weight_ih"]), keras_order(theirs["weight_hh"]), sum(biases) if kind == "LSTM" else np.stack(biases)]
    )
    carried.reset_state()
    chunks = [carried(chunk, training=True) for chunk in np.split(theirs["inputs"], [2, 3], axis=1)]
    np.testing.assert_allclose(np.concatenate(chunks, axis=1), theirs["outputs"], atol=1e-9)


def test_long_texts_are_read_as_streams_and_none_of_their_tokens_is_lost():
    """A network without a memory predicts the same wherever a stream begins."""
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    state = keras.Input((1,), name="state")
    logits = layers.Embedding(8, 8, name="embedding")(tokens)
    reader = keras.Model([tokens, state], {"logits": logits, "next_state": state})
    text = np.random.default_rng(0).integers(4, 8, 2503)
    known = ops.convert_to_numpy(ops.log_softmax(reader.get_layer("embedding").embeddings))
    found = log_likelihoods(reader, windows(text.tolist(), 64))
    np.testing.assert_allclose(found, known[text[:-1], text[1:]], atol=1e-6)


def test_a_carried_state_is_no_weight(tmp_path):
    model, carried, _ = reader_of(layers.GRU(5, return_sequences=True, return_state=True))
    model(np.full((2, 4), 5, "int32"), training=True)
    assert carried.count_params() == carried.rnn.count_params() and len(carried.weights) == 3
    assert np.abs(ops.convert_to_numpy(carried.state[0])).max() > 0
    model.save_weights(tmp_path / "model.weights.h5")
    carried.reset_state()
    model.load_weights(tmp_path / "model.weights.h5")
    assert not ops.convert_to_numpy(carried.state[0]).any()


def test_layers_of_text_say_what_they_expect():
    rnn = layers.GRU(3, return_sequences=True)
    with pytest.raises(ValueError, match="return_sequences=True and return_state=True"):
        CarriedState(rnn, 2)
    with pytest.raises(ValueError, match="`batch_size` of CarriedState must be at least 1, got 0"):
        CarriedState(layers.GRU(3, return_sequences=True, return_state=True), 0)
    with pytest.raises(ValueError, match="`capacity` of NgramTables must be at least 1, got 0"):
        NgramTables(8, 2, 0)
    with pytest.raises(ValueError, match="`largest_k` of TokenSampler must be at least 1, got 0"):
        TokenSampler(None, 0)
