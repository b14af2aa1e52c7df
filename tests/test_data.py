"""Data sets and what is made of them: contracts, vocabularies, forms and batches."""

import dataclasses
import datetime
import gzip
import json
import re
import shutil

import babel.dates
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import sentencepiece
import sklearn.datasets
from hypothesis import given, settings

from zoo.data import Contract, Data, Field, Part, forms
from zoo.data.batches import Batches
from zoo.data.contract import unequal
from zoo.data.text import END, PADDING, SPACE, SPECIAL, START, UNKNOWN, Vocabulary, pair_contract, pair_part
from zoo.datasets import dates, digits, fashion_mnist, mnist, parallel
from zoo.errors import UsageError

few = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def digit_data():
    return digits.load()


@pytest.fixture(scope="module")
def date_data():
    return dates.load(examples=6000)


def parts(data):
    return data.train, data.validation, data.test


# Contracts

IMAGES = Contract({"image": Field("float32", (2, None), 0.0, 1.0)}, ("cat", "dog"))


@pytest.mark.parametrize(
    ("image", "came", "expected"),
    [
        (np.zeros((1, 3, 2), "float32"), "(1, 3, 2)", "(batch, 2, any)"),
        (np.zeros((1, 2), "float32"), "(1, 2)", "(batch, 2, any)"),
        (np.zeros((1, 2, 2), "float64"), "float64", "float32"),
        (np.zeros((1, 2, 2), "uint8"), "uint8", "float32"),
        (np.full((1, 2, 2), np.nan, "float32"), "NaN", "finite"),
        (np.full((1, 2, 2), np.inf, "float32"), "infinity", "finite"),
        (np.full((1, 2, 2), 255, "float32"), "[255, 255]", "[0, 1]"),
        (np.full((1, 2, 2), -0.5, "float32"), "[-0.5, -0.5]", "[0, 1]"),
    ],
)
def test_what_breaks_the_contract_is_named(image, came, expected):
    with pytest.raises(UsageError) as refusal:
        IMAGES.check({"image": image})
    message = str(refusal.value)
    assert message.startswith("input `image` ")
    assert came in message.partition("expected")[0] and expected in message.partition("expected")[2]


def test_inputs_of_other_names_are_refused():
    for inputs in ({}, {"picture": 0}, {"image": 0, "mask": 0}):
        with pytest.raises(UsageError, match=re.escape(f"inputs are {sorted(inputs)}; expected ['image']")):
            IMAGES.check(inputs)


@given(st.integers(1, 3), st.integers(1, 5))
@few
def test_what_keeps_the_contract_passes(batch, length):
    generator = np.random.default_rng(length)
    IMAGES.check({"image": generator.random((batch, 2, length), "float32")})


@pytest.mark.parametrize("shape", [(0, 2, 3), (1, 2, 0)])
def test_nothing_at_all_is_refused(shape):
    with pytest.raises(UsageError, match="input `image` is empty, of shape"):
        IMAGES.check({"image": np.zeros(shape, "float32")})


def test_a_length_has_a_limit():
    field = Field("float32", (None, 3), None, None, max_length=4)
    field.check("sequence", np.full((2, 4, 3), -1e30, "float32"))
    with pytest.raises(UsageError, match="input `sequence` has length 5; expected at most 4"):
        field.check("sequence", np.zeros((2, 5, 3), "float32"))


def test_a_single_value_comes_without_a_batch():
    field = Field("int32", (), 0, 9, batched=False)
    field.check("seed", np.int32(3))
    for wrong in (np.zeros(1, "int32"), np.int32(10)):
        with pytest.raises(UsageError, match="input `seed`"):
            field.check("seed", wrong)


def test_a_contract_survives_json():
    vocabulary = Vocabulary.of_characters(['ß"\\\u2028é'])
    for contract in (IMAGES, pair_contract(vocabulary, vocabulary), digits.load().contract):
        assert Contract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_the_head_of_a_part_is_its_first_examples(date_data):
    head = date_data.test.head(3)
    assert len(head) == 3 and head.references == date_data.test.references[:3]
    np.testing.assert_array_equal(head.inputs["source"], date_data.test.inputs["source"][:3])
    np.testing.assert_array_equal(head.targets, date_data.test.targets[:3])


def test_the_fingerprint_tells_every_array_apart(digit_data):
    data = Data(*(part.head(5) for part in parts(digit_data)), IMAGES, "", "")
    fingerprint = data.fingerprint()
    for name, part in zip(("train", "validation", "test"), parts(data)):
        for array in (part.inputs["image"], part.targets):
            saved = array.flat[-1]
            array.flat[-1] = 1 - saved
            assert unequal(fingerprint, data.fingerprint()) == name
            array.flat[-1] = saved
    assert data.fingerprint() == fingerprint


def test_the_fingerprint_covers_names_classes_and_references():
    vocabulary = Vocabulary.of_characters(["abc"])
    part = pair_part(["a", "b"], ["c", "b"], vocabulary, vocabulary)
    data = Data(part, part, part, pair_contract(vocabulary, vocabulary), "", "")

    def differing(**changes):
        return unequal(data.fingerprint(), dataclasses.replace(data, **changes).fingerprint())

    assert differing() == differing(source="elsewhere", notes=("a note",)) == ""
    assert differing(test=dataclasses.replace(part, references=("c", "B"))) == "test"
    assert differing(validation=dataclasses.replace(part, inputs={"text": part.inputs["source"]})) == "validation"
    assert differing(train=dataclasses.replace(part, targets={"words": part.targets})) == "train"
    assert differing(contract=dataclasses.replace(data.contract, classes=("cat", "dog"))) == "names"
    assert differing(contract=pair_contract(vocabulary, Vocabulary.of_characters(["abd"]))) == "names"
    wider = pair_contract(vocabulary, vocabulary, max_length=300)
    assert differing(contract=wider) == "", "what the contract allows is not what the data are"
    assert unequal("1" * 64, data.fingerprint()) == "a fingerprint of an earlier version of zoo"


# Digits


def test_digits_are_images_in_three_parts(digit_data):
    assert [len(part) for part in parts(digit_data)] == [1257, 180, 360]
    for part in parts(digit_data):
        digit_data.contract.check(part.inputs)
        image = part.inputs["image"]
        assert image.shape[1:] == (28, 28, 1) and image.min() == 0 and image.max() == 1
        assert part.targets.dtype == np.int32 and part.targets.shape == (len(part),)


def test_no_digit_is_in_two_parts(digit_data):
    images = [image.tobytes() for part in parts(digit_data) for image in part.inputs["image"]]
    assert len(set(images)) == len(images) == 1797


def test_digits_are_those_of_scikit_learn_with_their_labels(digit_data):
    bunch = sklearn.datasets.load_digits()
    images = np.concatenate([part.inputs["image"][..., 0] for part in parts(digit_data)])
    labels = np.concatenate([part.targets for part in parts(digit_data)])
    assert images[:, 4:24, 4:24].sum() == pytest.approx(images.sum())
    # Linear interpolation between the middles of the pixels.
    weights = np.stack([np.interp((np.arange(20) + 0.5) / 2.5 - 0.5, np.arange(8), pixel) for pixel in np.eye(8)], axis=1)
    expected = (weights @ bunch.images @ weights.T / 16).reshape(-1, 400)
    images = images[:, 4:24, 4:24].reshape(-1, 400)
    nearest = ((expected**2).sum(axis=1) - 2 * images @ expected.T).argmin(axis=1)
    assert sorted(nearest) == list(range(1797))
    np.testing.assert_allclose(images, expected[nearest], atol=2 / 255)
    np.testing.assert_array_equal(labels, bunch.target[nearest])


def test_the_test_digits_have_the_shares_of_all(digit_data):
    shares = np.bincount(sklearn.datasets.load_digits().target) / 1797
    assert np.abs(np.bincount(digit_data.test.targets) - 360 * shares).max() <= 1


def test_digits_are_the_same_on_every_load(digit_data):
    assert digits.load().fingerprint() == digit_data.fingerprint()


# Vocabularies

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters=SPACE)


@given(st.data())
@few
def test_text_of_known_characters_comes_back(data):
    known = data.draw(st.text(CHARACTERS, min_size=1, max_size=20))
    text = data.draw(st.text(st.sampled_from(known), max_size=30))
    vocabulary = Vocabulary.of_characters([known])
    numbers = vocabulary.encode(text)
    assert len(numbers) == len(text) + 1 and numbers[-1] == END
    assert vocabulary.decode([START, *numbers, PADDING, 5]) == text


def longest_first(pieces, text):
    rest, numbers = text.replace(" ", SPACE), []
    while rest:
        piece = max((piece for piece in pieces if rest.startswith(piece)), key=len, default="")
        numbers.append(pieces.index(piece) if piece else UNKNOWN)
        rest = rest[max(1, len(piece)) :]
    return [*numbers, END]


PIECES = st.lists(st.from_regex(f"[{SPACE}a-c][a-c]{{0,3}}", fullmatch=True), unique=True, max_size=15)


@given(PIECES, st.text("abcd ", max_size=30))
@few
def test_text_is_cut_at_the_longest_piece(pieces, text):
    pieces = [*SPECIAL, *pieces]
    assert Vocabulary(pieces).encode(text) == longest_first(pieces, text)


@pytest.mark.parametrize("text", ["<end> of <start>", "<unknown><padding>", "<unk>", "<s></s>"])
def test_text_that_spells_a_special_piece_is_text(text):
    for vocabulary in (Vocabulary.of_characters([text]), Vocabulary.of_subwords([text] * 10, 200)):
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_an_unknown_character_has_the_unknown_number():
    vocabulary = Vocabulary.of_characters(["ab"])
    assert vocabulary.encode("aXb") == [4, UNKNOWN, 5, END]
    assert vocabulary.decode([4, UNKNOWN, 5, END]) == "a\ufffdb"


@pytest.mark.parametrize("pieces", [["a", "b"], SPECIAL[:3], [*SPECIAL[::-1], "a"], [*SPECIAL, "a", "a"], [*SPECIAL, "<end>"]])
def test_wrong_pieces_are_refused(pieces):
    with pytest.raises(ValueError, match="a vocabulary starts with|occurs twice"):
        Vocabulary(pieces)


@given(st.lists(st.text("abcdé<>. ", min_size=1).filter(str.strip), min_size=1, max_size=20), st.integers(14, 60))
@few
def test_subwords_give_their_texts_back_within_the_size(texts, size):
    texts = [text.strip() for text in texts]
    vocabulary = Vocabulary.of_subwords(texts, size)
    assert len(vocabulary) <= size
    assert [vocabulary.decode(vocabulary.encode(text)) for text in texts] == texts


def test_subwords_shorten_text_and_are_the_same_each_time():
    texts = [f"the cat number {number} sat on the mat" for number in range(50)]
    vocabulary = Vocabulary.of_subwords(texts, 40)
    assert len(vocabulary) == 40 and vocabulary.pieces == Vocabulary.of_subwords(texts, 40).pieces
    assert len(vocabulary.encode(texts[0])) < len(texts[0]) / 2


def test_too_many_characters_leave_out_the_rarest():
    rare = [chr(0x4E00 + number) for number in range(100)]
    vocabulary = Vocabulary.of_subwords([*rare, *(["common words"] * 20)], 50)
    assert len(vocabulary) <= 50 and len(set(rare) & set(vocabulary.pieces)) > 30
    assert vocabulary.decode(vocabulary.encode("common words")) == "common words"
    assert UNKNOWN in vocabulary.encode("".join(rare))


def test_a_very_long_text_is_learned_from_too():
    text = "long " * 2000
    assert UNKNOWN not in Vocabulary.of_subwords([text], 30).encode(text.strip())


@given(st.lists(st.tuples(st.text("ab", max_size=5), st.text("xy z", max_size=6)), min_size=1, max_size=6))
@few
def test_the_target_is_the_labels_one_later(pairs):
    sources, targets = zip(*pairs)
    vocabularies = Vocabulary.of_characters(["ab"]), Vocabulary.of_characters(["xyz "])
    part = pair_part(sources, targets, *vocabularies)
    pair_contract(*vocabularies).check(part.inputs)
    assert part.references == targets
    for row, text in enumerate(targets):
        numbers, padding = vocabularies[1].encode(text), [PADDING] * (max(map(len, targets)) - len(text))
        assert part.targets[row].tolist() == numbers + padding
        assert part.inputs["target"][row].tolist() == [START, *numbers[:-1]] + padding
        assert vocabularies[0].decode(part.inputs["source"][row]) == sources[row]


# Dates

NUMERIC = {
    r"\d+\.\d+\.\d{4}": "%d.%m.%Y",
    r"\d+/\d+/\d{4}": "%m/%d/%Y",
    r"\d{4}-\d+-\d+": "%Y-%m-%d",
    r"\d{4}/\d+/\d+": "%Y/%m/%d",
}
ENGLISH = {r"\d+ [a-z]+ \d{4}": "%d %B %Y", r"[a-z]+ \d+, \d{4}": "%B %d, %Y"}


def decoded(data):
    vocabulary = Vocabulary(data.contract["source"].vocabulary)
    return [[vocabulary.decode(numbers) for numbers in part.inputs["source"]] for part in parts(data)]


def test_numeric_and_english_sources_have_the_date_of_their_target(date_data):
    checked = dict.fromkeys({**NUMERIC, **ENGLISH}, 0)
    for sources, part in zip(decoded(date_data), parts(date_data)):
        for source, reference in zip(sources, part.references):
            for pattern, form in {**NUMERIC, **ENGLISH}.items():
                if not re.fullmatch(pattern, source.lower()):
                    continue
                try:
                    date = datetime.datetime.strptime(source, form)
                except ValueError:
                    assert pattern in ENGLISH  # another language
                    continue
                assert date.date().isoformat() == reference, source
                checked[pattern] += 1
    assert min(checked.values()) > 20, checked


def test_every_date_target_decodes_to_its_reference(date_data):
    vocabulary = Vocabulary(date_data.contract["target"].vocabulary)
    for part in parts(date_data):
        date_data.contract.check(part.inputs)
        for numbers, reference in zip(part.targets, part.references):
            assert vocabulary.decode(numbers) == reference == datetime.date.fromisoformat(reference).isoformat()


def test_no_date_source_occurs_twice(date_data):
    assert [len(part) for part in parts(date_data)] == [2000, 2000, 2000]
    rows = np.concatenate([np.pad(p.inputs["source"], ((0, 0), (0, 60)))[:, :60] for p in parts(date_data)])
    assert len(np.unique(rows, axis=0)) == 6000


def test_no_spelling_means_two_dates():
    meanings = {}
    for date in (datetime.date(2001, month, day) for month in range(1, 13) for day in (2, 11)):
        for locale in dates.LOCALES:
            for pattern in dates.PATTERNS:
                text = babel.dates.format_date(date, pattern, locale)
                for spelling in (text, text.lower(), text.upper()):
                    assert meanings.setdefault(spelling, date) == date, spelling


def test_dates_depend_on_the_seed_only():
    fingerprints = [dates.load(examples=4010, seed=seed).fingerprint() for seed in (1, 1, 2)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_too_few_dates_are_refused():
    with pytest.raises(ValueError, match="more than 4000, got 4000"):
        dates.load(examples=4000)


# Sentence pairs

# One character of its own in every text, so that every text is known by it.
PAIRS = [(f"der Hund {chr(0x4E00 + number)} läuft", f"the dog {chr(0x5E00 + number)} runs") for number in range(43)]


def written(path, lines, ending="\n"):
    content = "".join(line + ending for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def tsv(tmp_path):
    return written(tmp_path / "pairs.tsv", map("\t".join, PAIRS))


def test_pairs_are_read_from_one_file_or_two_packed_or_not(tmp_path, tsv):
    fingerprint = parallel.load(str(tsv)).fingerprint()
    sources, targets = zip(*PAIRS)
    others = [
        str(written(tmp_path / "packed.tsv.gz", map("\t".join, PAIRS))),
        str(written(tmp_path / "windows.tsv", ["\ufeff" + "\t".join(PAIRS[0]), *map("\t".join, PAIRS[1:])], "\r\n")),
        f"{written(tmp_path / 'de.txt', sources)},{written(tmp_path / 'en.txt', targets)}",
        f"{written(tmp_path / 'de.gz', sources)},{written(tmp_path / 'en.txt', targets)}",
    ]
    assert [parallel.load(path).fingerprint() for path in others] == [fingerprint] * 4
    assert parallel.load(str(tsv), seed=1).fingerprint() != fingerprint


def test_own_pairs_are_parted_and_kept_together(tsv):
    data = parallel.load(str(tsv))
    assert [len(part) for part in parts(data)] == [35, 4, 4]
    references = [reference for part in parts(data) for reference in part.references]
    assert sorted(references) == sorted(target for _, target in PAIRS)
    source, target = (Vocabulary(data.contract[name].vocabulary) for name in ("source", "target"))
    translations = dict(PAIRS)
    for numbers, labels, reference in zip(data.train.inputs["source"], data.train.targets, data.train.references):
        assert translations[source.decode(numbers)] == reference == target.decode(labels)


def test_vocabularies_come_from_the_training_part_only(tsv):
    data = parallel.load(str(tsv))
    own = {target[8] for _, target in PAIRS}
    assert own & set(data.contract["target"].vocabulary) == {reference[8] for reference in data.train.references}
    for part in (data.validation, data.test):
        assert (part.inputs["source"] == UNKNOWN).any(axis=1).all()
    assert not (data.train.inputs["source"] == UNKNOWN).any()


def lines(count):
    return [f"a{number}\tb{number}" for number in range(count)]


def bad_files(folder):
    """What the loader is given, the file at fault, and what is said of it."""
    good = written(folder / "good.txt", [f"a{number}" for number in range(40)])
    short, blank = written(folder / "short.txt", ["a"] * 39), written(folder / "blank.txt", ["a"] * 39 + [""])
    written(folder / "empty.tsv", [])
    written(folder / "no tab.tsv", [*lines(40), "a b"])
    written(folder / "three columns.tsv", [*lines(40), "a\tb\tc"])
    written(folder / "one side.tsv", [*lines(40), "a\t \tb"])
    written(folder / "few.tsv", lines(29))
    (folder / "latin.tsv").write_bytes("ä\tö\n".encode("latin-1") * 40)
    packed = gzip.compress("\n".join(lines(2000)).encode())
    (folder / "truncated.tsv.gz").write_bytes(packed[:-100])
    (folder / "damaged.tsv.gz").write_bytes(packed[:1000] + bytes(1000) + packed[2000:])
    (folder / "unpacked.tsv.gz").write_text("a\tb\n" * 40)
    return {
        "missing.tsv": "is not a file",
        "empty.tsv": "is empty",
        "no tab.tsv": "line 41 holds 1 columns",
        "three columns.tsv": "line 41 holds 3 columns",
        "one side.tsv": "line 41 holds a blank",
        "few.tsv": "holds 29 pairs; expected at least 30",
        "latin.tsv": "cannot be read",
        "truncated.tsv.gz": "cannot be read",
        "damaged.tsv.gz": "cannot be read",
        "unpacked.tsv.gz": "cannot be read",
        f"{good},{short}": f"{good} 40 and {short} 39 lines",
        f"{good},{blank}": "line 40 holds a blank",
        f"{good},missing.txt": "missing.txt is not a file",
        f"{good},{good},{good}": "got 3 files",
    }


def test_bad_files_of_pairs_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path, said in bad_files(tmp_path).items():
        with pytest.raises(UsageError) as refusal:
            parallel.load(path)
        message = str(refusal.value)
        assert said in message and path.rpartition(",")[2] in message and "\n" not in message, path


def read(path, **settings):
    """The pairs of each part that the loader reads, and its notes."""
    data = parallel.load(str(path), **settings)
    source, target = (Vocabulary(data.contract[name].vocabulary) for name in ("source", "target"))
    return [
        {source.decode(numbers): target.decode(labels) for numbers, labels in zip(part.inputs["source"], part.targets)}
        for part in parts(data)
    ], data.notes


KNOWN = [(f"ein Hund Nummer {number}", f"a dog number {number}") for number in range(100, 140)]


def everything(found):
    return {source: target for part in found[0] for source, target in part.items()}


def test_a_third_column_is_left_out_and_said(tmp_path):
    """As in the exports of Tatoeba: source, target, licence; or number, source, number, target."""
    licensed = written(tmp_path / "deu.txt", [f"{a}\t{b}\tCC-BY 2.0 (France) #1 & #2" for a, b in KNOWN])
    numbered = written(tmp_path / "pairs.tsv", [f"{row}\t{a}\t{row + 7}\t{b}" for row, (a, b) in enumerate(KNOWN, 17)])
    plain = written(tmp_path / "plain.tsv", map("\t".join, KNOWN))
    assert everything(read(plain)) == dict(KNOWN) and read(plain)[1] == ()
    assert read(licensed)[0] == read(numbered)[0] == read(plain)[0]
    assert read(licensed)[1] == (f"{licensed}: the third column was left out.",)
    assert read(numbered)[1] == (f"{numbered}: the numbers of the sentences were left out.",)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([*(f"{a}\t{b}\tCC" for a, b in KNOWN), "a\tb"], "line 41 holds 2 columns; expected 3 as in line 1"),
        ([*(f"{a}\t{b}\tx\ty" for a, b in KNOWN)], "line 1 holds 4 columns; expected `source<tab>target`"),
        ([*(f"1\t{a}\t2\t{b}" for a, b in KNOWN), "1\ta\tb"], "line 41 holds 3 columns; expected 4 as in line 1"),
        (["", "", "a\t \tCC"], "line 3 holds a blank"),
        (["", " "], "is empty"),
    ],
)
def test_columns_that_differ_are_named(tmp_path, lines, said):
    with pytest.raises(UsageError) as refusal:
        parallel.load(str(written(tmp_path / "pairs.tsv", lines)))
    assert said in str(refusal.value)


def test_blank_lines_are_left_out_and_said(tmp_path):
    plain = read(written(tmp_path / "plain.tsv", map("\t".join, KNOWN)))
    lines = ["", *map("\t".join, KNOWN[:20]), "", "  ", *map("\t".join, KNOWN[20:]), ""]
    spaced = written(tmp_path / "spaced.tsv", lines)
    assert read(spaced) == (plain[0], (f"{spaced}: 4 blank lines were left out.",))
    sources, targets = ([pair[side] for pair in KNOWN] for side in (0, 1))
    german = written(tmp_path / "de", [*sources[:9], "", *sources[9:]])
    two = f"{german},{written(tmp_path / 'en', [*targets[:9], '', *targets[9:], ''])}"
    assert read(two) == (plain[0], (f"{two}: 2 blank lines were left out.",))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_a_byte_order_mark_is_no_text(tmp_path, encoding):
    text = "".join(f"{a}\t{b}\n" for a, b in KNOWN)
    (tmp_path / "pairs.tsv").write_bytes(("\ufeff" * (encoding == "utf-16-be") + text).encode(encoding))
    assert everything(read(tmp_path / "pairs.tsv")) == dict(KNOWN)


def test_the_parts_may_be_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in (("train", KNOWN), ("val", KNOWN[:3]), ("test", KNOWN[3:5])):
        written(tmp_path / f"{name}.tsv", map("\t".join, rows))
        for side in (0, 1):
            written(tmp_path / f"{name}.{side}", [row[side] for row in rows])
    three, _ = read("train.tsv", validation="val.tsv", test="test.tsv")
    assert three == [dict(KNOWN), dict(KNOWN[:3]), dict(KNOWN[3:5])]
    assert read("train.0,train.1", validation="val.0,val.1", test="test.tsv")[0] == three
    train, validation, test = read("train.tsv", test="test.tsv")[0]
    assert test == dict(KNOWN[3:5]) and len(validation) == 4 and {**train, **validation} == dict(KNOWN)
    data = parallel.load("train.0,train.1", test="test.tsv")
    paths = {"data": ["train.0", "train.1"], "test": ["test.tsv"]}
    assert data.paths == {key: [str(tmp_path / name) for name in names] for key, names in paths.items()}
    with pytest.raises(UsageError, match="nowhere.tsv is not a file"):
        parallel.load("train.tsv", validation="nowhere.tsv")
    with pytest.raises(UsageError, match="go with your own pairs; write data=parallel:FILE"):
        parallel.load(validation="val.tsv")


def test_a_file_is_found_in_the_users_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "pairs.tsv", map("\t".join, KNOWN))
    assert everything(read("~/pairs.tsv")) == dict(KNOWN)


def test_pairs_that_are_too_long_are_left_out_and_their_lines_named(tmp_path):
    """One pair of 4 000 words among 200 short ones must not make every batch as long."""
    rows = [(f"Hund {number}", f"dog {number}") for number in range(200)]
    rows[17] = ("Wort " * 4000, "word " * 4000)
    path = written(tmp_path / "pairs.tsv", map("\t".join, rows))
    data = parallel.load(str(path), vocabulary_size=30)
    assert sum(map(len, parts(data))) == 199 and max(array.shape[1] for array in data.train.inputs.values()) < 20
    assert data.notes == (f"{path}: left out for more than 200 tokens (max_tokens=... sets another limit): line 18.",)
    assert data.contract["source"].max_length == 200
    assert sum(map(len, parts(parallel.load(str(path), max_tokens=20_000)))) == 200
    with pytest.raises(UsageError, match="every pair of the train part has more than 4 tokens; give a larger max_tokens"):
        parallel.load(str(path), vocabulary_size=20, max_tokens=4)


@given(st.integers(5, 30))
@settings(max_examples=10, deadline=None)
def test_a_limit_counts_tokens_with_start_and_end(limit):
    vocabulary = Vocabulary.of_characters(["a"])
    rows = [parallel._Pair("a" * count, "a", "file", count) for count in range(1, 40)]
    pairs = {"train": list(rows)}
    parallel._left_out(pairs, [vocabulary, vocabulary], limit)
    assert [row.line for row in pairs["train"]] == list(range(1, limit - 1))


def test_the_size_of_the_vocabulary_is_kept(tsv):
    for size in (30, 60):
        assert all(
            len(field.vocabulary) <= size for field in parallel.load(str(tsv), vocabulary_size=size).contract.inputs.values()
        )


def test_a_contract_brings_its_own_vocabularies(tsv):
    """What a network was trained with stays, whatever another version of a package would learn."""
    vocabularies = [Vocabulary.of_characters(texts) for texts in ([a for a, _ in PAIRS], ["xyz"])]
    contract = pair_contract(*vocabularies)
    for data in (parallel.load(str(tsv), contract=contract), dates.load(examples=4010, contract=contract)):
        assert [field.vocabulary for field in data.contract.inputs.values()] == [one.pieces for one in vocabularies]
        assert (data.test.targets[:, 0] == UNKNOWN).all()
    learned = parallel.load(str(tsv))
    assert learned.packages == ("sentencepiece",) and parallel.load(str(tsv), contract=contract).packages == ()
    assert learned.fingerprint() == parallel.load(str(tsv), contract=learned.contract).fingerprint()
    assert learned.made_with() == {"sentencepiece": sentencepiece.__version__}


# Prepared folders


@pytest.mark.parametrize("data_set", [mnist, fashion_mnist, parallel])
def test_a_missing_data_set_says_where_it_comes_from_and_what_to_use_instead(tmp_path, monkeypatch, data_set):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(UsageError, match=r"is missing; it comes from .*http.*Instead, without any download: .*data=d") as refusal:
        data_set.load()
    assert str(tmp_path) in str(refusal.value)


@pytest.mark.parametrize("data_set", [mnist, parallel])
def test_a_data_folder_that_is_none_is_refused(tmp_path, monkeypatch, data_set):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match=r"ZOO_DATA_DIR is '.*nowhere', which is not a folder"):
        data_set.load()


def test_another_text_than_that_of_multi30k_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    (tmp_path / "multi30k").mkdir()
    written(tmp_path / "multi30k" / "train.de.gz", ["Zwei junge Männer sind im Freien."])
    with pytest.raises(UsageError, match=r"train\.de\.gz is not the train\.de of Multi30k"):
        parallel.load()


# Forms


def test_rows_are_the_image_line_by_line(digit_data):
    data = forms.image_rows(digit_data)
    for part, images in zip(parts(data), parts(digit_data)):
        data.contract.check(part.inputs)
        np.testing.assert_array_equal(part.inputs["sequence"], images.inputs["image"][..., 0])
        np.testing.assert_array_equal(part.targets, images.targets)
    data.contract.check({"sequence": np.zeros((2, 5, 28), "float32")})
    assert data.contract.classes == digit_data.contract.classes


def test_autoencoding_has_the_images_for_targets(digit_data):
    data = forms.autoencoding(digit_data)
    for part, images in zip(parts(data), parts(digit_data)):
        data.contract.check(part.inputs)
        np.testing.assert_array_equal(part.inputs["image"], images.inputs["image"])
        np.testing.assert_array_equal(part.targets, images.inputs["image"])
    assert data.contract.classes is None


@pytest.mark.parametrize("form", [forms.autoencoding, forms.binarized, forms.grey])
def test_the_classes_that_are_no_target_are_kept(digit_data, form):
    for part, images in zip(parts(form(digit_data)), parts(digit_data)):
        np.testing.assert_array_equal(part.classes, images.targets)
        np.testing.assert_array_equal(part.head(3).classes, images.targets[:3])


def test_damaged_pictures_have_the_whole_ones_for_targets_and_those_of_training_are_whole(digit_data):
    data = forms.damaged(digit_data, "gaussian", 0.5)
    np.testing.assert_array_equal(data.train.inputs["image"], digit_data.train.inputs["image"])
    for part, images in zip((data.validation, data.test), (digit_data.validation, digit_data.test)):
        data.contract.check(part.inputs)
        np.testing.assert_array_equal(part.inputs["image"], forms.damage(images.inputs["image"], "gaussian", 0.5))
    for part, images in zip(parts(data), parts(digit_data)):
        np.testing.assert_array_equal(part.targets, images.inputs["image"])
    assert forms.damaged(digit_data, "masking", 0.5).contract["image"].maximum == 1.0


def test_grey_pictures_stay_as_they_are_and_need_no_target(digit_data):
    data = forms.grey(digit_data)
    for part, images in zip(parts(data), parts(digit_data)):
        np.testing.assert_array_equal(part.inputs["image"], images.inputs["image"])
        assert part.targets is None
    assert "grey" in data.notes[-1]


def test_binarized_images_are_coin_tosses_of_their_pixels(digit_data):
    data = forms.binarized(digit_data)
    for part, images in zip((data.validation, data.test), (digit_data.validation, digit_data.test)):
        data.contract.check(part.inputs)
        drawn, grey = part.inputs["image"], images.inputs["image"]
        assert set(np.unique(drawn)) == {0, 1} and part.targets is None
        assert (drawn[grey == 0] == 0).all() and (drawn[grey == 1] == 1).all()
        for low in (0, 0.25, 0.5, 0.75):
            band = (grey > low) & (grey < low + 0.25)
            error = np.sqrt((grey[band] * (1 - grey[band])).sum()) / band.sum()
            assert abs(drawn[band].mean() - grey[band].mean()) < 5 * error


def test_training_images_keep_their_grey_and_the_draw_its_seed(digit_data):
    data = forms.binarized(digit_data)
    np.testing.assert_array_equal(data.train.inputs["image"], digit_data.train.inputs["image"])
    assert data.train.targets is None
    assert forms.binarized(digit_data).fingerprint() == data.fingerprint() != forms.binarized(digit_data, seed=1).fingerprint()


# Batches


def numbered(count):
    """Each example is its own number."""
    part = Part({"row": np.arange(count, dtype="float32")[:, None]}, np.arange(count))
    return part, Contract({"row": Field("float32", (1,), 0.0, float(count))})


def sequences(lengths):
    """Row i holds i + 1, as often as its lengths say."""

    def rows(lengths):
        wide = np.arange(max(lengths)) < np.array(lengths)[:, None]
        return np.where(wide, np.arange(1, len(lengths) + 1)[:, None], 0).astype("int32")

    source, target = (rows(part) for part in zip(*lengths))
    tokens = Field("int32", (None,), 0, 1e6, vocabulary=("a",))
    return Part({"source": source, "target": target}, target, aligned="target"), Contract({"source": tokens, "target": tokens})


def epoch(batches, number):
    batches.epoch = number
    return [batches[index] for index in range(len(batches))]


def order(batches, number):
    firsts = [inputs["source"] if isinstance(inputs, dict) else inputs for inputs, _ in epoch(batches, number)]
    return [int(row) for first in firsts for row in first[:, 0]]


@given(st.integers(1, 40), st.integers(1, 9), st.sampled_from([None, 0, 5]), st.integers(0, 3))
@few
def test_every_example_comes_once_an_epoch(count, size, seed, number):
    batches = epoch(Batches(*numbered(count), size, seed), number)
    assert [len(targets) for _, targets in batches] == [size] * (count // size) + [count % size] * (count % size > 0)
    assert sorted(np.concatenate([targets for _, targets in batches])) == list(range(count))
    for inputs, targets in batches:
        np.testing.assert_array_equal(inputs[:, 0], targets)


@pytest.mark.parametrize("make", [lambda: numbered(100), lambda: sequences([(1 + row % 7, 2) for row in range(100)])])
def test_seed_and_epoch_alone_decide_the_order(make):
    batches = Batches(*make(), 8, seed=3)
    orders = [order(batches, number) for number in (0, 1, 2)]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert order(batches, 1) == orders[1] == order(Batches(*make(), 8, seed=3), 1)
    assert order(Batches(*make(), 8, seed=4), 1) != orders[1]


def test_without_a_seed_the_order_is_kept():
    batches = Batches(*numbered(20), 8)
    assert order(batches, 0) == order(batches, 3) == list(range(20))


def test_a_part_without_targets_gives_inputs_only():
    part, contract = numbered(5)
    ((inputs,), _) = epoch(Batches(Part(part.inputs), contract, 3), 0)
    assert inputs.shape == (3, 1)


LENGTHS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=120)


@given(LENGTHS, st.integers(1, 5), st.sampled_from([None, 0, 5]), st.integers(0, 3))
@few
def test_cut_batches_lose_no_token_and_the_first_two_show_every_cut(lengths, size, seed, number):
    part, contract = sequences(lengths)
    batches = epoch(Batches(part, contract, size, seed), number)
    full = [size] * (len(part) // size)
    assert sorted(len(targets) for _, targets in batches) == sorted([*full, len(part) % size] if len(part) % size else full)
    arrays = [[inputs["source"], inputs["target"], targets] for inputs, targets in batches]
    for position, whole in enumerate([part.inputs["source"], part.inputs["target"], part.targets]):
        came = [batch[position] for batch in arrays]
        tokens = np.concatenate([array[array > 0] for array in came])
        np.testing.assert_array_equal(np.sort(tokens), np.sort(whole[whole > 0]))
        widths = [array.shape[1] for array in came]
        longest = [np.count_nonzero(array, axis=1).max() for array in came]
        assert widths[1:] == longest[1:] and widths[0] - longest[0] in (0, 1)
        varies = len(set(np.count_nonzero(whole, axis=1))) > 1
        assert len(set(widths[:2])) == (2 if varies and len(widths) > 1 else 1)
    for source, target, labels in arrays:
        np.testing.assert_array_equal(source[:, 0], target[:, 0])
        np.testing.assert_array_equal(target, labels)


def test_one_long_text_costs_its_own_batch_alone():
    part, contract = sequences([(4000, 3), *((1 + row % 9, 2 + row % 7) for row in range(200))])
    for number in range(3):
        widths = [inputs["source"].shape[1] for inputs, _ in epoch(Batches(part, contract, 20, seed=0), number)]
        assert sorted(widths)[-1] in (4000, 4001) and sorted(widths)[-2] <= 10


def captions(count=20):
    """Features, a picture and a text, and targets of all kinds; row i is told by its number i + 1."""
    numbers = np.arange(1, count + 1)
    text = np.where(np.arange(12) < 1 + numbers[:, None] % 11, numbers[:, None], 0).astype("int32")
    inputs = {
        "features": np.zeros((count, 64), "float32") + numbers[:, None],
        "image": np.zeros((count, 5, 6, 3), "float32") + numbers[:, None, None, None],
        "text": text,
    }
    targets = {"words": text + 0, "scores": np.zeros((count, 9), "float32"), "label": numbers}
    fields = {
        "features": Field("float32", (64,), None, None),
        "image": Field("float32", (5, 6, 3), None, None),
        "text": Field("int32", (None,), 0, 100, vocabulary=("a",)),
    }
    return Part(inputs, targets, aligned={"words": "text"}), Contract(fields)


def test_only_texts_and_what_is_aligned_with_them_are_cut():
    for inputs, targets in epoch(Batches(*captions(), 4, seed=0), 0):
        count = len(targets["label"])
        assert inputs["features"].shape == (count, 64) and inputs["image"].shape == (count, 5, 6, 3)
        assert targets["scores"].shape == (count, 9)
        np.testing.assert_array_equal(inputs["text"], targets["words"])
        for array in (inputs["features"], inputs["image"][:, 0, 0], inputs["text"]):
            np.testing.assert_array_equal(array[:, 0], targets["label"])
    one = epoch(Batches(*captions(), 1, seed=0), 0)
    assert {inputs["features"].shape for inputs, _ in one} == {(1, 64)} and len({t["words"].shape for _, t in one}) > 5


def test_a_target_beside_a_text_is_whole_unless_it_is_aligned():
    part, contract = sequences([(1 + row % 9, 3) for row in range(40)])
    for _, targets in epoch(Batches(dataclasses.replace(part, targets=np.ones((40, 9)), aligned=None), contract, 4), 0):
        assert targets.shape == (4, 9)


def test_a_text_as_long_as_its_contract_allows_is_never_longer():
    part, contract = sequences([(1 + row % 9, 3) for row in range(40)])
    limited = Contract({name: dataclasses.replace(field, max_length=9) for name, field in contract.inputs.items()})
    assert {inputs["source"].shape[1] for inputs, _ in epoch(Batches(part, limited, 4, seed=0), 0)} == {9}


def test_keras_takes_batches_of_any_lengths():
    """Two batches of one length first, later narrower and wider ones; and parts of it, as `Batches` is given outputs."""
    text = keras.Input((None,), dtype="int32", name="text")
    features, image = keras.Input((64,), name="features"), keras.Input((5, 6, 3), name="image")
    embedded = keras.layers.Embedding(101, 2)(text)
    model = keras.Model({"features": features, "image": image, "text": text}, {"words": keras.layers.Dense(101)(embedded)})
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    part, contract = captions()
    for lengths in ([12, 12, 3, 9], [3, 3, 3, 12], [12, 12, 12, 12]):
        part.inputs["text"][:] = np.arange(12) < np.repeat(lengths, 5)[:, None]
        part.targets["words"][:] = part.inputs["text"]
        batches = Batches(part, contract, 5, outputs=["words"])
        assert np.isfinite(model.fit(batches, epochs=2, validation_data=batches, shuffle=False, verbose=0).history["loss"]).all()


@pytest.mark.parametrize("seed", [None, 0])
def test_buckets_hold_hardly_any_padding(seed):
    lengths = np.random.default_rng(0).integers(1, 60, 2500).tolist()
    part, contract = sequences([(length, length) for length in lengths])
    batches = epoch(Batches(part, contract, 16, seed), 0)
    bucketed = sum(targets.size for _, targets in batches)
    tokens = sum(np.count_nonzero(targets) for _, targets in batches)
    unbucketed = sum(16 * max(lengths[start : start + 16]) for start in range(0, 2500, 16))
    assert bucketed < 1.1 * tokens < 0.7 * unbucketed


# The big sets, where they are


def idx(path, header):
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), "uint8", offset=header)


def rows(images, labels):
    """Every image with its label, in an order of their own."""
    pixels = np.round(images.reshape(len(images), 784) * (255 if images.dtype == np.float32 else 1)).astype("uint8")
    return sorted(bytes([label]) + image.tobytes() for image, label in zip(pixels, labels))


@pytest.mark.real
def test_mnist_is_the_original(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    data = mnist.load()
    assert [len(part) for part in parts(data)] == [55000, 5000, 10000]
    images = np.concatenate([part.inputs["image"] for part in parts(data)])
    labels = np.concatenate([part.targets for part in parts(data)])
    assert np.bincount(labels[:60000]).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    for stem, part in (("train", slice(60000)), ("t10k", slice(60000, None))):
        pixels = idx(data_folder / "mnist" / f"{stem}-images-idx3-ubyte.gz", header=16)
        digits_of_file = idx(data_folder / "mnist" / f"{stem}-labels-idx1-ubyte.gz", header=8)
        assert rows(pixels.reshape(-1, 784), digits_of_file) == rows(images[part], labels[part])


@pytest.mark.real
def test_fashion_mnist_is_another_set_of_the_same_form(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    data = fashion_mnist.load()
    assert [len(part) for part in parts(data)] == [55000, 5000, 10000]
    assert np.bincount(np.concatenate([data.train.targets, data.validation.targets])).tolist() == [6000] * 10
    assert np.bincount(data.test.targets).tolist() == [1000] * 10
    assert data.contract.classes[0] == "T-shirt/top" and data.contract.classes[-1] == "Ankle boot"
    assert (data.test.inputs["image"][0] != mnist.load().test.inputs["image"][0]).any()


@pytest.mark.real
def test_multi30k_is_whole_and_decodes_to_its_references(data_folder, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    data = parallel.load()
    assert [len(part) for part in parts(data)] == [29000, 1014, 1000]
    vocabulary = Vocabulary(data.contract["target"].vocabulary)
    assert len(vocabulary) <= 4000
    assert tuple(map(vocabulary.decode, data.train.targets)) == data.train.references
    for part in parts(data):
        data.contract.check(part.inputs)
        known = ~(part.targets == UNKNOWN).any(axis=1)
        assert known.mean() > 0.99
        assert all(vocabulary.decode(part.targets[row]) == part.references[row] for row in np.flatnonzero(known))


def inside_a_record(file):
    return file.stat().st_size // 2


def between_two_records(file):
    length = int.from_bytes(file.read_bytes()[:8], "little")
    return 8 + 4 + length + 4


@pytest.mark.real
@pytest.mark.parametrize("end", [inside_a_record, between_two_records])
def test_a_truncated_image_set_is_refused(data_folder, tmp_path, monkeypatch, end):
    shutil.copytree(data_folder / "tensorflow_datasets" / "mnist", tmp_path / "tensorflow_datasets" / "mnist")
    file = tmp_path / "tensorflow_datasets" / "mnist" / "3.0.1" / "mnist-test.tfrecord-00000-of-00001"
    file.chmod(0o644)
    size = end(file)
    with open(file, "r+b") as opened:
        opened.truncate(size)
    monkeypatch.setenv("ZOO_DATA_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="mnist again, or use data=digits") as refusal:
        mnist.load()
    assert str(tmp_path) in str(refusal.value) and "\n" not in str(refusal.value)
