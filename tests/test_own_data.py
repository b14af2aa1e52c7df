"""A person's own data from end to end: settings of a data set, what the card remembers, and an evaluation that finds it again."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from zoo import finder as recipes
from zoo import saved
from zoo.data.text import Vocabulary
from zoo.errors import UsageError
from zoo.files import write_json

NETWORK = "softmax_regression"


def pictures(root):
    for label, grey in (("dark", 20), ("light", 200)):
        (root / label).mkdir(parents=True)
        for number in range(12):
            Image.new("L", (8 + number % 2, 8), grey + number).save(root / label / f"{number}.png")
    return root


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_a_run_on_a_persons_pictures_is_said_remembered_and_found_again(zoo, here, tmp_path, monkeypatch):
    (pictures(here / "pictures") / "dark" / "notes.txt").write_text("notes")
    asked = f"{NETWORK} data=folder:pictures size=4 epochs=1"
    code, _, err = zoo(f"train {asked} --folder models")
    assert code == 2 and "pictures/dark/notes.txt is not a picture" in err and "skip_bad=true" in err
    code, out, err = zoo(f"train {asked} skip_bad=true --folder models")
    assert code == 0, err
    card = json.loads((here / "models" / NETWORK / "card.json").read_text())
    assert card["settings"]["size"] == 4 and card["settings"]["skip_bad"] is True
    assert card["settings"]["data"] == "folder:pictures" and card["data"]["paths"] == {"data": [str(here / "pictures")]}
    assert "resized to 4 x 4 pixels" in card["data"]["notes"][0] and "pictures/dark/notes.txt" in card["data"]["notes"][1]
    assert all(note in out for note in card["data"]["notes"])
    assert list(card["data"]["made_with"]) == ["pillow"]
    monkeypatch.chdir(tmp_path)
    assert saved.load_data(NETWORK, "here/models").fingerprint() == card["data"]["fingerprint"]
    os.rename(here, tmp_path / "there")
    with pytest.raises(UsageError, match="pictures is not a folder"):
        saved.load_data(NETWORK, "there/models")
    monkeypatch.chdir(tmp_path / "there")
    assert saved.load_data(NETWORK, "models").fingerprint() == card["data"]["fingerprint"]
    # Other pictures to train with: a score on those to test with would be the card's, but whose would it be?
    for file in (tmp_path / "there" / "pictures" / "light").glob("*.png"):
        Image.new("L", (8, 8), 199).save(file)
    with pytest.raises(UsageError, match="its fingerprint differs: train, validation, test"):
        saved.load_data(NETWORK, "models")
    # After an update of what reads pictures, that is told, and the score.
    card["data"]["made_with"] = {"pillow": "1.0"}
    (tmp_path / "there" / "models" / NETWORK / "card.json").write_text(json.dumps(card))
    code, out, err = zoo(f"evaluate {NETWORK} --folder models --json")
    assert code in (0, 1) and json.loads(out)["scores"], "the number may be another one, which is said too"
    assert "the data differ from those of models/softmax_regression/card.json: train, validation, test; " in err
    assert "they were made with pillow 1.0 and now " in err


def test_a_setting_of_another_data_set_is_refused_before_anything_is_written(zoo, here):
    code, _, err = zoo(f"train {NETWORK} data=digits size=4 --folder models")
    assert code == 2 and "there is no setting 'size'" in err and not list(here.iterdir())


def test_show_tells_the_settings_of_a_data_set(zoo):
    settings = json.loads(zoo(f"show {NETWORK} data=folder --json")[1])["settings"]
    assert settings["size"] == {"type": "int, at least 1 or None", "default": None}
    assert settings["skip_bad"] == {"type": "bool", "default": False}
    assert "size" not in json.loads(zoo(f"show {NETWORK} --json")[1])["settings"]
    assert zoo(f"show {NETWORK} data=foldr")[0] == 2


@pytest.fixture
def of_pairs(tmp_path, here):
    """The card and the contract of a network of pairs of words, and its data; the paths are relative to a folder `here`."""
    lines = [f"der Hund {number}\tthe dog {number}" for number in range(100, 140)]
    (here / "pairs.tsv").write_text("\n".join(lines))
    (here / "sources.txt").write_text("der Hund 100\nder Hund 110\n")
    (here / "targets.txt").write_text("the dog 100\nthe dog 110\n")
    recipe = recipes.find("seq2seq")
    settings = recipe.settings(["data=parallel:pairs.tsv", "validation=sources.txt,targets.txt", "vocabulary_size=30"])
    data = recipe.load_data(settings)
    facts = {"fingerprint": data.fingerprint(), "made_with": data.made_with(), "paths": data.paths}
    write_json(tmp_path / "seq2seq" / saved.CARD, {"settings": settings, "score": {}, "scores": {}, "data": facts, "weights": {}})
    write_json(tmp_path / "seq2seq" / saved.CONTRACT, data.contract.to_json())
    return tmp_path, data


def test_a_network_keeps_its_pieces_of_text_whatever_is_learned_today(of_pairs, monkeypatch, capsys):
    """Another version of SentencePiece that learns other pieces."""
    folder, data = of_pairs
    monkeypatch.setattr(Vocabulary, "of_subwords", lambda texts, size: Vocabulary.of_characters(["another"]))
    again = saved.load_data("seq2seq", folder)
    assert again.contract == data.contract and again.fingerprint() == data.fingerprint()
    np.testing.assert_array_equal(again.test.inputs["source"], data.test.inputs["source"])
    assert capsys.readouterr().err == ""


def test_every_file_of_a_run_is_found_from_another_folder(of_pairs, monkeypatch):
    folder, data = of_pairs
    monkeypatch.chdir(folder)
    assert saved.load_data("seq2seq", folder).fingerprint() == data.fingerprint()
    (folder / "here" / "targets.txt").unlink()
    with pytest.raises(UsageError, match="targets.txt is not a file"):
        saved.load_data("seq2seq", folder)


def test_other_pairs_are_refused_though_sentencepiece_was_updated(of_pairs):
    """Its version explains nothing where it learned nothing."""
    folder, _ = of_pairs
    card = json.loads((folder / "seq2seq" / saved.CARD).read_text())
    card["data"]["made_with"] = {"sentencepiece": "0.0.1"}
    write_json(folder / "seq2seq" / saved.CARD, card)
    assert saved.load_data("seq2seq", folder)
    text = (folder / "here" / "pairs.tsv").read_text()
    (folder / "here" / "pairs.tsv").write_text(text.replace("the dog 117", "the cat 117"))
    with pytest.raises(UsageError, match=r"its fingerprint differs: (train|validation|test)\)"):
        saved.load_data("seq2seq", folder)


def test_a_card_of_an_earlier_version_is_evaluated_and_that_is_said(of_pairs, capsys):
    folder, _ = of_pairs
    card = json.loads((folder / "seq2seq" / saved.CARD).read_text())
    card["data"] = {"fingerprint": "0" * 64}
    del card["settings"]["max_tokens"]
    write_json(folder / "seq2seq" / saved.CARD, card)
    assert saved.load_data("seq2seq", folder)
    assert "is of an earlier version; whether the data are the same cannot be told" in capsys.readouterr().err
