"""Classified texts: a person's own files, film reviews, and the words that decided."""

import gzip
import json
import shutil

import keras
import numpy as np
import pytest

import zoo
from zoo import occlusion
from zoo.data.contract import Contract
from zoo.data.kinds.label import of_classes
from zoo.data.text import PADDING, SPACE, SPECIAL, UNKNOWN, Vocabulary
from zoo.datasets import imdb_reviews, labelled_text, movie_reviews
from zoo.endpoints import Endpoint, classifier
from zoo.errors import UsageError
from zoo.layers import MaxOverTime, TokenDropout

# Every digit is in the training part, so that none is unknown.
TEXTS = [(f"You won {hour} prizes, call 0123456789", "spam") for hour in range(12)]
TEXTS += [(f"See you at {hour} or 0123456789", "ham") for hour in range(9)]


def texts_of(data):
    """{(text, class)} of all parts."""
    words = Vocabulary(data.contract["text"].vocabulary)
    return {
        (words.decode(row), data.contract.classes[label])
        for part in (data.train, data.validation, data.test)
        for row, label in zip(part.inputs["text"], part.targets)
    }


def write(folder, name, lines, encoding="utf-8"):
    (folder / name).write_text("\n".join(lines) + "\n", encoding=encoding)
    return str(folder / name)


def test_every_form_of_a_file_and_folders_hold_the_same_texts(tmp_path):
    for number, (text, label) in enumerate(TEXTS):
        (tmp_path / "folders" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / label / f"{number}.txt").write_text(text.replace(" ", "\n", 1), encoding="utf-8")
    forms = [
        write(tmp_path, "plain.tsv", [f"{label}\t{text}" for text, label in TEXTS]),
        write(tmp_path, "named.csv", ["id,Review,Sentiment", *(f'7,"{text}",{label}' for text, label in TEXTS)]),
        write(tmp_path, "named.txt", ["text;label", *(f"{text};{label}" for text, label in TEXTS)], "utf-16"),
        write(tmp_path, "heading.tsv", ["what\tkind", *(f"{text}\t{label}" for text, label in TEXTS)]),
        str(tmp_path / "folders"),
    ]
    expected = {(text.lower(), label) for text, label in TEXTS}
    for form in forms:
        data = labelled_text.load(form, vocabulary_size=90)
        assert texts_of(data) == expected, form
        assert [len(part) for part in (data.train, data.validation, data.test)] == [17, 2, 2]
        assert set(data.test.targets) == {0, 1} and data.contract.classes == ("ham", "spam")
    numbered = labelled_text.load(forms[1], text_column="2", label_column="Sentiment", vocabulary_size=90)
    assert texts_of(numbered) == expected
    assert any("column 1 was taken for the class" in note for note in labelled_text.load(forms[0]).notes)
    assert any("taken for a heading" in note for note in labelled_text.load(forms[3]).notes)


def test_a_quotation_mark_between_tabs_is_one(tmp_path):
    file = write(tmp_path, "quotes.tsv", [f'{label}\t"{text}' for text, label in TEXTS])
    assert texts_of(labelled_text.load(file, vocabulary_size=90)) == {(f'"{text.lower()}', label) for text, label in TEXTS}


def test_of_a_long_text_the_end_is_kept_and_the_pieces_of_a_contract_are_used(tmp_path):
    file = write(tmp_path, "texts.tsv", [f"{label}\t{text}" for text, label in TEXTS])
    whole = labelled_text.load(file, vocabulary_size=90)
    cut = labelled_text.load(file, max_tokens=4, contract=whole.contract)
    assert cut.contract["text"].vocabulary == whole.contract["text"].vocabulary
    assert cut.train.inputs["text"].shape[1] == 4 and "had more than 4 tokens" in cut.notes[-1]
    for long, short in zip(whole.test.inputs["text"], cut.test.inputs["text"]):
        assert long[long != PADDING][-4:].tolist() == short[short != PADDING].tolist()


FAULTS = {
    "no UTF-8": (b"caf\xe9\tgood\n", "cannot be read"),
    "empty": (b"", "is empty; expected UTF-8 text, with a text and its class in each row"),
    "blank": (b"\n \n\t\n", "is empty; expected"),
    "one class": (b"text\tlabel\n" + b"a film\tgood\n" * 9, "holds only the class 'good'; expected two classes or more"),
    "too few": (b"text\tlabel\n" + b"a film\tgood\n" * 9 + b"no\tbad\n", "holds 1 text of the class 'bad'; expected at least 3"),
    "a blank text": (b"text\tlabel\na film\tgood\n\tbad\nso so\n", "lacks a text or a class in line 3, 4; expected both"),
    "heading only": (b"text\tlabel\n", "holds a heading only"),
    "three columns": (b"a\tb\tc\n", "has 3 columns (a, b, c), and which are the text and the class is not clear"),
    "as many values": (b"a\tb\nc\td\n", "does not tell the text from the class"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_corpus_is_one_line_and_nothing_is_written(zoo, tmp_path, fault):
    content, said = FAULTS[fault]
    (tmp_path / "bad.tsv").write_bytes(content)
    code, _, err = zoo(f"train sentiment_rnn data=labelled_text:{tmp_path / 'bad.tsv'} --folder {tmp_path / 'out'}")
    assert code == 2 and said in err and err.count("\n") == 1, err
    assert not (tmp_path / "out").exists()


def test_bad_folders_and_columns_are_refused(tmp_path):
    (tmp_path / "pos").mkdir()
    for said in ("pos holds no .txt file", "0.txt is empty", "holds only the class 'pos'"):
        with pytest.raises(UsageError, match=said):
            labelled_text.load(str(tmp_path))
        (tmp_path / "pos/0.txt").write_text("" if said.startswith("pos") else "fine", encoding="utf-8")
    with pytest.raises(UsageError, match="is a folder, which has no columns"):
        labelled_text.load(str(tmp_path), label_column="1")
    with pytest.raises(UsageError, match="does not exist; expected a .tsv or .csv file"):
        labelled_text.load(str(tmp_path / "none"))
    file = write(tmp_path, "texts.tsv", ["text\tlabel", *(f"{text}\t{label}" for text, label in TEXTS)])
    with pytest.raises(UsageError, match="no column 'kind' for label_column; its columns are text, label"):
        labelled_text.load(file, label_column="kind")


@pytest.fixture
def few_reviews(tmp_path, monkeypatch):
    """Twenty sentences of each kind in the form of Pang and Lee's."""
    (tmp_path / "rt_polarity").mkdir()
    for name, word in zip(movie_reviews.FILES, ("bad", "good")):
        lines = [f"film {number} of 0123456789 is {word} , caf\u00e9 and all .\n" for number in range(20)]
        (tmp_path / "rt_polarity" / f"{name}.gz").write_bytes(gzip.compress("".join(lines).encode()))
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(movie_reviews, "EACH", 20)
    return tmp_path / "rt_polarity"


def test_each_sentence_is_in_the_test_part_of_one_fold(few_reviews):
    every, tested = set(), []
    for fold in range(10):
        data = movie_reviews.load(fold=fold, vocabulary_size=90)
        texts, words = texts_of(data), Vocabulary(data.contract["text"].vocabulary)
        assert len(texts) == 40 and ("film 3 of 0123456789 is good, caf\u00e9 and all.", "positive") in texts
        assert [len(part) for part in (data.train, data.validation, data.test)] == [32, 4, 4]
        assert sorted(data.test.targets) == [0, 0, 1, 1]
        every |= texts
        tested += [words.decode(row) for row in data.test.inputs["text"]]
    assert len(every) == len(tested) == len(set(tested)) == 40


def test_reviews_that_are_missing_or_not_whole_are_refused(few_reviews, monkeypatch):
    monkeypatch.setattr(movie_reviews, "EACH", 5331)
    with pytest.raises(UsageError, match="rt-polarity.neg holds 20 sentences; expected 5,331. Fetch it again from"):
        movie_reviews.load()
    shutil.rmtree(few_reviews)
    with pytest.raises(UsageError, match="rt-polarity.neg.gz is missing; it comes from .* data=labelled_text:FILE"):
        movie_reviews.load()


def test_imdb_comes_through_tensorflow_datasets(tmp_path, monkeypatch):
    """A small set of its form, as tensorflow-datasets itself writes and reads it."""
    import tensorflow_datasets as tfds

    class Reviews(tfds.core.GeneratorBasedBuilder):
        name, VERSION = "imdb_reviews", tfds.core.Version("1.0.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="plain_text")]

        def _info(self):
            label = tfds.features.ClassLabel(names=["neg", "pos"])
            features = tfds.features.FeaturesDict({"text": tfds.features.Text(), "label": label})
            return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("text", "label"))

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples(), "test": self._generate_examples()}

        def _generate_examples(self):
            for number in range(40):
                yield number, {"text": ("So bad.", "So good.<br /><br />Really!")[number % 2], "label": number % 2}

    builder = Reviews(data_dir=str(tmp_path / "tensorflow_datasets"))
    builder.download_and_prepare()
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(UsageError, match=r"holds \(40, 40\) examples; expected \(25000, 25000\). Prepare imdb_reviews again"):
        imdb_reviews.load()
    monkeypatch.setattr(imdb_reviews, "COUNTS", (40, 40))
    data = imdb_reviews.load(vocabulary_size=30)
    assert texts_of(data) == {("so good. really!", "pos"), ("so bad.", "neg")}
    assert [len(part) for part in (data.train, data.validation, data.test)] == [36, 4, 40]
    shutil.rmtree(tmp_path / "tensorflow_datasets")
    with pytest.raises(UsageError, match="imdb_reviews/plain_text/1.0.0 is missing; it comes from tensorflow-datasets"):
        imdb_reviews.load()


def test_padding_changes_no_answer():
    keras.utils.set_random_seed(0)
    model, tokens = zoo.sentiment_rnn(9, 3, 4, 5, pooling="max"), np.array([[5, 6, 7]], "int32")
    padded = np.pad(tokens, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model(padded), model(tokens), atol=1e-6)
    inputs, mask = np.array([[[-5.0, 1.0], [-7.0, 2.0], [9.0, 9.0]]]), np.array([[True, True, False]])
    assert np.asarray(MaxOverTime()(inputs, mask=mask)).tolist() == [[-5.0, 2.0]]
    assert np.asarray(MaxOverTime()(inputs)).tolist() == [[9.0, 9.0]]


def test_token_dropout_hides_a_share_of_the_tokens_in_training_only():
    layer, tokens = TokenDropout(0.3, UNKNOWN, seed=1), np.tile(np.array([5, 6, 7, PADDING], "int32"), (1000, 1))
    assert layer(tokens) is not None and np.array_equal(layer(tokens), tokens)
    hidden = np.asarray(layer(tokens, training=True))
    changed = hidden != tokens
    assert (hidden[changed] == UNKNOWN).all() and not changed[:, 3].any()
    assert abs(changed[:, :3].mean() - 0.3) < 0.03
    with pytest.raises(ValueError, match="less than 1, got 1"):
        TokenDropout(1.0, UNKNOWN)


PIECES = (*SPECIAL, "a", f"{SPACE}film", f"{SPACE}bad", "ly", f"{SPACE}made", ".")


def bag_of_words():
    """Classifies by the sum of a weight for each token: (endpoint, fields, weights)."""
    weights = np.array([0, 0, 0.3, -0.2, 0.1, 0.5, -2.0, -0.5, 0.7, 0.05], "float32")
    text = keras.Input((None,), dtype="int32", name="text")
    table = keras.layers.Embedding(len(PIECES), 1, name="weights")
    score = keras.ops.sum(table(text), axis=1)
    table.set_weights([weights[:, None]])
    logits = keras.layers.Concatenate(name="logits")([0 * score, score])
    field = zoo.data.Field("int32", (None,), 0, len(PIECES) - 1, PIECES)
    answers = Endpoint(classifier(keras.Model(text, logits)))
    known = {"label": of_classes(("bad", "good")), "probabilities": of_classes(("bad", "good"), probabilities=True)}
    fields = {"text": field, **answers.answer_fields(known)}
    return answers, fields, weights


def test_what_a_word_speaks_for_is_its_weight_in_a_network_that_adds_weights():
    endpoint, fields, weights = bag_of_words()
    assert occlusion.text_and_probabilities(endpoint, fields) == ("text", "probabilities")
    tokens = Vocabulary(PIECES).encode("a film badly made.")
    told = occlusion.deciding_words(endpoint, "text", "probabilities", tokens, PIECES)
    assert [word for word, _ in told] == ["a", "film", "badly", "made."]
    # The text is bad, so what a word takes from the sum speaks for it; a hidden token has the weight of the unknown one.
    groups = [[4], [5], [6, 7], [8, 9]]
    expected = [-(weights[group] - weights[UNKNOWN]).sum() for group in groups]
    np.testing.assert_allclose([change for _, change in told], expected, atol=1e-4)
    assert occlusion.in_words(told).startswith("badly +2.1, made. -1.1")


def test_only_networks_that_classify_one_text_have_deciding_words():
    endpoint, fields, _ = bag_of_words()
    assert occlusion.text_and_probabilities(endpoint, {**fields, "text": zoo.data.Field("int32", (None,))}) is None
    assert occlusion.text_and_probabilities(endpoint, {**fields, "probabilities": zoo.data.Field("float32", (2,))}) is None
    assert occlusion.deciding_words(endpoint, "text", "probabilities", [2], PIECES) == []
    assert occlusion.deciding_words(endpoint, "text", "probabilities", [5] * 201, PIECES) == []


@pytest.mark.slow
def test_texts_of_ones_own_are_learned_asked_and_exported(zoo, tmp_path, monkeypatch):
    """Three classes, so that nothing depends on there being two."""
    from zoo.engines import open_engine
    from zoo.export.network import export_network

    texts = [*TEXTS, *((f"Minutes of meeting {number}", "work") for number in range(9))] * 3
    file = write(tmp_path, "texts.tsv", [f"{label}\t{text}" for text, label in texts])
    sizes = "embedding=8 units=6 epochs=20 batch_size=16 dropout=0.0 embedding_dropout=0.0 vocabulary_size=90 learning_rate=0.02"
    code, _, err = zoo(f"train sentiment_rnn data=labelled_text:{file} {sizes} --folder {tmp_path / 'out'}")
    assert code == 0, err
    card = json.loads((tmp_path / "out/sentiment_rnn/card.json").read_text())
    assert card["score"]["test"] > 0.9
    code, text, err = zoo(f"predict sentiment_rnn 'You WON 3 prizes, call 0123456789' --folder {tmp_path / 'out'}")
    assert code == 0 and "label: spam" in text and "decided by: " in text, err
    (tmp_path / "some.txt").write_text("You won\nMinutes of meeting 4\n", encoding="utf-8")
    code, text, _ = zoo(f"predict sentiment_rnn {tmp_path / 'some.txt'} --folder {tmp_path / 'out'} --json")
    answers = json.loads(text)["answers"]
    assert answers["label"] == ["spam", "work"]
    assert [one["word"] for one in answers["words"][1]] == ["minutes", "of", "meeting", "4"]
    path, _ = export_network("sentiment_rnn", ("saved_model",), folder=tmp_path / "out")
    asked = np.array([b"See you at 4", b" MINUTES of meeting 4"], object)
    given = open_engine(path / "saved_model.pb").run("classify_text", {"text": asked})
    assert [card_label(path, row) for row in given["label"]] == ["ham", "work"]


def card_label(path, number):
    return json.loads((path / "contract.json").read_text())["classes"][number]


@pytest.mark.real
def test_the_reviews_are_all_there(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    data = movie_reviews.load()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [8528, 1066, 1068]
    assert isinstance(data.contract, Contract) and data.contract["text"].vocabulary[UNKNOWN] == "<unknown>"
    assert len(data.contract["text"].vocabulary) <= 12000
