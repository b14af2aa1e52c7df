"""Runs in phases: what learns when, on which data, that each phase goes on exactly, and what layers adapt to before."""

import contextlib
import csv
import dataclasses
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from processes import read_until

import zoo
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.data.batches import Batches
from zoo.data.forms import autoencoding
from zoo.errors import UsageError
from zoo.recipe import Phase, Recipe, Target
from zoo.training.evaluate import evaluate
from zoo.training.loop import train
from zoo.training.phases import fit

NAME = "stacked_autoencoder"
TINY = ["data=digits", "units=(12, 4)", "layerwise=True", "layer_epochs=2", "epochs=2", "batch_size=200"]


@pytest.fixture(scope="module")
def digits():
    return autoencoding(datasets.digits.load())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phases")
    train(NAME, TINY, folder=folder, verbose=0)
    return folder / NAME


@contextlib.contextmanager
def changed(**changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"zoo.recipes.{NAME}.recipe", dataclasses.replace(recipes.find(NAME), **changes))
        yield


@contextlib.contextmanager
def interrupted_in(fit_number):
    """Ctrl-C at the end of the second epoch of a call of `fit`, when the first one is on disk, and nothing of the second."""
    fits = iter(range(1, 99))
    original = keras.Model.fit

    def watched(model, *arguments, callbacks, **keywords):
        if next(fits) == fit_number:
            callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=interrupt), *callbacks]
        return original(model, *arguments, callbacks=callbacks, **keywords)

    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.Model, "fit", watched)
        yield


def rows_of(folder):
    with open(folder / saved.HISTORY, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("tied", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_layers_learn_one_after_the_other_as_by_hand(tied, digits, tmp_path):
    """The same in plain Keras and NumPy, each layer with its own two arrays of weights."""
    settings = ["data=digits", "units=(12, 4)", "layerwise=True", "layer_epochs=1", "epochs=1", "batch_size=300", "l2=0.0"]
    settings += ["schedule=constant", "optimizer=sgd", "learning_rate=0.5", f"tied={tied}"]
    recipe = recipes.find(NAME)
    keras.utils.set_random_seed(0)
    start = recipe.build_model(recipe.settings(settings), digits.contract)
    train(NAME, settings, folder=tmp_path, verbose=0)
    found = {weight.path: weight.numpy() for weight in zoo.load(NAME, tmp_path).weights}

    wanted = {weight.path: weight.numpy().astype("float64") for weight in start.weights}
    orders = list(Batches(digits.train, digits.contract, 300, seed=0)._batches_of_epoch())
    codings = digits.train.inputs["image"].reshape(-1, 784).astype("float64")
    images = codings
    names = [parameters(index, tied) for index in (1, 2)]
    for index, (kernel, bias, back, back_bias) in enumerate(names):
        for rows in orders:
            x = codings[rows]
            coded = elu(z := x @ wanted[kernel] + wanted[bias])
            w_back = wanted[kernel].T if tied else wanted[back]
            out = z_out = coded @ w_back + wanted[back_bias]
            slope_out = 1.0
            if index == 1:
                out, slope_out = elu(z_out), elu_slope(z_out)
            gradient_out = 2 * (out - x) / x.size * slope_out
            gradient = gradient_out @ w_back.T * elu_slope(z)
            of_back = coded.T @ gradient_out
            wanted[back_bias] -= 0.5 * gradient_out.sum(axis=0)
            wanted[bias] -= 0.5 * gradient.sum(axis=0)
            if tied:
                wanted[kernel] -= 0.5 * (x.T @ gradient + of_back.T)
            else:
                wanted[kernel] -= 0.5 * x.T @ gradient
                wanted[back] -= 0.5 * of_back
        codings = elu(codings @ wanted[kernel] + wanted[bias])
    for weight in start.weights:
        weight.assign(wanted[weight.path])
    start.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
    shaped = images.reshape(-1, 28, 28, 1)
    for rows in orders:
        start.train_on_batch(shaped[rows], shaped[rows])
    for weight in start.weights:
        # Beside the rounding of the stored weights, half a unit in the last of the 11 bits of half precision.
        np.testing.assert_allclose(found[weight.path], weight.numpy(), rtol=1e-4 + 2**-11, atol=1e-6)


def parameters(index, tied):
    if tied:
        return [f"encoder{index}/{name}" for name in ("kernel", "bias", "kernel", "reverse_bias")]
    return [f"encoder{index}/kernel", f"encoder{index}/bias", f"decoder{3 - index}/kernel", f"decoder{3 - index}/bias"]


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def elu_slope(x):
    return np.where(x > 0, 1.0, np.exp(np.minimum(x, 0)))


def test_the_history_names_the_phases_and_the_card_counts_all_epochs(trained):
    rows = rows_of(trained)
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row["phase"] for row in rows] == ["layer1"] * 2 + ["layer2"] * 2 + ["all"] * 2
    epochs = saved.read_card(trained)["epochs"]
    assert epochs["done"] == 6 and epochs["best"] == 6, "the best one is of the last phase"
    assert f"{evaluate(NAME, trained.parent, 'validation')['mse']:.4g}" == f"{float(rows[-1]['val_mse']):.4g}"


@pytest.mark.parametrize("phase", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_run_interrupted_in_any_phase_goes_on_to_the_very_same_weights(phase, trained, tmp_path):
    with interrupted_in(phase):
        train(NAME, TINY, folder=tmp_path, verbose=0)
    with pytest.raises(UsageError, match="layerwise was True, is False"):
        train(NAME, [*TINY, "layerwise=False"], folder=tmp_path, verbose=0, resume=True)
    train(NAME, TINY, folder=tmp_path, verbose=0, resume=True)
    assert (tmp_path / NAME / saved.WEIGHTS).read_bytes() == (trained / saved.WEIGHTS).read_bytes()
    assert rows_of(tmp_path / NAME) == rows_of(trained)
    assert len(list(tmp_path.rglob("*"))) == 6


@pytest.mark.slow
def test_a_run_killed_in_every_phase_goes_on_to_the_very_same_weights(tmp_path):
    settings = ["data=digits", "units=(12, 4)", "layerwise=True", "layer_epochs=3", "epochs=3", "batch_size=10"]
    for phase, resume in (("layer1", False), ("layer2", True), ("all", True)):
        # Not by the command line, which tells no batches in a pipe.
        code = f"from zoo.training.loop import train; train({NAME!r}, {settings}, 'killed', resume={resume}, verbose=1)"
        with subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            read_until(process, rb"phase %s\n.*Epoch 2/3.*20/126" % phase.encode())
            process.kill()
    train(NAME, settings, folder=tmp_path / "killed", resume=True, verbose=0)
    train(NAME, settings, folder=tmp_path / "whole", verbose=0)
    weights = [(tmp_path / folder / NAME / saved.WEIGHTS).read_bytes() for folder in ("killed", "whole")]
    assert weights[0] == weights[1]
    assert rows_of(tmp_path / "killed" / NAME) == rows_of(tmp_path / "whole" / NAME)


def test_a_search_shortens_the_last_phase_alone_and_goes_on_from_there(digits, trained, tmp_path):
    recipe = recipes.find(NAME)
    settings = recipe.settings(TINY)
    short = fit(recipe, settings, digits, digits.fingerprint(), tmp_path, until=1, verbose=0)
    assert short["epochs_done"] == 1 and [row["phase"] for row in short["earlier"]] == ["layer1"] * 2 + ["layer2"] * 2
    assert short["seconds"] > json.loads((tmp_path / "layer2/progress.json").read_text())["seconds"] > 0
    longer = fit(recipe, settings, digits, digits.fingerprint(), tmp_path, until=2, verbose=0)
    assert [str(row["val_mse"]) for row in longer["history"]] == [row["val_mse"] for row in rows_of(trained)[4:]]


@pytest.mark.slow
def test_phases_can_be_searched(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, error = zoo(
        f"tune {NAME} data=digits 'units=(12, 4)' layerwise=True layer_epochs=2 epochs=2 batch_size=200 "
        "--tuner random --max-trials 2 --folder models"
    )
    assert code == 0, error
    best = json.loads((tmp_path / f"models/{NAME}/tune/1/best.json").read_text())
    assert "layerwise=True" in best["settings"]
    assert len(list(tmp_path.rglob("layer2/progress.json"))) == 2
    assert not list(tmp_path.rglob("*.weights.h5")), "checkpoints of finished trials are of no use to anybody"


def normalised(contract, optimizer):
    inputs = keras.Input(contract["image"].shape, name="image")
    x = keras.layers.Normalization(name="normalise")(inputs)
    x = keras.layers.Dense(3, name="dense")(x)
    model = keras.Model(inputs, keras.layers.Dense(1, name="back")(x))
    model.compile(optimizer=optimizer, loss="mse", metrics=["mse"])
    return model


def test_a_normalization_layer_adapts_once_to_the_training_part(digits, tmp_path):
    calls = []

    def adapt(model, part):
        calls.append(len(part))
        model.get_layer("normalise").adapt(part.inputs["image"] * 3 + 1)

    with changed(build=normalised, phases=None, endpoints=None, estimate=None, adapt=adapt):
        settings = ["data=digits", "epochs=3", "batch_size=300"]
        with interrupted_in(1):
            train(NAME, settings, folder=tmp_path / "resumed", verbose=0)
        train(NAME, settings, folder=tmp_path / "resumed", verbose=0, resume=True)
        assert calls == [len(digits.train)], "not again on resume"
        train(NAME, settings, folder=tmp_path / "whole", verbose=0)
        model = zoo.load(NAME, tmp_path / "resumed")
        image = digits.test.inputs["image"]
        weights = {weight.path: weight.numpy() for weight in model.weights}
        mse = evaluate(NAME, tmp_path / "resumed")["mse"]
    results = [(tmp_path / folder / NAME / saved.WEIGHTS).read_bytes() for folder in ("resumed", "whole")]
    assert results[0] == results[1]
    pixels = digits.train.inputs["image"].astype("float64") * 3 + 1
    np.testing.assert_allclose(weights["normalise/mean"], [pixels.mean()], rtol=1e-5)
    np.testing.assert_allclose(weights["normalise/variance"], [pixels.var()], rtol=1e-4)
    hidden = (image - pixels.mean()) / pixels.std() @ weights["dense/kernel"] + weights["dense/bias"]
    out = hidden @ weights["back/kernel"] + weights["back/bias"]
    np.testing.assert_allclose(out, model(image), atol=1e-5)
    assert mse == pytest.approx(np.mean((out - image) ** 2), rel=1e-5)


def halves(contract, optimizer):
    inputs = keras.Input(contract["image"].shape, name="image")
    x = keras.layers.Normalization(name="normalise")(inputs)
    x = keras.layers.Dense(3, use_bias=False, name="there")(x)
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="back")(x))
    model.compile(optimizer=optimizer, loss="mse", metrics=["mse"])
    return model


def test_a_phase_may_train_a_model_of_another_shape_whose_weights_go_into_the_final_one(digits, tmp_path):
    """As a machine whose one matrix becomes two layers; what adapted before is there in every phase."""
    seen = []

    def matrix(model, optimizer):
        inputs = keras.Input((28, 28, 1))
        outputs = keras.layers.Dense(3, use_bias=False, name="matrix")(inputs)
        machine = keras.Model(inputs, keras.layers.Dense(1, name="rest")(outputs))
        machine.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
        return machine

    def finish(machine, model):
        kernel = machine.get_layer("matrix").kernel
        model.get_layer("there").kernel.assign(kernel)
        model.get_layer("back").kernel.assign(keras.ops.transpose(kernel))
        seen.append(kernel.numpy())

    def phases(settings):
        return [
            Phase("machine", 2, learning_rate=0.1, model=matrix, finish=finish, monitor="mae"),
            Phase("all", settings["epochs"], learns=()),
        ]

    def adapt(model, part):
        model.get_layer("normalise").adapt(part.inputs["image"])

    fit_defaults = {"epochs": 1, "batch_size": 200}
    target = Target("mse", at_most=1.0)
    recipe = Recipe(halves, datasets.digits, fit_defaults, target, phases=phases, adapt=adapt)
    settings = recipe.settings()
    progress = fit(recipe, settings, digits, digits.fingerprint(), tmp_path, verbose=0)
    model = recipe.build_model(settings, digits.contract)
    model.load_weights(tmp_path / progress["best"])
    errors = [row["val_mae"] for row in progress["earlier"]]
    assert json.loads((tmp_path / "machine/progress.json").read_text())["best_epoch"] == 1 + np.argmin(errors)
    assert len(seen) == 1
    np.testing.assert_array_equal(model.get_layer("there").kernel, seen[0])
    np.testing.assert_array_equal(model.get_layer("back").kernel, seen[0].T)
    np.testing.assert_allclose(model.get_layer("normalise").adapt_mean, [digits.train.inputs["image"].mean()], rtol=1e-5)
    again = fit(recipe, settings, digits, digits.fingerprint(), tmp_path, verbose=0)
    assert len(seen) == 1 and again["history"] == progress["history"]


def own(**changes):
    return dataclasses.replace(recipes.find(NAME), **changes)


def test_phases_that_cannot_be_run_are_refused():
    settings = recipes.find(NAME).settings(["layerwise=True"])
    twice = own(phases=lambda settings: [Phase("layer", 1), Phase("layer", 1)])
    with pytest.raises(UsageError, match="named layer, layer; expected a name of its own for each"):
        twice.list_phases(settings)
    with pytest.raises(UsageError, match="the last phase, layer1, has a model of its own"):
        own(phases=lambda settings: recipes.find(NAME).list_phases(settings)[:1]).list_phases(settings)
    assert [phase.name for phase in own(phases=lambda settings: []).list_phases(settings)] == ["all"]
    with pytest.raises(ValueError, match=r"small letters, digits and _, got '\.\./layer'"):
        Phase("../layer", 1)
    with pytest.raises(ValueError, match="at least 1 epoch, got 0"):
        Phase("layer", 0)


@pytest.mark.slow
def test_a_metric_that_the_model_lacks_is_named(digits, tmp_path):
    recipe = own(target=Target("accuracy", at_least=0.5))
    settings = recipe.settings([*TINY, "layerwise=False"])
    with pytest.raises(UsageError, match="judged by 'accuracy', which the model does not measure; it measures loss, mse"):
        fit(recipe, settings, digits, digits.fingerprint(), tmp_path, verbose=0)
