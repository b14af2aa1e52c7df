"""Running text: how it is cut, counted, read with a state that is carried on, and written."""

import collections
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops
from scipy import stats

from zoo import datasets
from zoo.data import Field
from zoo.data.batches import Batches
from zoo.data.kinds import prompt
from zoo.data.language import cross_entropy, language_data, split_text, windows
from zoo.data.ngrams import count
from zoo.data.text import SPECIAL, UNKNOWN, Vocabulary
from zoo.errors import UsageError
from zoo.layers import CarriedState, NgramStep, NgramTables, TokenSampler
from zoo.layers.noise import seeded_gumbel
from zoo.layers.token_sampler import sampler

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
        "`tokens` has 'x', 'y', which the training text has not; expected a text of its pieces."
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
        (b"", "holds 0 characters; expected at least 100, for three parts."),
        (b"one line\n", "holds 9 characters; expected at least 100, for three parts."),
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
    assert "holds no .txt or .md file" in refused(datasets.text.load, str(tmp_path))
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
    with pytest.raises(ValueError, match="3 different n-grams of 2 tokens, and `capacity` is 1; give a larger one"):
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
    return ops.convert_to_numpy(model([rows, *scalars])["tokens"])


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
        "prompt": start,
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
        tokens = open_engine(tmp_path / file).run("serving_default", asked)["tokens"]
        np.testing.assert_array_equal(tokens, expected, err_msg=file)


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

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language, "STREAMS", 1)
        patch.setattr(language, "STEPS", 4)
        assert math.isclose(cross_entropy(reader, part), one_stream, rel_tol=1e-5)


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
