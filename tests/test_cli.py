"""The command line, as a person meets it."""

import dataclasses
import importlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw

import zoo as package
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.data.forms import damage
from zoo.errors import UsageError
from zoo.models import stacked_autoencoder
from zoo.recipe import Target

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"
NAME = "stacked_autoencoder"
TINY = 'data=digits "units=(8,)" epochs=2 batch_size=250'


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with two trained networks: an autoencoder, and what it takes to answer text."""
    from zoo.training.loop import train

    folder = tmp_path_factory.mktemp("trained")
    train(NAME, shlex.split(TINY), folder=folder / "saved_models", verbose=0)
    train("mnist_cnn", ["data=digits", "filters=(2, 2)", "epochs=2"], folder=folder / "saved_models", verbose=0)
    shutil.copytree(text_network(folder), folder / "saved_models/seq2seq")
    return folder


def text_network(folder):
    """The trained weights that travel with the package, or else a few made here."""
    from zoo.training.loop import train

    packaged = saved.packaged_folder() / "seq2seq"
    if (packaged / saved.CARD).is_file():
        return packaged
    pairs = folder / "pairs.tsv"
    pairs.write_text("".join(f"{number}. May 2026\t2026-05-{number:02}\n" for number in range(1, 31)))
    train("seq2seq", [f"data=parallel:{pairs}", "units=4", "epochs=1"], folder=folder, verbose=0)
    return folder / "seq2seq"


@pytest.fixture
def here(trained, tmp_path, monkeypatch):
    """A working directory with trained networks in saved_models."""
    monkeypatch.chdir(shutil.copytree(trained, tmp_path / "here"))
    return pathlib.Path()


def files(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_list_answers_at_once_and_imports_no_keras(tmp_path):
    code = (
        "import sys; from zoo import cli; sys.argv = ['zoo', 'list']; cli.main(); "
        "print([name for name in ('keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.endswith("[]\n") and all(name in done.stdout for name in recipes.recipe_names())


def test_the_command_is_a_module_too_and_ascii_terminals_show_what_they_can(tmp_path):
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}

    def run(*arguments):
        command = [sys.executable, "-m", "zoo", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=ascii_only, capture_output=True, text=True)

    assert run("--version").stdout == f"zoo {package.__version__}\n"
    shown, listed = run("-h"), run("list")
    assert shown.returncode == listed.returncode == 0 and shown.stderr == listed.stderr == ""
    assert "Usage: zoo" in shown.stdout and "?" in listed.stdout and all(name in listed.stdout for name in recipes.recipe_names())


def test_list_tells_every_network_and_its_score(zoo, here):
    code, out, err = zoo("list --json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0 and err == "" and list(rows) == recipes.recipe_names()
    assert rows[NAME]["score"].startswith("mse 0.") and rows[NAME]["description"] == recipes.description(NAME)
    assert {row["score"] for row in json.loads(zoo("list --json --folder elsewhere")[1])} == {None}
    assert "not trained" in zoo("list --folder elsewhere")[1]


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_show_tells_settings_and_target(zoo, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content = json.loads(zoo(f"show {name} --json --folder elsewhere")[1])
    recipe = recipes.find(name)
    assert list(content["settings"]) == list(recipe.defaults()) and content["target"] == str(recipe.target)
    assert content["weights"] is None and content["card"] is None
    code, out, err = zoo(f"show {name} --folder elsewhere")
    assert code == 0 and err == "" and f"zoo train {name}" in out and all(key in out for key in recipe.defaults())


def test_show_tells_weights_score_and_command_of_a_trained_network(zoo, here):
    card = saved.read_card(pathlib.Path("saved_models") / NAME)
    assert json.loads(zoo(f"show {NAME} --json")[1])["card"] == card
    out = zoo(f"show {NAME}")[1]
    assert "7,064" in out and f"mse {card['score']['test']:.4g}" in out and card["command"] in out


def test_train_evaluate_and_predict_in_a_row(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = zoo(f"train {NAME} {TINY}")
    card = json.loads(pathlib.Path("saved_models", NAME, "card.json").read_text())
    assert code == 0 and err == "" and f"test mse {card['score']['test']:.4g}; saved in saved_models/{NAME}" in out
    assert shlex.split(card["command"]) == ["zoo", *shlex.split(f"train {NAME} {TINY}")]
    code, out, err = zoo(f"evaluate {NAME}")
    assert code == 0 and err == "" and f"test mse: {card['score']['test']:.6g}" in out
    report = json.loads(zoo(f"evaluate {NAME} --json")[1])
    assert report["recorded"] == card["score"]["test"] == pytest.approx(report["scores"]["mse"], rel=1e-5)
    for part in ("validation", "train"):
        assert zoo(f"evaluate {NAME} --part {part}")[0] == 0
        told = json.loads(zoo(f"evaluate {NAME} data=digits --part {part} --json")[1])["scores"]
        assert told["mse"] == pytest.approx(
            json.loads(zoo(f"evaluate {NAME} --part {part} --json")[1])["scores"]["mse"], rel=1e-5
        )
    code, out, err = zoo(f"predict {NAME} {EXAMPLES / 'three.png'}")
    assert code == 0 and err == "" and "reconstruction" in out and "coding: " in out


def test_noise_is_added_to_the_pictures_and_not_to_what_they_are_compared_with(zoo, here):
    images, model = datasets.digits.load().test.inputs["image"], package.load(NAME)
    for noise in (0, 0.5):
        code, out, err = zoo(f"evaluate {NAME} --noise {noise} --json")
        report = json.loads(out)
        restored = model.predict(damage(images, "gaussian", noise), verbose=0)
        assert code == 0 and report["noise"] == noise and report["recorded"] is None
        assert report["scores"]["mse"] == pytest.approx(np.mean((restored - images) ** 2), rel=1e-5)
    assert zoo("evaluate mnist_cnn --noise 0.5")[1].startswith("test accuracy: ")


def test_codings_are_probed_with_the_classes_that_the_network_was_not_told(zoo, here):
    data, encoder = datasets.digits.load(), stacked_autoencoder.encoder(package.load(NAME))
    train, test = (np.asarray(encoder(part.inputs["image"])["coding"], "float64") for part in (data.train, data.test))
    nearest = np.square(test[:, None] - train).sum(axis=2).argmin(axis=1)
    expected = np.mean(data.train.targets[nearest] == data.test.targets)
    scores = json.loads(zoo(f"evaluate {NAME} --probe --json")[1])["scores"]
    assert scores["nearest_neighbour_accuracy"] == pytest.approx(expected, abs=0.005)
    assert 0.5 < scores["linear_accuracy"] <= 1
    assert json.loads(zoo(f"evaluate {NAME} --probe --part validation --json")[1])["part"] == "validation"


def test_a_classifier_names_the_class_of_a_picture(zoo, here):
    picture = Image.new("L", (60, 80), 255)
    ImageDraw.Draw(picture).line((30, 10, 30, 70), fill=0, width=6)
    picture.save("one.png")
    answers = json.loads(zoo("predict mnist_cnn one.png --json")[1])["answers"]
    assert answers["label"][0] in datasets.digits.load().contract.classes
    assert sum(answers["probabilities"][0]) == pytest.approx(1, abs=1e-5)
    assert f"{answers['label'][0]} {max(answers['probabilities'][0]):.1%}" in zoo("predict mnist_cnn one.png")[1]


def test_many_pictures_are_a_table_and_python_gives_plain_values(zoo, here):
    pathlib.Path("strokes").mkdir()
    for name, line in {"one": (30, 10, 30, 70), "seven": (15, 10, 45, 70)}.items():
        picture = Image.new("L", (60, 80), 255)
        ImageDraw.Draw(picture).line(line, fill=0, width=6)
        picture.save(f"strokes/{name}.png")
    code, out, err = zoo("predict MNIST_CNN strokes")
    rows = [line for line in out.splitlines() if line.startswith(("one.png ", "seven.png "))]
    values = package.predict("mnist_cnn", "strokes")
    assert code == 0 and err == "" and len(rows) == len(values) == 2
    for row, value in zip(rows, values):
        likeliest = max(value["probabilities"], key=value["probabilities"].get)
        assert value["label"] == likeliest and f" {likeliest} {value['probabilities'][likeliest]:.1%}" in row
    arrays = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    batch, one = package.predict("mnist_cnn", arrays), package.predict("mnist_cnn", arrays[0])
    assert one["label"] == batch[0]["label"] and len(batch) == len(package.predict("mnist_cnn", [*arrays])) == 2
    assert package.predict("mnist_cnn", ["strokes/seven.png"])[0]["label"] == values[1]["label"]


def test_other_endpoints_and_inputs_by_name(zoo, here):
    code, out, err = zoo(f"predict {NAME} {EXAMPLES / 'three.png'} --endpoint encode --json")
    coding = json.loads(out)["answers"]["coding"]
    np.save("coding.npy", np.array(coding * 5, "float32"))
    assert code == 0 and np.shape(coding) == (1, 8)
    assert zoo(f"predict {NAME} --endpoint decode coding=coding.npy --save grid.png")[0] == 0
    with Image.open("grid.png") as grid:  # five pictures of 28 pixels, in three columns, with two pixels around each
        assert grid.size == (92, 62) and grid.mode == "L"
    code, out, err = zoo(f"predict {NAME} --endpoint decode coding={','.join(map(str, coding[0]))}")
    assert code == 0 and out.startswith("reconstruction:\n")


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4"])
def test_an_array_may_be_an_example_or_a_batch(zoo, here, dtype):
    images = np.random.default_rng(0).random((3, 28, 28, 1)).astype("float32")
    np.save("batch.npy", images.astype(dtype))
    np.save("one.npy", images[0].astype(dtype))
    answers = {name: json.loads(zoo(f"predict {NAME} {name}.npy --json")[1])["answers"] for name in ("batch", "one")}
    assert np.shape(answers["batch"]["coding"]) == (3, 8)
    np.testing.assert_allclose(answers["one"]["coding"][0], answers["batch"]["coding"][0], rtol=1e-4, atol=1e-5)


def test_text_is_answered_from_the_command_line_and_from_a_file(zoo, here):
    code, out, err = zoo('predict seq2seq "21. May 2026"')
    assert code == 0 and err == "" and len(out.splitlines()) == 1
    pathlib.Path("dates[red].txt").write_text("21. May 2026\n\n3. May 2026\n")
    report = json.loads(zoo('predict seq2seq "dates[red].txt" --json')[1])
    assert report["notes"] == ["2 lines of dates[red].txt"] and report["answers"]["text"][0] == out.strip()
    assert zoo('predict seq2seq "dates[red].txt"')[1].startswith("2 lines of dates[red].txt\n")
    assert json.loads(zoo("predict seq2seq \u96ea --json")[1])["notes"] == ["characters never seen in training: 1"]
    assert zoo(f"predict seq2seq {'5' * 150}")[0] == 0
    code, _, err = zoo(f"predict seq2seq {'5' * 300}")
    assert code == 2 and err == "zoo: input `source` has length 301; expected at most 200.\n"


def test_save_writes_the_answers_and_replaces_nothing(zoo, here):
    code, out, err = zoo(f"predict {NAME} {EXAMPLES / 'three.png'} --json --save answers.npz")
    assert code == 0 and err == ""
    with np.load("answers.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"reconstruction", "coding"}
        np.testing.assert_allclose(arrays["coding"], json.loads(out)["answers"]["coding"], rtol=1e-6)
    before = files(here)
    code, out, err = zoo(f"predict {NAME} {EXAMPLES / 'three.png'} --save answers.npz")
    assert code == 2 and err == "zoo: answers.npz exists; give a new name to --save.\n" and files(here) == before
    assert zoo("predict seq2seq '21. May 2026' --save text.npz")[0] == 0
    assert np.load("text.npz", allow_pickle=False)["text"].shape == (1,)


def write_bad_inputs():
    image = np.zeros((28, 28, 1), "float32")
    np.save("shape.npy", np.zeros((27, 28, 1), "float32"))
    np.save("nan.npy", image * np.float32("nan"))
    np.save("range.npy", image + 2)
    np.save("huge.npy", image.astype("float64") + 1e300)
    np.save("integers.npy", image.astype("uint8"))
    np.save("text.npy", np.array(["text"]))
    np.save("empty.npy", np.zeros((0, 28, 28, 1), "float32"))
    np.save("pickled.npy", np.array([{}, print], dtype=object), allow_pickle=True)
    np.save("whole.npy", image)
    pathlib.Path("truncated.npy").write_bytes(pathlib.Path("whole.npy").read_bytes()[:500])
    pathlib.Path("nothing.npy").write_bytes(b"")
    np.savez("arrays.npz", image=image)
    pathlib.Path("arrays.npz").rename("arrays.npy")
    np.save("tokens.npy", np.array([2**32 + 5], "int64"))
    pathlib.Path("text.png").write_text("no picture")
    Image.new("L", (50, 50), 255).save("blank.png")
    pathlib.Path("empty.txt").write_text(" \n\n")
    pathlib.Path("latin.txt").write_bytes("März".encode("latin-1"))
    pathlib.Path("file").write_text("")
    pathlib.Path("folder.npy").mkdir()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("list --jsn", "no such option: --jsn"),
        ("lst", "did you mean 'list'"),
        ("train", "missing argument"),
        ("show mnist_cmm", "did you mean 'mnist_cnn'"),
        ("train mnist_cmm", "did you mean 'mnist_cnn'"),
        ("train ../mnist_cnn", "there is no network"),
        ("evaluate mnist_cmm", "did you mean 'mnist_cnn'"),
        ("predict mnist_cmm 3", "did you mean 'mnist_cnn'"),
        ("predict mnist_cnn", "got no image; serving_default takes image (image, float32 (batch, 28, 28, 1))"),
        ("train mnist_cnn epoch=3", "did you mean 'epochs'"),
        ("train mnist_cnn epochs=many", "expected int, at least 1"),
        ("train mnist_cnn dropout=1.5", "expected float, at least 0, less than 1"),
        ("train mnist_cnn epochs", "expected a setting as key=value"),
        ("train mnist_cnn data=digit --folder new", "did you mean 'digits'"),
        ("train mnist_cnn data=digits --seeds 0", "got --seeds 0; expected at least 1"),
        ("train mnist_cnn data=digits --seeds many", "valid integer"),
        ("train mnist_cnn data=digits --seed 3", "no such option: --seed"),
        ("train seq2seq data=digits --folder new", "the network needs 'source'"),
        ("train mnist_cnn data=parallel:pairs.tsv --folder new", "pairs.tsv is not a file"),
        ("train stacked_lstm data=parallel:data.tsv", "the network needs 'image'"),
        (f"train {NAME} {TINY}", "holds a finished result"),
        (f"train {NAME} {TINY} --resume", "no unfinished run"),
        (f"train {NAME} {TINY} --folder file", "file"),
        ("evaluate vae --folder elsewhere", "vae has no trained weights in elsewhere"),
        (f"evaluate {NAME} --part nonsense", "expected test, validation or train"),
        (f"predict {NAME} none.png", "none.png"),
        (f"predict {NAME} text.png", "text.png"),
        (f"predict {NAME} blank.png", "blank"),
        (f"predict {NAME} saved_models", "saved_models"),
        (f"predict {NAME} {'5' * 300}.png", "555.png"),
        (f"predict {NAME} none.npy", "none.npy cannot be read"),
        (f"predict {NAME} shape.npy", "shape (1, 27, 28, 1); expected (batch, 28, 28, 1)"),
        (f"predict {NAME} nan.npy", "nan or infinity"),
        (f"predict {NAME} range.npy", "expected values in [0, 1]"),
        (f"predict {NAME} huge.npy", "expected values in [0, 1]"),
        (f"predict {NAME} integers.npy", "uint8; expected float32"),
        (f"predict {NAME} text.npy", "expected (batch, 28, 28, 1)"),
        (f"predict {NAME} empty.npy", "empty.npy is empty"),
        (f"predict {NAME} pickled.npy", "pickled.npy cannot be read"),
        (f"predict {NAME} truncated.npy", "truncated.npy cannot be read"),
        (f"predict {NAME} nothing.npy", "nothing.npy cannot be read"),
        (f"predict {NAME} arrays.npy", "arrays.npy cannot be read"),
        (f"predict {NAME} folder.npy", "folder.npy holds no pictures"),
        ("predict seq2seq tokens.npy", "expected values in [0, "),
        ("predict seq2seq ''", "holds no text"),
        ("predict seq2seq empty.txt", "holds no text"),
        ("predict seq2seq latin.txt", "latin.txt cannot be read as utf-8"),
        (f"predict {NAME} whole.npy --save none/answers.npz", "none/answers.npz cannot be written"),
        (f"predict {NAME} whole.npy --save file", "file exists"),
        (f"predict {NAME} whole.npy --save new.txt", "ends in .npz or .png"),
        (f"predict {NAME} whole.npy --endpoint encode --save new.png", "hold no pictures (coding)"),
        (f"predict {NAME} whole.npy --endpoint encoder", "did you mean 'encode'"),
        (f"predict {NAME} whole.npy count=3", "has no input 'count'"),
        (f"predict {NAME} whole.npy image=whole.npy", "given every input by name"),
        (f"predict {NAME} --endpoint decode coding=1,2", "`coding` has 2 numbers"),
        (f"predict {NAME} --endpoint decode coding=red", "expected numbers such as"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_writes_nothing(zoo, here, command, message):
    write_bad_inputs()
    pathlib.Path("data.tsv").write_text("".join(f"word {number}\tWort {number}\n" for number in range(40)))
    before = files(here)
    code, out, err = zoo(command)
    assert code == 2
    assert err.startswith("zoo: ") and err.count("\n") == 1 and message in err.lower(), err
    assert files(here) == before


def test_a_missed_target_is_an_error_after_the_result_is_saved(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = recipes.find(NAME)
    for bound, expected in ((1e-6, 1), (1.0, 0)):
        own = dataclasses.replace(recipe, data=datasets.digits, target=Target("mse", at_most=bound))
        monkeypatch.setattr(importlib.import_module(f"zoo.recipes.{NAME}"), "recipe", own)
        code, out, err = zoo(f"train {NAME} {TINY} --overwrite")
        card = saved.read_card(pathlib.Path("saved_models") / NAME)
        assert code == expected and card["score"]["passed"] is (expected == 0) and "saved in" in out
        assert err == (
            f"zoo: the target is missed: mse at most 1e-06 was wanted, {card['score']['mean']:.6g} was reached.\n" * code
        )


def test_a_run_that_diverges_is_one_line_and_exit_code_1(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = zoo(f"train {NAME} {TINY} learning_rate=1e30")
    assert code == 1 and err.startswith("zoo: the loss is ") and err.count("\n") == 1 and "in epoch 1" in err


def test_ctrl_c_is_one_line_and_the_training_goes_on(zoo, tmp_path, monkeypatch):
    def interrupt(model, part, contract):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        module, recipe = importlib.import_module(f"zoo.recipes.{NAME}"), recipes.find(NAME)
        patch.setattr(module, "recipe", dataclasses.replace(recipe, measure=interrupt))
        code, out, err = zoo(f"train {NAME} {TINY}")
    assert code == 130 and err == "zoo: interrupted; no partial results were kept. Resume training with --resume.\n"
    assert zoo(f"train {NAME} {TINY} --resume")[0] == 0


def test_a_score_that_is_not_the_card_s_is_exit_code_1(zoo, here):
    path = here / "saved_models" / NAME / saved.CARD
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "score": {**card["score"], "test": card["score"]["test"] * 1.001}}))
    code, out, err = zoo(f"evaluate {NAME}")
    assert code == 1 and err.startswith("zoo: mse is ") and "the card says" in err and err.count("\n") == 1


def test_changed_weights_are_refused(zoo, here):
    path = here / "saved_models" / NAME / saved.WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for command in (f"evaluate {NAME}", f"predict {NAME} {EXAMPLES / 'three.png'}"):
        code, out, err = zoo(command)
        assert code == 2 and "its sha256 differs" in err and err.count("\n") == 1


def test_debug_shows_the_traceback(zoo):
    for command in ("--debug show mnist_cmm", "show mnist_cmm --debug"):
        with pytest.raises(UsageError, match="mnist_cmm"):
            zoo(command)


def test_an_error_that_nobody_expected_is_one_line(zoo, here, monkeypatch):
    monkeypatch.setattr(datasets.digits, "load", lambda: 1 / 0)
    code, out, err = zoo(f"evaluate {NAME}")
    assert code == 1 and err == "zoo: unexpected ZeroDivisionError: division by zero (--debug shows where)\n"


def test_no_command_is_help(zoo):
    code, out, err = zoo("")
    assert code == 0 and err == "" and "Usage" in out and "predict" in out
