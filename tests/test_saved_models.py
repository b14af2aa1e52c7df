"""The trained weights that travel with the package."""

import h5py
import numpy as np
import pytest

import zoo
from zoo import finder as recipes
from zoo import saved

FOLDER = saved.packaged_folder()
TRAINED = sorted(path.parent.name for path in FOLDER.glob("*/card.json"))


# Language models over ten thousand words or a million characters, which may take up to 90 minutes.
LONG = ("char_rnn", "word_rnn")


def test_every_recipe_is_trained():
    assert recipes.recipe_names() == TRAINED


def test_all_weights_together_stay_small():
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    # What the package index takes, and a share of it for each network that leaves room for the next ones.
    assert size < 70e6 and size < 1.25e6 * len(TRAINED)


@pytest.mark.parametrize("name", TRAINED)
def test_the_weights_are_stored_in_the_precision_of_the_card_with_examples_beside_them(name):
    card, contract = saved.read_card(FOLDER / name), saved.read_contract(FOLDER / name)
    dtypes = set()
    with h5py.File(FOLDER / name / saved.WEIGHTS) as file:
        file.visititems(lambda path, item: dtypes.add(str(item.dtype)) if is_weight(path, item) else None)
    assert dtypes == {card["weights"]["precision"]}
    assert {len(array) for array in saved.read_examples(FOLDER / name, contract).values()} == {saved.EXAMPLES_KEPT}


def is_weight(path, item):
    is_array = isinstance(item, h5py.Dataset) and item.dtype.kind == "f"
    return is_array and not path.startswith("optimizer")


@pytest.mark.parametrize("name", TRAINED)
def test_the_card_is_that_of_the_recipe_and_the_target_is_reached(name):
    card, recipe = saved.read_card(FOLDER / name), recipes.find(name)
    defaults = recipe.defaults()
    assert list(card["settings"]) == list(defaults)
    assert card["settings"]["data"] == defaults["data"]
    assert card["target"]["text"] == str(recipe.target)
    assert card["score"]["passed"] is True and recipe.target.passes(card["score"]["mean"])
    most = 90 if name in LONG else 30
    assert all(seconds <= most * 60 for seconds in card["wall_seconds"].values())
    assert len(card["score"]["seeds"]) >= (3 if max(card["wall_seconds"].values()) < 5 * 60 else 1)


@pytest.mark.parametrize("name", TRAINED)
def test_the_weights_load_and_are_those_of_the_card(name):
    model, card, contract = zoo.load(name), saved.read_card(FOLDER / name), saved.read_contract(FOLDER / name)
    assert model.count_params() == card["weights"]["count"]
    assert all(weight.dtype in ("float32", "int32") and np.isfinite(weight).all() for weight in model.weights)
    assert {tensor.name for tensor in model.inputs} == set(contract.inputs)


@pytest.mark.parametrize("name", TRAINED)
def test_the_file_holds_the_weights_and_no_state_of_the_optimizer(name):
    count = 0

    def add(path, dataset):
        nonlocal count
        if isinstance(dataset, h5py.Dataset) and not path.startswith("optimizer"):
            count += dataset.size

    with h5py.File(FOLDER / name / saved.WEIGHTS) as file:
        file.visititems(add)
        assert sum(dataset.size for dataset in file.get("optimizer/vars", {}).values()) <= 2  # iterations and learning rate
    assert count == saved.read_card(FOLDER / name)["weights"]["count"]


def test_the_weights_load_into_the_bare_builder():
    model = zoo.mnist_cnn()
    model.load_weights(FOLDER / "mnist_cnn" / saved.WEIGHTS)
    image = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    np.testing.assert_array_equal(model(image), zoo.load("mnist_cnn")(image))


def test_compressed_weights_are_equal_to_the_bit_and_smaller(tmp_path):
    model, copy = zoo.softmax_regression(), zoo.softmax_regression()
    model.layers[-1].bias.assign(np.arange(10.0))
    for one in (model, copy):
        one.compile("sgd", "mse")
        one.optimizer.build(one.trainable_variables)
    model.optimizer.iterations.assign(7)
    before, after = tmp_path / "before.weights.h5", tmp_path / "after.weights.h5"
    saved.save_weights(model, before)
    saved.compress_weights(before, after)
    saved.load_weights(copy, after)
    for weight, loaded in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(weight, loaded)
    assert copy.optimizer.iterations == 7
    assert after.stat().st_size < before.stat().st_size
