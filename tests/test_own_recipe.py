"""A network that the zoo does not have, on a person's own file, from `zoo copy` to a served model."""

import json
import pathlib
import re

import numpy as np
import pytest
import sklearn.datasets
from PIL import Image
from served import Served

import zoo as package
from zoo import finder, saved
from zoo.errors import UsageError
from zoo.files import sha256

BUILDER = """
def thin_net(input_shape, classes, width):
    image = keras.Input(input_shape, name="image")
    x = keras.layers.Flatten()(image)
    x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(image, keras.layers.Dense(classes, name="logits")(x))


def build(contract, optimizer, width: Count = 16):
    model = thin_net(contract["image"].shape, len(contract.classes), width)
"""
SPACE = """
def space(hp):
    return {"width": hp.Choice("width", [8, 16], default=16)}


"""


def digits_file(path):
    """Real digits, 8 x 8, as a person would save them."""
    digits = sklearn.datasets.load_digits()
    images = (digits.images * (255 / 16)).astype("uint8")
    arrays = {"x_train": images[:1400], "y_train": digits.target[:1400], "x_test": images[1400:], "y_test": digits.target[1400:]}
    np.savez(path, **arrays)
    Image.fromarray(images[1400]).resize((80, 80)).save(path.with_name("digit.png"))


def with_own_builder(file):
    """Puts another network into a copy of a recipe, as a person would: a builder in place of the zoo's, and its space."""
    text = file.read_text(encoding="utf-8")
    text = re.sub(r"\ndef build\(.*?\n    model = mnist_cnn\([^\n]*\n", BUILDER, text, flags=re.S)
    text = re.sub(r"\ndef space\(.*?\n\n\n", SPACE, text, flags=re.S)
    text = text.replace("from zoo import datasets, mnist_cnn", "from zoo import datasets")
    text = text.replace("from zoo.layers.augmentation import shift_and_rotate\n", "")
    file.write_text(re.sub(r"at_least=[\d.]+, aim=[\d.]+", "at_least=0.8", text), encoding="utf-8")


@pytest.mark.slow
def test_from_copy_to_served(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits_file(tmp_path / "digits.npz")
    code, out, err = zoo("copy mnist_cnn mine.py")
    assert code == 0 and err == "" and "zoo train mine.py" in out
    with_own_builder(tmp_path / "mine.py")
    settings = "data=npz:digits.npz epochs=12 batch_size=50 learning_rate=0.005"

    code, out, err = zoo(f"train mine.py {settings}")
    card = saved.read_card(tmp_path / "saved_models/mine")
    assert code == 0, err
    assert "saved in saved_models/mine" in out and card["score"]["test"] > 0.8 and card["name"] == "mine"
    assert card["recipe"] == {"file": str(tmp_path / "mine.py"), "sha256": sha256(tmp_path / "mine.py")}

    code, out, err = zoo(f"tune mine.py {settings} epochs=1 --tuner random --max-trials 2")
    assert code == 0 and "zoo train mine.py" in out, err
    assert zoo("train mine.py --from-study 1 --folder second")[0] in (0, 1)  # one epoch may miss the target
    assert saved.read_card(tmp_path / "second/mine")["epochs"]["done"] == 1

    code, out, err = zoo("evaluate mine.py --json")
    assert code == 0 and json.loads(out)["recorded"] == card["score"]["test"]
    assert zoo("show mine.py --json")[0] == 0
    answer = package.predict("mine.py", "digit.png")
    assert set(answer["probabilities"]) == set("0123456789")
    code, out, err = zoo("export mine.py")
    assert code == 0 and pathlib.Path("saved_models/mine/1/model.tflite").is_file(), err
    assert zoo("check mine.py")[0] == 0

    server = Served(tmp_path / "saved_models")
    image = np.load("digits.npz")["x_test"][0] / 255
    code, served = server("POST", "/v1/models/mine:predict", json.dumps({"instances": [image[..., None].tolist()]}))
    assert code == 200
    expected = package.predict("mine.py", np.float32(image)[..., None])
    assert str(served["predictions"][0]["label"]) == expected["label"]
    np.testing.assert_allclose(served["predictions"][0]["probabilities"], list(expected["probabilities"].values()), atol=1e-5)
    assert server.end() == 0

    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    code, out, err = zoo("evaluate mine.py")
    assert code == 0 and "mine.py has changed since" in err


def test_names_are_matched_without_regard_to_case_and_files_by_their_path(tmp_path):
    assert finder.name_of("MNIST_cnn") == "mnist_cnn" and finder.find("Mlp") is finder.find("mlp")
    file = finder.copy("mlp", tmp_path / "own.py")
    assert finder.name_of(file) == "own" and finder.find(file).target == finder.find("mlp").target
    assert "zoo train own.py" in file.read_text(encoding="utf-8") and finder.own_file("mlp") is None


FILES = {
    "empty.py": ("", "empty.py holds no recipe; expected it to end in `recipe = Recipe"),
    "number.py": ("recipe = 3\n", "number.py holds no recipe"),
    "broken.py": ("def build(:\n", "broken.py, line 1 cannot be run as a recipe (SyntaxError"),
    "fails.py": ("import nowhere\n", "fails.py cannot be run as a recipe (ModuleNotFoundError: No module named 'nowhere')"),
    "mnist_cnn.py": ("", "mnist_cnn.py has the name of a packaged network"),
    "two words.py": ("", "a name that Python cannot import"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_recipe_is_one_line(name, zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content, said = FILES[name]
    pathlib.Path(name).write_text(content)
    for command in ("train", "tune", "evaluate", "export", "show", "check"):
        code, _, err = zoo(f"{command} '{name}'")
        assert code == 2 and err.count("\n") == 1 and ("holds no" in err or said in err or "no trained weights" in err), err
    with pytest.raises(UsageError) as error:
        finder.find(name)
    assert said in str(error.value) and [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("copy mnist_cnn taken.py", "taken.py exists"),
        ("copy mnist_cnn mlp.py", "name of a packaged network"),
        ("copy mnist_cnn mine", "expected the name of a Python file"),
        ("copy mnist_cnn none/mine.py", "none/mine.py cannot be written"),
        ("copy mnist_cmm mine.py", "did you mean 'mnist_cnn'"),
        ("train gone.py", "there is no recipe file gone.py"),
    ],
)
def test_a_copy_replaces_nothing(command, said, zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("taken.py").write_text("mine")
    code, _, err = zoo(command)
    assert code == 2 and err.count("\n") == 1 and said in err
    assert [path.name for path in tmp_path.iterdir()] == ["taken.py"] and pathlib.Path("taken.py").read_text() == "mine"
