"""Trained networks as exported versions: what lies in the folder, what each file answers, and what is refused."""

import dataclasses
import functools
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from disk import small_disk
from PIL import Image
from tensorflow import lite

from zoo import datasets, export, saved
from zoo import finder as recipes
from zoo.data.text import Vocabulary
from zoo.engines import open_engine
from zoo.errors import RunError, UsageError
from zoo.export.flatbuffer import read_metadata
from zoo.export.network import check_network, export_network
from zoo.files import sha256
from zoo.prediction import predict
from zoo.training.evaluate import evaluate
from zoo.training.loop import train

pytestmark = pytest.mark.slow

NAME = "mnist_cnn"
TINY = {
    "mnist_cnn": ["data=digits", "filters=(4, 4)", "epochs=5", "batch_size=50", "shift=0", "rotation=0", "dropout=0"],
    "stacked_autoencoder": ["data=digits", "units=(8,)", "epochs=2", "batch_size=250"],
    "stacked_lstm": ["data=digits", "units=(4, 3)", "epochs=1"],
    "vae": ["data=digits", "units=(8,)", "codings=3", "epochs=1", "batch_size=250"],
}
PICTURE = pathlib.Path(__file__).parent.parent / "examples/three.png"
SEQ2SEQ = saved.packaged_folder() / "seq2seq"
NAMES = [*TINY, "seq2seq"]
ZOO = [sys.executable, "-c", "from zoo.cli import main; main()"]


@pytest.fixture(scope="session")
def elsewhere(made_once):
    """A working directory where `zoo export seq2seq` was run, and what came of it: (folder, (output, errors, exit code))."""

    def make(folder):
        done = subprocess.run([*ZOO, "export", "seq2seq", "--format", "saved_model"], cwd=folder, capture_output=True, text=True)
        (folder / "said.json").write_text(json.dumps([done.stdout, done.stderr, done.returncode]))

    folder = made_once("elsewhere", make)
    return folder, read(folder / "said.json")


@pytest.fixture(scope="session")
def trained(made_once):
    """A folder with networks that learned little."""

    def make(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("zoo.recipes.vae.SAMPLES", 2)
            for name, settings in TINY.items():
                train(name, settings, folder=folder, verbose=0)

    return made_once("trained", make)


@pytest.fixture(scope="session")
def exported(trained, made_once):
    """A folder with version 1 of NAME in every format, and with quantized ones of other numbers."""

    def make(folder):
        copied(trained / NAME, folder / NAME)
        export_network(NAME, folder=folder)
        export_network(NAME, ["litert"], "dynamic", folder=folder)
        export_network(NAME, ["litert"], "float16", version=7, folder=folder)
        export_network(NAME, ["litert"], "int8", folder=folder)

    return made_once("exported", make)


@pytest.fixture
def copy(exported, tmp_path):
    return copied(exported, tmp_path / "copy")


@pytest.fixture(scope="session")
def version_of(exported, trained, elsewhere, made_once):
    """A version of every network, for all tests: the function from its name to the folder."""

    def make(name, folder):
        copied(trained / name, folder / name)
        export_network(name, ["saved_model"] if name == "vae" else ["litert", "onnx"], folder=folder)

    def find(name):
        if name == NAME:
            return exported / NAME / "1"
        if name == "seq2seq":
            folder, said = elsewhere
            assert said[-1] == 0, said
            return folder / "saved_models/seq2seq/1"
        return made_once(f"version of {name}", functools.partial(make, name)) / name / "1"

    return find


@pytest.fixture(scope="session")
def engines_of(version_of):
    """The function from a network's name to the engines of its files."""

    @functools.cache
    def find(name):
        files = (version_of(name) / file for file in ("saved_model.pb", "model.tflite", "model.onnx"))
        return [open_engine(file) for file in files if file.exists()]

    return find


def copied(source, target):
    return pathlib.Path(shutil.copytree(source, target))


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(path):
    return json.loads(path.read_text())


def one_line(error):
    error = without_progress(error)
    return error.startswith("zoo: ") and error.count("\n") == 1 and "unexpected" not in error


def without_progress(error):
    """Standard error without the lines that tell what is being done."""
    told = ("loading ", "writing ", "proving ")
    return "".join(line for line in error.splitlines(keepends=True) if not line.startswith(told))


def model_and_test(name, folder):
    card = saved.read_card(folder / name)
    return saved.load(name, folder), recipes.find(name).load_data(card["settings"]).test


# What lies in the folder.


def test_a_version_holds_every_format_with_its_papers_and_nothing_else(exported):
    there = set(files(exported / NAME / "1"))
    assert there == {
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
        "model.tflite",
        "model.onnx",
        "contract.json",
        "golden.json",
        "export.json",
    }
    training = {"card.json", "contract.json", "history.csv", saved.EXAMPLES, saved.WEIGHTS}
    assert {path.name for path in (exported / NAME).iterdir()} == training | {"1", "2", "7", "8"}


def test_onnx_has_a_file_for_each_signature(version_of):
    assert {path.name for path in version_of("stacked_autoencoder").iterdir()} == {
        *("model.onnx", "model.encode.onnx", "model.decode.onnx", "model.interpolate.onnx", "model.tflite"),
        *("contract.json", "golden.json", "export.json"),
    }


def test_versions_count_on_from_the_largest(exported):
    assert {path.name: read(path / "export.json")["version"] for path in (exported / NAME).iterdir() if path.is_dir()} == {
        **{"1": 1, "2": 2, "7": 7, "8": 8},
    }


def test_a_version_that_exists_is_refused_and_stays(zoo, copy):
    before = files(copy)
    code, out, err = zoo(f"export {NAME} --folder {copy} --format litert --version 7")
    assert code == 2 and one_line(err) and f"{NAME}/7 exists; give another --version" in err
    assert files(copy) == before


# What the papers say.


def test_the_report_tells_sizes_sums_and_origin(exported):
    folder = exported / NAME / "1"
    report = read(folder / "export.json")
    assert set(report["files"]) == {"saved_model", "litert", "onnx"} and report["name"] == NAME
    assert report["weights"] == saved.read_card(exported / NAME)["weights"]["sha256"]
    assert report["sha256"] == {file: sha256(folder / file) for file in files(folder) if file != "export.json"}
    sizes = {file: len(content) for file, content in files(folder).items()}
    of_saved_model = sum(size for file, size in sizes.items() if file.startswith(("saved_model.pb", "variables")))
    assert report["files"]["saved_model"]["bytes"] == of_saved_model
    assert report["files"]["litert"]["bytes"] == sizes["model.tflite"]
    assert report["files"]["onnx"]["bytes"] == sizes["model.onnx"]
    weights = 4 * saved.read_card(exported / NAME)["weights"]["count"]
    for entry in report["files"].values():
        assert entry["weight_ratio"] == entry["bytes"] / weights and 1 < entry["weight_ratio"] < 1.5
        assert 0 <= entry["largest_difference"] <= 1e-5 and 0 <= entry["golden_difference"] <= 1e-5 and entry["unequal"] == 0
        assert entry["quantize"] == "none" and entry["batch"] is None
        assert set(entry["latency_ms"]) == {"1", "32"} and all(0 < value < 1000 for value in entry["latency_ms"].values())
    assert report["versions"]["keras"] == keras.__version__ and report["versions"]["tensorflow"] == tf.__version__
    assert {"ai-edge-litert", "onnx", "onnxruntime", "tf2onnx", "nn-zoo", "python"} < set(report["versions"])


def test_the_metric_is_that_of_the_file_on_the_whole_test_part(exported):
    """360 images, which are no multiple of any batch that is used."""
    _, test = model_and_test(NAME, exported)
    for version in ("1", "2", "7", "8"):
        engine = open_engine(exported / NAME / version / "model.tflite")
        # In the batches of the export: quantized files choose scales by the batch.
        parts = [test.inputs["image"][start : start + 50] for start in range(0, 360, 50)]
        labels = np.concatenate([engine.run("serving_default", {"image": part})["label"] for part in parts])
        entry = read(exported / NAME / version / "export.json")["files"]["litert"]
        assert entry["metric_after"] == pytest.approx(np.mean(labels == test.targets))
        assert entry["metric_before"] == pytest.approx(evaluate(NAME, exported)["accuracy"])
    assert entry["metric_after"] > 0.8


def test_the_differences_are_those_of_the_file(exported):
    """The answers of the file itself to test examples, against Keras."""
    model, test = model_and_test(NAME, exported)
    images = test.inputs["image"]
    expected = keras.ops.softmax(model.predict(images, verbose=0))
    for file in ("model.tflite", "model.onnx"):
        answers = open_engine(exported / NAME / "1" / file).run("serving_default", {"image": images})
        np.testing.assert_allclose(answers["probabilities"], expected, atol=1e-5)


def signatures_of_saved_model(folder):
    for name, function in tf.saved_model.load(str(folder)).signatures.items():
        given = {key: spec.dtype.name for key, spec in function.structured_input_signature[1].items()}
        yield name, given, {key: spec.dtype.name for key, spec in function.structured_outputs.items()}


def signatures_of_litert(folder):
    interpreter = lite.Interpreter(str(folder / "model.tflite"))
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        given, gives = runner.get_input_details(), runner.get_output_details()
        yield name, *({key: np.dtype(detail["dtype"]).name for key, detail in details.items()} for details in (given, gives))


def signatures_of_onnx(folder):
    for path in folder.glob("model*.onnx"):
        graph = onnx.load(path).graph
        values = [
            {value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name for value in side}
            for side in (graph.input, graph.output)
        ]
        yield (path.stem.removeprefix("model").removeprefix(".") or "serving_default"), *values


def promised(folder, wanted):
    return {
        name: tuple({key: value["dtype"] for key, value in signature[side].items()} for side in ("inputs", "outputs"))
        for name, signature in read(folder / "contract.json")["signatures"].items()
        if wanted in signature["formats"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_names_what_each_file_takes_and_gives(version_of, name):
    folder = version_of(name)
    found = {"saved_model": signatures_of_saved_model, "litert": signatures_of_litert, "onnx": signatures_of_onnx}
    for wanted in read(folder / "export.json")["files"]:
        assert {name: (given, gives) for name, given, gives in found[wanted](folder)} == promised(folder, wanted)


def test_the_contract_tells_ranges_classes_and_vocabularies(version_of):
    contract = read(version_of(NAME) / "contract.json")
    image = contract["signatures"]["serving_default"]["inputs"]["image"]
    assert image["shape"] == [None, 28, 28, 1] and [image["minimum"], image["maximum"], image["finite"]] == [0, 1, True]
    assert contract["classes"] == list(datasets.digits.load().contract.classes)
    count = read(version_of("vae") / "contract.json")["signatures"]["sample"]["inputs"]["count"]
    assert count["shape"] == [] and [count["minimum"], count["maximum"]] == [1, 1000]
    contract, fields = read(version_of("seq2seq") / "contract.json"), saved.read_contract(SEQ2SEQ).inputs
    assert contract["vocabularies"] == {key: list(field.vocabulary) for key, field in fields.items()}
    assert contract["signatures"]["serving_default"]["inputs"]["source"]["vocabulary"] == "source"


def test_the_contract_travels_inside_the_files(version_of):
    for folder in map(version_of, (NAME, "stacked_autoencoder")):
        contract = read(folder / "contract.json")
        assert json.loads(read_metadata(folder / "model.tflite")["contract"]) == contract
        for path in folder.glob("*.onnx"):
            inside = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
            assert json.loads(inside["contract"]) == contract


def test_eight_golden_requests_ask_every_signature(exported, version_of):
    for folder in (exported / NAME / "8", *map(version_of, NAMES)):
        asked = [request["signature"] for request in read(folder / "golden.json")]
        assert len(asked) == 8 and set(asked) == set(read(folder / "contract.json")["signatures"])
        assert (folder / "golden.json").stat().st_size < 2e6


def test_golden_requests_of_test_examples_have_the_answers_of_keras(exported):
    model, test = model_and_test(NAME, exported)
    requests = [request for request in read(exported / NAME / "1/golden.json") if request["signature"] == "serving_default"]
    for request in requests:
        image = np.array(request["inputs"]["image"]["value"], request["inputs"]["image"]["dtype"])
        assert (test.inputs["image"] == image).all(axis=(1, 2, 3)).any()
        expected = keras.ops.softmax(model(image))
        np.testing.assert_allclose(request["outputs"]["probabilities"]["value"], expected, atol=1e-6)
    assert len({str(request["inputs"]) for request in requests}) == len(requests) == 7


# What the files answer.


def drawn_pictures(folder):
    """A picture in four of the ways in which people keep pictures."""
    picture = Image.open(PICTURE).convert("RGB")
    for name, image in {"a.png": picture, "b.jpg": picture, "c.png": picture.convert("L"), "d.jpeg": picture.rotate(90)}.items():
        image.save(folder / name)
    return sorted(folder.iterdir())


def test_a_picture_as_bytes_gets_the_label_of_zoo_predict(engines_of, exported, tmp_path):
    engine = engines_of(NAME)[0]
    pictures = drawn_pictures(tmp_path)
    together = engine.run("classify_bytes", {"image_bytes": np.array([path.read_bytes() for path in pictures], object)})
    classes = datasets.digits.load().contract.classes
    for index, path in enumerate(pictures):
        answer = predict(NAME, str(path), folder=exported)
        np.testing.assert_allclose(together["probabilities"][index], list(answer["probabilities"].values()), atol=1e-5)
        assert classes[together["label"][index]] == answer["label"]


@pytest.mark.parametrize("content", [b"", b"no picture", PICTURE.read_bytes()[:200]])
def test_bytes_that_are_no_picture_are_refused_by_name(engines_of, content):
    engine = engines_of(NAME)[0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="input `image_bytes`"):
        engine.run("classify_bytes", {"image_bytes": np.array([content], object)})


@pytest.mark.parametrize("wrong", [np.full((1, 28, 28, 1), 255), np.full((1, 28, 28, 1), np.nan), np.zeros((1, 27, 28, 1))])
def test_what_breaks_the_contract_is_refused_by_name(engines_of, wrong):
    engine = engines_of(NAME)[0]
    with pytest.raises((tf.errors.InvalidArgumentError, TypeError), match="image"):
        engine.run("serving_default", {"image": wrong.astype("float32")})


def test_an_autoencoder_is_its_two_halves(engines_of, trained):
    model, test = model_and_test("stacked_autoencoder", trained)
    images = test.inputs["image"][:5]
    for engine in engines_of("stacked_autoencoder"):
        whole = engine.run("serving_default", {"image": images})
        coding = engine.run("encode", {"image": images})["coding"]
        np.testing.assert_allclose(coding, whole["coding"], atol=1e-6)
        halves = engine.run("decode", {"coding": coding})["reconstruction"]
        np.testing.assert_allclose(halves, whole["reconstruction"], atol=1e-6)
        np.testing.assert_allclose(halves, model.predict(images, verbose=0), atol=1e-5)


def test_what_is_estimated_beside_the_target_does_not_keep_a_file_from_being_measured(version_of):
    files = read(version_of("stacked_autoencoder") / "export.json")["files"]
    assert all(entry["metric_after"] == pytest.approx(entry["metric_before"], rel=1e-4) for entry in files.values())


def test_a_vae_makes_as_many_images_as_are_asked_for(engines_of):
    (engine,) = engines_of("vae")

    def sample(count, seed):
        return engine.run("sample", {"count": np.int32(count), "seed": np.int32(seed)})["image"]

    images = sample(5, 3)
    assert images.shape == (5, 28, 28, 1) and images.min() >= 0 and images.max() <= 1
    np.testing.assert_array_equal(sample(5, 3), images)
    assert np.abs(sample(5, 4) - images).max() > 1e-3
    assert len({image.tobytes() for image in images}) == 5
    assert sample(1, 0).shape == (1, 28, 28, 1) and sample(1000, 2**31 - 1).shape == (1000, 28, 28, 1)
    for count, seed, name in ((0, 0, "count"), (1001, 0, "count"), (-1, 0, "count"), (1, -1, "seed")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"input `{name}`"):
            sample(count, seed)


def test_stepping_through_a_sequence_is_the_whole_of_it(engines_of, trained):
    _, test = model_and_test("stacked_lstm", trained)
    sequence = test.inputs["sequence"][:3]
    for engine in engines_of("stacked_lstm"):
        state = {f"{part}{layer}": np.zeros((3, units), "float32") for layer, units in ((1, 4), (2, 3)) for part in "hc"}
        for frame in np.moveaxis(sequence, 1, 0):
            answers = engine.run("step", {"frame": frame, **state})
            state = {name: answers[f"next_{name}"] for name in state}
        stepped = keras.ops.softmax(answers["logits"])
        whole = engine.run("serving_default", {"sequence": sequence})
        np.testing.assert_allclose(stepped, whole["probabilities"], atol=1e-5)
        np.testing.assert_array_equal(np.argmax(stepped, axis=1), whole["label"])


TEXTS = ["21. November 2026", "samstag, 3. mai 1977", "  12/31/1999 ", "1999-12-31", "\u96ea 2020"]


def test_text_is_translated_as_zoo_predict_does(engines_of, tmp_path):
    (engine,) = engines_of("seq2seq")
    answers = engine.run("translate", {"text": np.array([text.encode() for text in TEXTS], object)})
    translations = [text.decode() for text in answers["text"]]
    (tmp_path / "dates.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    told = predict("seq2seq", str(tmp_path / "dates.txt"), folder=SEQ2SEQ.parent)
    assert translations == [answer["text"] for answer in told]
    assert translations[0] == "2026-11-21" and answers["score"].shape == (5,)


def test_a_decoder_driven_by_hand_is_the_greedy_one(engines_of):
    (engine,), contract = engines_of("seq2seq"), saved.read_contract(SEQ2SEQ)
    source = np.array([Vocabulary(contract["source"].vocabulary).encode(TEXTS[0])], "int32")
    read_source = engine.run("encode", {"source": source})
    state, token, tokens = {"state1": read_source["state1"]}, 1, []
    while token != 2 and len(tokens) < 24:
        known = {"memory": read_source["memory"], "source": source, **state}
        answers = engine.run("decode_step", {"token": np.array([token], "int32"), **known})
        state, token = {"state1": answers["next_state1"]}, int(answers["logits"].argmax())
        tokens.append(token)
    greedy = engine.run("greedy", {"source": source})
    assert greedy["tokens"][0, : len(tokens)].tolist() == tokens and not greedy["tokens"][0, len(tokens) :].any()
    np.testing.assert_array_equal(engine.run("serving_default", {"source": source})["tokens"], greedy["tokens"])
    assert Vocabulary(contract.answer_vocabulary).decode(tokens) == "2026-11-21"


# Quantization and other options.


def test_quantized_files_are_smaller_and_still_measured(exported):
    entries = {version: read(exported / NAME / version / "export.json")["files"]["litert"] for version in "1278"}
    assert [entry["quantize"] for entry in entries.values()] == ["none", "dynamic", "float16", "int8"]
    ratios = {entry["quantize"]: entry["bytes"] / entries["1"]["bytes"] for entry in entries.values()}
    assert 0.2 < ratios["dynamic"] < 0.3 and 0.2 < ratios["int8"] < 0.35 and 0.4 < ratios["float16"] < 0.6
    assert all(abs(entry["metric_after"] - entry["metric_before"]) <= 0.01 * entry["metric_before"] for entry in entries.values())
    assert 0 < entries["7"]["largest_difference"] < entries["8"]["largest_difference"] < 0.2


def test_a_file_of_a_fixed_batch_is_proven_and_replayed_at_that_size(zoo, copy):
    code, out, err = zoo(f"export {NAME} --folder {copy} --format litert --batch 16")
    assert code == 0 and without_progress(err) == "" and out.endswith(f"{NAME}: exported to {copy}/{NAME}/9\n")
    accuracy, table = f"{evaluate(NAME, copy)['accuracy']:.5g}", out.splitlines()[:3]
    assert all(len(line) <= 80 for line in table) and "ms at 16" in table[0]
    assert table[1].split() == ["(Keras)", accuracy] and table[2].startswith("model.tflite") and accuracy in table[2]
    assert [detail["shape"][0] for detail in lite.Interpreter(f"{copy}/{NAME}/9/model.tflite").get_input_details()] == [16]
    assert json.loads(zoo(f"check {NAME} --folder {copy} --json")[1])["largest_difference"]["litert"] <= 1e-5
    change_golden(copy / NAME / "9", lambda requests: change_first(requests[0]["outputs"], "label", 1))
    assert "golden requests" in zoo(f"check {NAME} --folder {copy}")[2]


def test_a_fused_file_has_one_operation_for_each_lstm(trained, tmp_path):
    folder = copied(trained / "stacked_lstm", tmp_path / "stacked_lstm").parent
    path, report = export_network("stacked_lstm", ["litert"], fused=True, folder=folder)
    assert report["options"]["fused"] is True and report["files"]["litert"]["batch"] == 1
    interpreter = lite.Interpreter(str(path / "model.tflite"))
    operations = [detail["op_name"] for detail in interpreter._get_ops_details()]
    assert operations.count("UNIDIRECTIONAL_SEQUENCE_LSTM") == 2 and "WHILE" not in operations
    assert check_network("stacked_lstm", folder=folder)[1]["litert"] <= 1e-5


# zoo check.


def test_check_replays_the_newest_version_or_the_one_asked_for(zoo, exported):
    code, out, err = zoo(f"check {NAME} --folder {exported}")
    assert code == 0 and err == "" and out.startswith(f"{exported}/{NAME}/8: litert answers as it did") and out.count("\n") == 1
    code, out, err = zoo(f"check {NAME} --folder {exported} --version 1 --json")
    report = json.loads(out)
    assert code == 0 and report["path"] == f"{exported}/{NAME}/1"
    assert set(report["largest_difference"]) == {"saved_model", "litert", "onnx"}
    assert all(value <= 1e-5 for value in report["largest_difference"].values())


def test_a_changed_byte_of_any_file_is_found(zoo, copy):
    folder = copy / NAME / "1"
    for file in read(folder / "export.json")["sha256"]:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        code, out, err = zoo(f"check {NAME} --folder {copy} --version 1")
        # JSON that cannot be read is found before its sum is looked at.
        assert code in (1, 2) and one_line(err) and file in err and ("sha256 differs" in err or "damaged" in err), err
        (folder / file).write_bytes(content)


def test_a_file_that_is_gone_is_named(zoo, copy):
    folder = copy / NAME / "1"
    for file in files(folder):
        content = (folder / file).read_bytes()
        (folder / file).unlink()
        code, out, err = zoo(f"check {NAME} --folder {copy} --version 1")
        assert code in (1, 2) and one_line(err) and file in err, err
        (folder / file).write_bytes(content)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"sha256": {}}', '{"sha256": [], "files": []}', '{"sha256": {}, "files": {"litert": 3}}']
    + ['{"sha256": {}, "files": {"tflite": {"golden_difference": 0}}}', "\x00"],
)
def test_a_damaged_report_is_one_line(zoo, copy, text):
    (copy / NAME / "8/export.json").write_text(text)
    code, out, err = zoo(f"check {NAME} --folder {copy}")
    assert code == 2 and one_line(err) and "damaged" in err, err


def change_golden(folder, change):
    """Changes the golden requests, and their sum in the report too."""
    requests, report = read(folder / "golden.json"), read(folder / "export.json")
    change(requests)
    (folder / "golden.json").write_text(json.dumps(requests))
    report["sha256"]["golden.json"] = sha256(folder / "golden.json")
    (folder / "export.json").write_text(json.dumps(report))


def change_first(arrays, name, by):
    array = np.array(arrays[name]["value"])
    array.ravel()[0] += by
    arrays[name]["value"] = array.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda request: change_first(request["outputs"], "label", 1), "output `label` of serving_default"),
        (lambda request: change_first(request["outputs"], "probabilities", 0.1), "output `probabilities` of serving_default"),
        (lambda request: change_first(request["inputs"], "image", 40), "of serving_default"),
        (lambda request: request["outputs"].pop("label"), "gives ['label', 'probabilities']; Keras gives ['probabilities']"),
        (lambda request: request["outputs"]["label"].update(dtype="int64"), "int32"),
        (lambda request: request["outputs"]["label"].update(value=[[1]]), "(1, 1)"),
        (lambda request: request["inputs"]["image"].update(value=[[0.5]]), "does not run in its own runtime"),
        (lambda request: request["inputs"]["image"].update(value=[[0.5], [0.5, 0.5]]), "damaged"),
        (lambda request: request["inputs"]["image"].update(dtype="float7"), "damaged"),
        (lambda request: request["inputs"].update(image=3), "damaged"),
        (lambda request: request.clear(), "damaged"),
    ],
)
def test_other_answers_than_the_golden_ones_are_found(zoo, copy, change, message):
    change_golden(copy / NAME / "7", lambda requests: change(requests[0]))
    code, out, err = zoo(f"check {NAME} --folder {copy} --version 7")
    assert code == (2 if message == "damaged" else 1) and one_line(err) and message in err, err


def test_a_packaged_network_is_exported_to_the_working_directory(elsewhere):
    folder, (out, err, code) = elsewhere
    assert code == 0 and without_progress(err) == "" and out.endswith("\nseq2seq: exported to saved_models/seq2seq/1\n")
    assert [str(path.relative_to(folder)) for path in folder.glob("*/*/*")] == ["saved_models/seq2seq/1"]
    assert read(folder / "saved_models/seq2seq/1/export.json")["weights"] == sha256(SEQ2SEQ / saved.WEIGHTS)


# What is refused.


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("export mnist_cnn --format tflite", "did you mean 'litert'"),
        ("export mnist_cnn --format litert,savedmodel", "did you mean 'saved_model'"),
        ("export mnist_cnn --format ,", "no format was given"),
        ("export mnist_cnn --quantize int16", "no quantization 'int16'; expected one of none, float16, dynamic, int8"),
        ("export mnist_cnn --batch 0", "batch is 0; expected at least 1"),
        ("export mnist_cnn --batch -3 --quantize int8", "expected at least 1"),
        ("export mnist_cnn --batch many", "valid integer"),
        ("export mnist_cnn --version 0", "got --version 0; expected at least 1"),
        ("export mnist_cnn --version 1.5", "valid integer"),
        ("export mnist_cnn --version 2", "exists; give another --version"),
        ("export mnist_cnn --format litert --fused", "no lstm layer to fuse; leave --fused out"),
        ("export mnist_cnn --format onnx --quantize int8", "add litert to --format"),
        ("export mnist_cnn --format saved_model,onnx --batch 2", "add litert to --format"),
        ("export mnist_cnn --format onnx --fused", "add litert to --format"),
        ("export mnist_cnn --formats onnx", "no such option: --formats"),
        ("export mnist_cmm", "did you mean 'mnist_cnn'"),
        ("export ../mnist_cnn", "there is no network"),
        ("export translation", "translation has no trained weights in"),
        ("export stacked_lstm --format litert --quantize int8", "use --fused where every loop is an lstm layer"),
        ("export", "missing argument"),
        ("check mnist_cmm", "did you mean 'mnist_cnn'"),
        ("check mnist_cnn --version 5", "holds no version 5; make one with `zoo export mnist_cnn`"),
        ("check mnist_cnn --version 0", "holds no version 0"),
        ("check translation", "holds no exported version; make one with `zoo export translation`"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_writes_nothing(zoo, copy, trained, monkeypatch, command, message):
    copied(trained / "stacked_lstm", copy / "stacked_lstm")
    before = files(copy)
    code, out, err = zoo(f"{command} --folder {copy}" if " " in command else command)
    assert code == 2 and one_line(err) and out == "" and message in err.lower(), err
    assert files(copy) == before and not list(copy.rglob("zoo-partial-*"))


def test_data_that_changed_since_the_training_are_refused(trained, monkeypatch):
    digits = datasets.digits.load()
    monkeypatch.setattr(datasets.digits, "load", lambda: dataclasses.replace(digits, test=digits.test.head(300)))
    before = files(trained)
    with pytest.raises(UsageError, match="fingerprint differs"):
        export_network(NAME, ["litert"], folder=trained)
    assert files(trained) == before


def test_on_jax_an_export_is_one_line(tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [*ZOO, "export", "stacked_autoencoder"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and not list(tmp_path.iterdir())
    assert done.stderr == "zoo: Keras runs on jax; export needs KERAS_BACKEND=tensorflow.\n"


# What is not kept.


@keras.saving.register_keras_serializable("tests")
class Tilted(keras.layers.Layer):
    """A layer that computes something else in a graph than it does in Python."""

    def call(self, inputs):
        return inputs if tf.executing_eagerly() else inputs + 0.03


@pytest.mark.parametrize(("write", "file"), [(export.litert, "model.tflite"), (export.onnx, "model.onnx")])
def test_a_file_that_differs_from_keras_is_not_kept(tmp_path, write, file):
    image = keras.Input((3,), name="image")
    model = keras.Model(image, Tilted(name="tilted")(image))
    with pytest.raises(RunError, match=r"differs from Keras by 0\.03 in output `\w+` of serving_default; it is not kept"):
        write(model, tmp_path / file)
    assert not list(tmp_path.iterdir())


def with_endpoints(monkeypatch, name, endpoints):
    monkeypatch.setattr(f"zoo.recipes.{name}.recipe", dataclasses.replace(recipes.find(name), endpoints=endpoints))


def test_a_signature_that_differs_from_keras_takes_the_whole_version_with_it(zoo, copy, monkeypatch):
    with_endpoints(monkeypatch, NAME, lambda model: {"tilted": keras.Model(model.input, Tilted(name="tilted")(model.output))})
    before = files(copy)
    code, out, err = zoo(f"export {NAME} --format onnx,litert --folder {copy}")
    assert code == 1 and one_line(err) and "model.onnx differs from Keras by" in err and "of tilted; it is not kept" in err
    assert files(copy) == before


def test_a_file_that_quantization_spoils_is_not_kept(zoo, copy, monkeypatch):
    """Logits around 1e4: in 8 bits they are all the same, or the next step."""

    def classifier(model):
        logits = keras.ops.relu(model.output + 1e4) - 1e4
        _, label = keras.ops.top_k(logits, 1)
        label = keras.ops.cast(keras.ops.squeeze(label, axis=-1), "int32")
        return {"serving_default": keras.Model(model.input, {"probabilities": keras.ops.softmax(logits), "label": label})}

    with_endpoints(monkeypatch, NAME, classifier)
    before = files(copy)
    code, out, err = zoo(f"export {NAME} --format litert --quantize int8 --folder {copy}")
    assert code == 1 and one_line(err) and "after quantization" in err and "not kept" in err, err
    assert files(copy) == before


def test_a_killed_export_leaves_no_version_and_the_next_one_removes_what_it_left(trained, tmp_path):
    folder = copied(trained / NAME, tmp_path / NAME).parent
    (folder / NAME / "1").mkdir()
    (folder / NAME / "1/model.tflite").write_text("an earlier version")
    before = files(folder)
    command = [*ZOO, "export", NAME, "--format", "litert,onnx,saved_model", "--folder", str(folder)]
    # A group of its own, so that the runtime that is at work on the proof goes too.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(folder.glob(f"{NAME}/zoo-partial-*/2/model.tflite")):
        assert process.poll() is None, "the export ended by itself"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = list((folder / NAME).glob("zoo-partial-*"))
    assert len(left) == 1 and {path.name for path in (folder / NAME).iterdir() if path.name.isdigit()} == {"1"}
    assert {file: content for file, content in files(folder).items() if "partial" not in file} == before
    path, _ = export_network(NAME, ["litert"], folder=folder)
    assert path.name == "2" and not list((folder / NAME).glob("zoo-partial-*"))
    assert {file: content for file, content in files(folder).items() if not file.startswith(f"{NAME}/2/")} == before


@pytest.mark.parametrize(
    ("wanted", "free"), [("litert", 0), ("litert", 200_000), ("litert", 600_000), ("onnx", 600_000), ("saved_model", 600_000)]
)
def test_a_full_disk_is_one_line_and_keeps_the_versions_that_are_there(zoo, exported, tmp_path, wanted, free):
    """No room for the golden requests, which come first, or none for the file."""
    with small_disk(tmp_path, "8m"):
        folder = tmp_path / "saved_models"
        shutil.copytree(exported, folder)
        room = shutil.disk_usage(folder).free
        (tmp_path / "filler").write_bytes(bytes(room - free))
        before = files(folder)
        code, out, err = zoo(f"export {NAME} --format {wanted} --folder {folder}")
        assert code == 1 and one_line(err) and "cannot be written" in err and "nothing was kept" in err, err
        assert files(folder) == before and not list(folder.rglob("zoo-partial-*"))


@pytest.mark.parametrize(("wanted", "size"), [("litert", 50_000), ("litert", 400_000), ("onnx", 400_000)])
def test_a_file_that_cannot_grow_is_one_line_and_keeps_the_versions_that_are_there(zoo, copy, wanted, size):
    before = files(copy)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        code, out, err = zoo(f"export {NAME} --format {wanted} --folder {copy}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert code == 1 and one_line(err) and "cannot be written" in err, err
    assert files(copy) == before and not list(copy.rglob("zoo-partial-*"))
