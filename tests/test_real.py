"""On the real data: the cards' numbers again, and pictures as people have them."""

import dataclasses
import json
import pathlib
import platform

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.data.pictures import light_on_dark
from zoo.endpoints import default_endpoint
from zoo.export.network import check_network
from zoo.training.evaluate import evaluate
from zoo.training.loop import train

pytestmark = pytest.mark.real


@pytest.fixture(autouse=True)
def real_data(data_folder, sets_read_once, monkeypatch):
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))


def size_of_weights(name):
    return (saved.packaged_folder() / name / "model.weights.h5").stat().st_size


# So that no worker waits at the end for another one that exports the largest.
HEAVIEST_FIRST = sorted(recipes.recipe_names(), key=size_of_weights, reverse=True)


@pytest.mark.parametrize("name", HEAVIEST_FIRST)
def test_every_exported_file_is_what_keras_computes(name, packaged_export, warm_engines, monkeypatch):
    monkeypatch.chdir(packaged_export(name))
    monkeypatch.setattr("zoo.export.check.run_engines", warm_engines)
    card, recipe = saved.read_card(saved.packaged_folder() / name), recipes.find(name)
    path = pathlib.Path(f"saved_models/{name}/1")
    assert [child.name for child in path.parent.iterdir()] == ["1"]
    report = json.loads((path / "export.json").read_text())
    assert set(report["files"]) == {"saved_model", "litert", "onnx"} and report["weights"] == card["weights"]["sha256"]
    for entry in report["files"].values():
        # Of the largest value of an output where that is beyond 1, as it is for logits, evidence and series.
        assert entry["scaled_difference"] <= 1e-5 and entry["golden_difference"] <= 1e-5 and entry["unequal"] == 0
        is_estimated = (recipe.estimate or recipe.log_likelihoods) and recipe.target.monitor is not None
        if not is_estimated:  # the target is what the answers tell
            scores = {f"{score:.4g}" for score in (entry["metric_before"], entry["metric_after"], card["score"]["test"])}
            assert len(scores) == 1, scores
    checked, differences = check_network(name)
    assert checked == path and set(differences) == set(report["files"])
    for wanted, difference in differences.items():
        assert difference <= max(1e-5, 2 * report["files"][wanted]["largest_difference"])


# What the whole likelihood takes minutes for is estimated of the first 500 test images; the whole is measured before a release.
# The divergence is of all of them; loss and reconstruction are of codings that are drawn again each time.
ESTIMATES = {"vae": {"nll": 87.8507, "kl": 23.6149}}
ESTIMATED = 500


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_evaluation_gives_the_numbers_of_the_card(name, monkeypatch):
    recipe, card = recipes.find(name), saved.read_card(saved.packaged_folder() / name)
    expected = {card["score"]["metric"]: card["score"]["test"]}
    made_with = card["data"].get("made_with", {}).get("python", platform.python_version())
    if made_with != platform.python_version():
        pytest.skip(f"the card was measured on the library of Python {made_with}, and another version has another")
    if name in ESTIMATES:
        expected = ESTIMATES[name]

        def estimate_some(model, part, contract, train):
            return recipe.estimate(model, part.head(ESTIMATED), contract, train)

        monkeypatch.setattr(f"zoo.recipes.{name}.recipe", dataclasses.replace(recipe, estimate=estimate_some))
    scores = evaluate(name, saved.packaged_folder())
    assert {metric: f"{scores[metric]:.4g}" for metric in expected} == {metric: f"{expected[metric]:.4g}" for metric in expected}


@pytest.mark.release
@pytest.mark.parametrize("name", ESTIMATES)
def test_the_whole_estimate_is_the_number_of_the_card(name):
    score = saved.read_card(saved.packaged_folder() / name)["score"]
    assert f"{evaluate(name, saved.packaged_folder())[score['metric']]:.4g}" == f"{score['test']:.4g}"


def test_a_picture_of_a_digit_is_read_as_well_as_the_digit(tmp_path):
    """MNIST's test digits as dark ink somewhere on a larger light sheet."""
    generator = np.random.default_rng(0)
    test = datasets.mnist.load().test
    model, images = zoo.load("mnist_cnn"), []
    for index, image in enumerate(test.inputs["image"][:200]):
        sheet = np.full((260, 200), 230, "uint8")
        top, left = generator.integers(0, 120), generator.integers(0, 60)
        digit = Image.fromarray((image[..., 0] * 255).astype("uint8")).resize((140, 140), Image.Resampling.BICUBIC)
        sheet[top : top + 140, left : left + 140] -= (np.asarray(digit) * (200 / 255)).astype("uint8")
        Image.fromarray(sheet).save(tmp_path / f"{index}.png")
        images.append(light_on_dark(tmp_path / f"{index}.png", **datasets.mnist.PICTURE)[0])
    labels = np.asarray(model(np.stack(images))).argmax(axis=-1)
    assert (labels == test.targets[:200]).mean() >= 0.97


def test_training_on_mnist_learns(tmp_path):
    card = train("stacked_autoencoder", ["epochs=3"], folder=tmp_path, verbose=0)
    assert card["data"]["examples"] == {"train": 55000, "validation": 5000, "test": 10000}
    # The mean image alone leaves a squared error of 0.067.
    assert card["score"]["test"] < 0.012


def test_attention_reads_the_dates_it_was_not_trained_on():
    """Whole years of dates, each in every language, against the calendar."""
    import datetime

    import babel.dates

    from zoo.data.text import Vocabulary, padded

    found = saved.packaged_folder() / "seq2seq"
    contract = saved.read_contract(found)
    endpoint = default_endpoint(recipes.find("seq2seq"), zoo.load("seq2seq"), contract)
    days = [datetime.date(2032, 1, 1) + datetime.timedelta(days=day) for day in range(0, 366, 3)]
    pairs = [(babel.dates.format_date(day, "long", locale), day.isoformat()) for day in days for locale in datasets.dates.LOCALES]
    source = padded([Vocabulary(contract["source"].vocabulary).encode(text) for text, _ in pairs])
    vocabulary = Vocabulary(contract.answer_vocabulary)
    answers = [vocabulary.decode(row) for row in endpoint.predict({"source": source})["tokens"]]
    assert np.mean([answer == iso for answer, (_, iso) in zip(answers, pairs)]) > 0.995
