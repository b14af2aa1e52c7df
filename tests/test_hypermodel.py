"""A person's own search with KerasTuner, on a network of the zoo."""

import keras_tuner
import numpy as np
import pytest

import zoo
from zoo.errors import UsageError

SMALL = ["data=digits", "filters=(2, 2)", "shift=0", "rotation=0", "epochs=2"]


def test_a_tuner_of_keras_tuner_searches_a_network_as_it_is(tmp_path):
    hypermodel = zoo.hypermodel("mnist_cnn", SMALL)
    tuner = keras_tuner.RandomSearch(
        hypermodel, objective="val_accuracy", max_trials=2, seed=1, directory=tmp_path, project_name="own"
    )
    tuner.search(verbose=0)
    trials = tuner.oracle.get_best_trials(2)
    assert len(trials) == 2 and trials[0].score >= trials[1].score
    best = tuner.get_best_models(1)[0]
    validation = hypermodel.data.validation
    accuracy = (np.argmax(best(validation.inputs["image"]), axis=-1) == validation.targets).mean()
    assert accuracy == pytest.approx(trials[0].score, abs=1e-6)
    settings = hypermodel.settings(trials[0].hyperparameters)
    assert settings["filters"] == (2, 2) and settings["data"] == "digits"


def test_hyperband_decides_the_epochs_and_data_of_ones_own_are_taken(tmp_path):
    hypermodel = zoo.hypermodel("mnist_cnn", SMALL)
    images = np.random.default_rng(0).random((20, 28, 28, 1), "float32")
    labels = np.arange(20) % 10
    tuner = keras_tuner.Hyperband(hypermodel, objective=hypermodel.objective, max_epochs=2, factor=2, directory=tmp_path)
    tuner.oracle.max_trials = 1
    tuner.search(images, labels, validation_data=(images, labels), verbose=0)
    trial = tuner.oracle.get_best_trials(1)[0]
    assert round(trial.score * 20, 4) % 1 == 0  # a share of the twenty images


def test_a_recipe_without_a_space_says_so(tmp_path, monkeypatch):
    file = tmp_path / "own_net.py"
    file.write_text(
        "from zoo import datasets\nfrom zoo.recipe import Recipe, Target\n\n"
        "recipe = Recipe(build=lambda contract: None, data=datasets.digits, fit={}, target=Target('accuracy', at_least=0.9))\n"
    )
    with pytest.raises(UsageError, match="has no space to search"):
        zoo.hypermodel(str(file))
