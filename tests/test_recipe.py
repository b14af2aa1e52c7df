"""Settings: strict, typed, with the nearest name offered."""

import pathlib
import types
from typing import Literal

import hypothesis
import pytest
from hypothesis import strategies

from zoo import datasets, finder, recipe
from zoo.errors import UsageError
from zoo.recipe import Count, Fraction, Positive, Recipe, Target


def build(contract, units: tuple[Count, ...] = (3, 2), dropout: Fraction = 0.5, cell: Literal["gru", "lstm"] | None = None):
    return contract


def toy(**changes):
    fit = {"epochs": 2, "batch_size": 10, "schedule": "constant"}
    return Recipe(**{"build": build, "data": datasets.digits, "fit": fit, "target": Target("accuracy", at_least=0.5), **changes})


def test_settings_are_the_keywords_of_build_and_fit_with_data_and_seed():
    assert toy().settings() == {
        "data": "digits",
        "units": (3, 2),
        "dropout": 0.5,
        "cell": None,
        "epochs": 2,
        "batch_size": 10,
        "schedule": "constant",
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("units=(5,)", "units", (5,)),
        ("units=[5, 6]", "units", (5, 6)),
        ("dropout=0", "dropout", 0.0),
        ("dropout=1e-2", "dropout", 0.01),
        ("cell=gru", "cell", "gru"),
        ("cell='gru'", "cell", "gru"),
        ("cell=None", "cell", None),
        ("data=mnist", "data", "mnist"),
        ("data=npz:a=b.npz", "data", "npz:a=b.npz"),
        ("seed=12", "seed", 12),
    ],
)
def test_overrides_are_read_as_python(override, key, value):
    settings = toy().settings([override])
    assert settings[key] == value and type(settings[key]) is type(value)
    assert {other: settings[other] for other in settings if other != key} == {
        other: default for other, default in toy().settings().items() if other != key
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "key=value"),
        ("epoch=3", "did you mean 'epochs'"),
        ("contract=3", "no setting 'contract'"),
        ("epochs=0", "'0'; expected int, at least 1"),
        ("epochs=2.5", "expected int"),
        ("epochs='2'", "expected int"),
        ("epochs=True", "expected int"),
        ("epochs=__import__('os')", "expected int"),
        ("dropout=1", "less than 1"),
        ("dropout=nan", "expected float"),
        ("units=5", "expected tuple of int"),
        ("units=(5, 0)", "expected tuple of int"),
        ("cell=GRU", '"gru", "lstm" or None'),
        ("schedule=cosin", '"constant", "cosine"'),
        ("seed=-1", "at least 0"),
        ("data=7", "there is no data set '7'"),
        ("data=digit", "did you mean 'digits'"),
        ("size=64", "there is no setting 'size'"),
    ],
)
def test_a_bad_override_is_named_with_what_was_expected(override, message):
    with pytest.raises(UsageError) as error:
        toy().settings([override])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@hypothesis.given(strategies.text(max_size=20), strategies.text(max_size=20))
@hypothesis.settings(deadline=None)
def test_any_text_is_a_setting_or_a_usage_error(key, value):
    """No input gets past the types, and none ends in another exception."""
    for name in (key, "epochs", "dropout", "units"):
        try:
            settings = toy().settings([f"{name}={value}"])
        except UsageError:
            continue
        assert settings["epochs"] >= 1 and 0 <= settings["dropout"] < 1 and all(unit >= 1 for unit in settings["units"])


def test_a_data_set_brings_its_own_settings():
    own = {"size": None, "skip_bad": False}
    assert toy().data_settings("digits") == {}
    assert toy().settings(["data=folder:pictures"]) == {**toy().settings(), "data": "folder:pictures", **own}
    chosen = toy().settings(["skip_bad=true", "data=folder:pictures", "size=64", "dropout=0.1"])
    assert chosen["skip_bad"] is True and chosen["size"] == 64 and chosen["dropout"] == 0.1
    assert list(toy().types("folder:pictures")) == list(chosen) == list(toy().defaults("folder:pictures"))
    pairs = toy().settings(["data=parallel:a.tsv", "vocabulary_size=500", "test=7", "validation=b.tsv"])
    assert (pairs["vocabulary_size"], pairs["test"], pairs["validation"]) == (500, "7", "b.tsv")
    for override, message in [
        ("size=0", "'0'; expected int, at least 1 or None"),
        ("skip_bad=yes", "'yes'; expected bool"),
        ("vocabulary_size=500", "there is no setting 'vocabulary_size'"),
    ]:
        with pytest.raises(UsageError) as error:
            toy().settings([override, "data=folder:pictures"])
        assert message in str(error.value)


def test_the_settings_of_a_data_set_reach_it(tmp_path):
    """And those that a card of an earlier version lacks have their defaults."""
    lines = [f"a{number}\tb{number}" for number in range(40)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines))
    name = f"parallel:{tmp_path / 'pairs.tsv'}"
    small = toy().load_data({"data": name, "vocabulary_size": 20})
    whole = toy().load_data({"data": name})
    assert len(small.contract["source"].vocabulary) <= 20 < len(whole.contract["source"].vocabulary)


def test_one_name_for_two_settings_is_refused():
    own = toy(build=lambda contract, size=3: contract)
    assert own.settings()["size"] == 3
    with pytest.raises(UsageError, match="data set folder:here and the recipe both have a setting 'size'"):
        own.settings(["data=folder:here"])


def test_no_recipe_has_a_setting_of_a_data_set():
    for name in finder.recipe_names():
        for data in datasets.DATA_SETS:
            finder.find(name).data_settings(data)


def test_a_recipe_may_bring_a_data_set_of_its_own():
    own = types.SimpleNamespace(__name__="somewhere.stars", load=lambda bright: bright)
    own.load.__annotations__["bright"] = bool
    own.load.__defaults__ = (True,)
    stars = toy(data=own)
    assert stars.settings()["data"] == "stars" and stars.load_data(stars.settings(["bright=false"])) is False


def test_target_knows_its_direction():
    high, low = Target("accuracy", at_least=0.9), Target("nll", at_most=80.0)
    assert high.passes(0.9) and not high.passes(0.89) and high.better(0.5, 0.4) and not high.better(0.4, 0.4)
    assert low.passes(80.0) and not low.passes(81.0) and low.better(4.0, 5.0) and low.better(4.0, None)
    assert str(low) == "nll at most 80"
    for wrong in ({}, {"at_least": 1, "at_most": 1}):
        with pytest.raises(ValueError, match="exactly one"):
            Target("accuracy", **wrong)


def test_data_of_another_form_is_refused_with_what_would_fit():
    contract = datasets.digits.load().contract
    with pytest.raises(UsageError, match=r"'digits' has the inputs \['image'\], and the network needs 'source'"):
        toy(build=lambda contract: contract["source"]).build_model({"data": "digits"}, contract)
    with pytest.raises(UsageError, match="takes no path"):
        toy().load_data({"data": "digits:somewhere"})
    with pytest.raises(UsageError, match="did you mean 'digits'"):
        toy().load_data({"data": "digit"})


@pytest.mark.parametrize("name", finder.recipe_names())
def test_every_recipe_is_whole(name):
    found = finder.find(name)
    assert {"epochs", "batch_size"} <= set(found.fit) <= set(recipe.FIT_TYPES)
    assert list(found.types()) == list(found.defaults())
    assert finder.description(name)
    source = pathlib.Path(found.build.__code__.co_filename).read_text(encoding="utf-8")
    assert f"    zoo train {name}\n" in source
    overrides = [f"{key}={value!r}" for key, value in found.defaults().items()]
    assert found.settings(overrides) == found.defaults(), "a default that its own type refuses"


def test_positive_is_more_than_zero():
    positive = toy(build=lambda rate=1.0: rate)
    positive.build.__annotations__["rate"] = Positive
    assert positive.settings(["rate=0.1"])["rate"] == 0.1
    with pytest.raises(UsageError, match="more than 0"):
        positive.settings(["rate=0"])
