"""Transfer learning: what is copied, what is frozen, what is new."""

import json
import pathlib

import keras
import numpy as np
import pytest

import zoo
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.errors import RunError, UsageError
from zoo.files import sha256
from zoo.training import transfer
from zoo.training.loop import train

SETTINGS = ["filters=(4, 4)", "epochs=2", "batch_size=200", "shift=0.0", "rotation=0.0", "data=npz:three.npz"]


def two_of(digits, wanted, path):
    """A file of keras.datasets' form with some digits only, numbered again."""
    parts = {}
    for name, part in (("train", digits.train), ("test", digits.test)):
        rows = np.isin(part.targets, wanted)
        parts[f"x_{name}"] = (part.inputs["image"][rows] * 255).astype("uint8")
        parts[f"y_{name}"] = np.searchsorted(wanted, part.targets[rows])
    np.savez(path, **parts)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    digits = datasets.digits.load()
    two_of(digits, [0, 1, 2], folder / "three.npz")
    two_of(digits, [3, 4, 5, 6], folder / "four.npz")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train("mnist_cnn", SETTINGS, folder="first", verbose=0)
    return folder


@pytest.fixture(autouse=True)
def inside(trained, monkeypatch):
    monkeypatch.chdir(trained)


def weights_of(folder):
    model = zoo.load("mnist_cnn", folder)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def test_the_head_is_new_and_the_rest_is_copied():
    recipe = recipes.find("mnist_cnn")
    settings = recipe.settings([*SETTINGS, "data=npz:four.npz"])
    model = recipe.build_model(settings, recipe.load_data(settings).contract)
    begun = model.get_layer("logits").get_weights()
    transfer.Transfer("mnist_cnn", "first")(model)
    old = weights_of("first")
    for name in ("conv1", "conv2", "dense"):
        for weight, trained_weight in zip(model.get_layer(name).get_weights(), old[name]):
            np.testing.assert_array_equal(weight, trained_weight)
    assert model.get_layer("logits").kernel.shape == (1024, 4) and old["logits"][0].shape == (1024, 3)
    np.testing.assert_array_equal(model.get_layer("logits").kernel, begun[0])
    assert [phase.learns for phase in transfer.transfer_phases(settings, model)] == [("logits",), None]


def test_a_new_head_is_trained_alone_and_then_all_of_it(monkeypatch):
    learning, rates, changed = [], [], []
    fit = keras.Model.fit

    def watched(model, *arguments, **keywords):
        learning.append([weight.path for weight in model.trainable_weights])
        rates.append(float(model.optimizer.learning_rate))
        before = {layer.name: layer.get_weights() for layer in transfer.body(model)}
        history = fit(model, *arguments, **keywords)
        after = {layer.name: layer.get_weights() for layer in transfer.body(model)}
        changed.append({name: any((one != other).any() for one, other in zip(before[name], after[name])) for name in before})
        return history

    monkeypatch.setattr(keras.Model, "fit", watched)
    settings = [*SETTINGS, "data=npz:four.npz", "epochs=8", "learning_rate=0.003"]
    card = train("mnist_cnn", settings, folder="second", verbose=0, source="first")
    assert learning[0] == ["logits/kernel", "logits/bias"] and len(learning[1]) == 8
    assert rates == pytest.approx([0.003, 0.0003])
    assert changed == [dict.fromkeys(("conv1", "conv2", "dense"), one) for one in (False, True)]
    rows = pathlib.Path("second/mnist_cnn/history.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, 9))
    assert card["epochs"]["done"] == 8 and 1 <= card["epochs"]["best"] <= 8
    assert card["from"]["data"]["name"] == "npz:three.npz"
    assert card["from"]["weights"]["sha256"] == sha256(pathlib.Path("first/mnist_cnn/model.weights.h5"))
    assert card["score"]["test"] > 0.8
    old, new = weights_of("first"), weights_of("second")
    assert (old["conv1"][0] != new["conv1"][0]).any() and new["logits"][0].shape == (1024, 4)
    # Small steps: the filters are still those that were learned.
    assert np.corrcoef(old["conv1"][0].ravel(), new["conv1"][0].ravel())[0, 1] > 0.9


@pytest.mark.slow
def test_a_run_that_was_stopped_after_a_seed_counts_its_epochs_once():
    settings = [*SETTINGS, "data=npz:four.npz", "epochs=4"]
    blocked = pathlib.Path("fifth/mnist_cnn/unfinished/seed-1")
    blocked.parent.mkdir(parents=True)
    blocked.touch()  # where the folder of the second seed has to be
    with pytest.raises(RunError, match="--resume"):
        train("mnist_cnn", settings, folder="fifth", seeds=2, verbose=0, source="first", resume=True)
    card = train("mnist_cnn", settings, folder="fifth", verbose=0, source="first", resume=True)
    rows = pathlib.Path("fifth/mnist_cnn/history.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == [1, 2, 3, 4] and card["epochs"]["done"] == 4


def test_settings_of_another_network_are_refused_before_anything_is_written():
    with pytest.raises(
        UsageError, match=r"layer `conv1` has the shapes \[\(5, 5, 1, 8\), \(8,\)\] here and \[\(5, 5, 1, 4\), \(4,\)\]"
    ):
        train("mnist_cnn", [*SETTINGS, "filters=(8, 4)"], folder="third", source="first")
    with pytest.raises(UsageError, match="--from nowhere: mnist_cnn has no trained weights in nowhere"):
        train("mnist_cnn", SETTINGS, folder="third", source="nowhere")
    with pytest.raises(UsageError, match="expected 2 or more"):
        train("mnist_cnn", [*SETTINGS, "epochs=1"], folder="third", source="first")
    with pytest.raises(UsageError, match=r"got --from and settings that train in phases of their own \(layer1, all\)"):
        train("stacked_autoencoder", ["units=(8,)", "layerwise=True"], folder="third", source=saved.packaged_folder())
    assert not pathlib.Path("third").exists()


def test_a_run_with_other_weights_to_begin_with_is_not_gone_on_with(trained):
    unfinished = trained / "fourth/mnist_cnn/unfinished/seed-0/head"
    unfinished.mkdir(parents=True)
    settings = recipes.find("mnist_cnn").settings(SETTINGS)
    progress = {"settings": {**settings, "from": "another"}, "data": "any"}
    (unfinished / "progress.json").write_text(json.dumps(progress))
    with pytest.raises(UsageError, match="from was 'another', is '[0-9a-f]{64}'"):
        train("mnist_cnn", SETTINGS, folder="fourth", resume=True, source="first", verbose=0)


def test_the_head_is_the_last_layers_with_weights():
    def left(model):
        return [layer.name for layer in transfer.body(model)]

    assert left(zoo.tdnn()) == ["conv1", "conv2", "conv3"], "the evidence, below a mean over time, is the head"
    assert left(zoo.multitask_mlp()) == ["dense1", "dense2"]
    assert left(zoo.siamese_network()) == ["tower"], "distances have no head"
    assert left(zoo.softmax_regression()) == []
