"""The brain of the search: spaces, fingerprints, the journal, the study, and what is said between chief and workers."""

import collections
import contextlib
import importlib
import io
import itertools
import json
import math
import os
import pathlib
import random
import re
import resource
import shutil
import socket
import tempfile
import threading
import time
from concurrent import futures
from typing import Literal

import grpc
import hypothesis
import hypothesis.strategies as st
import pytest
import rich.console
import zoo.recipes
from hypothesis import stateful
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_client import OracleClient

import zoo.layers
from zoo import datasets
from zoo import finder as recipes
from zoo.durations import parse_duration
from zoo.errors import RunError, UsageError
from zoo.files import read_json, write_json
from zoo.recipe import Count, Fraction, Positive, Recipe, Target
from zoo.tune import files, roles, screen
from zoo.tune.chief import Servicer, search
from zoo.tune.fingerprint import differences, fingerprint, sources
from zoo.tune.oracles import TUNERS
from zoo.tune.run import _choose, tune
from zoo.tune.space import Space
from zoo.tune.study import DONE, WAIT, Study

THE_DATA = {"train": "the data"}
NAME = "mnist_cnn"  # whose sources stand in the fingerprints; the recipes here are our own
EPOCHS = 9
BUILDERS = "zoo.models."
NETWORKS = [one for one in (getattr(zoo, name) for name in zoo.__all__) if getattr(one, "__module__", "").startswith(BUILDERS)]


def build(
    width: Count = 8,
    rate: Positive = 1e-3,
    dropout: Fraction = 0.4,
    shape: tuple[Count, ...] = (4, 8),
    tied: bool = True,
    attention: Literal["dot", "additive"] | None = "dot",
    rule: Literal["adam", "sgd"] = "adam",
    momentum: Fraction | None = None,
):
    raise AssertionError("no test here builds a network")


def make(space, **target):
    fit = {"epochs": EPOCHS, "batch_size": 10, "schedule": "cosine"}
    return Recipe(
        build=build, data=datasets.digits, fit=fit, space=space, target=Target("accuracy", **(target or {"at_least": 0.9}))
    )


def endless(hp):
    return {"width": hp.Int("width", 1, 64, default=8), "rate": hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)}


def small(hp):
    """3 x 3 x 2 = 18 points."""
    return {
        "width": hp.Choice("width", [4, 8, 16], default=8),
        "dropout": hp.Float("dropout", 0.0, 0.4, step=0.2, default=0.4),
        "rule": hp.Choice("rule", ["adam", "sgd"], default="adam"),
    }


def nine(hp):
    """As many points as Hyperband's first round has trials."""
    return {"width": hp.Choice("width", [4, 8, 16], default=8), "batch_size": hp.Choice("batch_size", [5, 10, 20], default=10)}


def stepped(hp):
    first = hp.Int("shape/first", 2, 8, step=2, default=4)
    return {"shape": (first, 2 * first), "dropout": hp.Float("dropout", 0.0, 0.4, step=0.1, default=0.4)}


def conditional(hp):
    """A momentum for sgd alone, and for a large one a width of its own."""
    rule = hp.Choice("rule", ["adam", "sgd"], default="adam")
    settings = {"rule": rule, "rate": hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)}
    with hp.conditional_scope("rule", ["sgd"]):
        momentum = hp.Choice("momentum", [0.5, 0.9], default=0.5)
        if rule == "sgd":
            with hp.conditional_scope("momentum", [0.9]):
                width = hp.Int("width", 2, 4, default=2)
    if momentum is not None:
        settings["momentum"] = momentum
    if rule == "sgd" and momentum == 0.9:
        settings["width"] = width
    return settings


def space_of(space, fixed=(), changes=(), **target):
    return Space(NAME, make(space, **target), fixed, changes)


def definition_of(space, tuner, executions=1):
    made = fingerprint(space, tuner, executions, THE_DATA, "tensorflow")
    return {"format": files.FORMAT, "name": NAME, "made": "today", "backend": "tensorflow", "fingerprint": made}


def begin(folder, space, tuner, max_trials=None, **options):
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / files.STUDY).exists():
        write_json(folder / files.STUDY, definition_of(space, tuner))
    return Study(folder, space, files.read_study(folder), max_trials, **options)


def score_of(row):
    """A score that follows from what was run, never the same for two."""
    return random.Random(json.dumps([row.settings, row.until], sort_keys=True)).uniform(0, 1)


def leave_result(study, row, **changes):
    """What the process of a trial leaves, once."""
    path = study.folder / files.TRIALS / row.trial / files.RESULT
    made = {"status": "completed", "score": score_of(row), "epochs": row.until, "seconds": 1.5, "reason": None, **changes}
    if not path.exists():
        write_json(path, made)
    return made


def fail(study, row, reason="the loss is nan in epoch 1"):
    leave_result(study, row, status="failed", score=None, epochs=0, reason=reason)
    study.finish(row.trial, row.worker)


def complete(study, row, **changes):
    leave_result(study, row, **changes)
    study.finish(row.trial, row.worker)


def finish_all(study, workers=1, draw=None, failing=lambda row: False):
    """Many workers, of which one or another ends its trial next; gives the rows in the order in which they ended."""
    draw, at_work, ended = draw or random.Random(0), [], []
    for _ in range(1000):
        for worker in "abcdefghijklmnop"[:workers]:
            if worker not in [row.worker for row in at_work]:
                row = study.ask(worker)
                if row not in (WAIT, DONE):
                    at_work.append(row)
        if not at_work:
            assert study.done
            return ended
        row = at_work.pop(draw.randrange(len(at_work)))
        (fail if failing(row) else complete)(study, row)
        ended.append(row)
    raise AssertionError("the search does not end")


def values_in(study):
    return [row.values for row in study.rows.values()]


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def opened(tmp_path):
    """Opens studies in folders of their own, and releases them."""
    studies = []

    def open_(space, tuner="random", max_trials=None, folder="1", **options):
        if callable(space):
            space = space_of(space)
        studies.append(begin(tmp_path / folder, space, tuner, max_trials, **options))
        return studies[-1]

    yield open_
    for study in studies:
        study.release()


# Spaces.


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_the_defaults_of_a_space_are_the_recipes_own_settings(name):
    recipe = recipes.find(name)
    space = Space(name, recipe)
    defaults = {hp.name: hp.default for hp in space.searched()}
    assert space.settings(defaults) == recipe.settings()
    assert {text.partition("=")[0] for text in space.overrides(defaults)} == {key.partition("/")[0] for key in defaults}


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_every_step_of_a_range_is_a_setting_and_the_default_is_one(name):
    space = Space(name, recipes.find(name))
    defaults = {hp.name: hp.default for hp in space.searched()}
    for hp in space.searched():
        if getattr(hp, "step", 1) is not None:
            assert hp.default in list(hp.values)
        for value in [*hp.values, *([hp.min_value, hp.max_value] if hasattr(hp, "min_value") else [])]:
            assert space.settings({**defaults, hp.name: value})


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_the_upper_end_of_a_stepped_range_is_a_step(name):
    """KerasTuner counts steps by a floor division of floats, by which 0.3 // 0.1 is 2."""
    for hp in Space(name, recipes.find(name)).searched():
        if getattr(hp, "step", None) is not None:
            assert list(hp.values)[-1] == pytest.approx(hp.max_value, abs=hp.step / 100), hp.name


@pytest.mark.parametrize("name", recipes.recipe_names())
@hypothesis.settings(max_examples=15, deadline=None, derandomize=True)
@hypothesis.given(draw=st.randoms(use_true_random=False))
def test_settings_are_what_the_printed_command_gives_back(name, draw):
    recipe = recipes.find(name)
    space = Space(name, recipe)
    values = {hp.name: hp.random_sample(draw.randrange(2**31)) for hp in space.searched()}
    texts = space.overrides(values)
    assert recipe.settings(texts) == space.settings(values)
    # To a file and back, as a trial has them.
    settings = json.loads(json.dumps(space.settings(values)))
    assert recipe.settings(f"{key}={value}" for key, value in settings.items()) == space.settings(values)
    assert all(len(text.partition("=")[2].lstrip("0.-")) <= 10 for text in texts if text.startswith("learning_rate"))


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(rate=st.floats(1e-4, 1e-1), width=st.integers(1, 64))
def test_a_number_is_rounded_to_six_digits_everywhere(rate, width):
    values = {"rate": rate, "width": width}
    settings = ENDLESS.settings(values)
    assert settings["rate"] == pytest.approx(rate, rel=1e-5) and f"{settings['rate']:.6g}" == f"{rate:.6g}"
    assert float(f"{settings['rate']:.6g}") == settings["rate"] and settings["width"] == width
    assert ENDLESS.values({**values, "tuner/epochs": 3}) == {"rate": settings["rate"], "width": width}
    assert ENDLESS.recipe.settings(ENDLESS.overrides(values)) == settings


ENDLESS = space_of(endless)


def only(changes, fixed=(), space=None):
    """The one hyperparameter that some changes make."""
    (hp,) = Space(NAME, make(space), fixed, changes).searched()
    return hp


@pytest.mark.parametrize(
    ("change", "low", "high", "step", "sampling", "default"),
    [
        ("rate=1e-4:1e-2", 1e-4, 1e-2, None, "linear", 1e-3),
        ("rate=1e-4:1e-2:log", 1e-4, 1e-2, None, "log", 1e-3),
        ("rate=0.01:1:log", 0.01, 1, None, "log", 0.01),
        ("dropout=0:0.8:0.2", 0, 0.8, 0.2, "linear", 0.4),
        ("dropout=0.1:0.6:0.1", 0.1, 0.6, 0.1, "linear", 0.4),
        ("dropout=0.5:0.9:0.1", 0.5, 0.9, 0.1, "linear", 0.5),
        ("dropout=0.1:0.7:0.2", 0.1, 0.7, 0.2, "linear", 0.1),
        ("width=4:16", 4, 16, 1, "linear", 8),
        ("width=4:16:4", 4, 16, 4, "linear", 8),
        ("width=4:16:log", 4, 16, None, "log", 8),
        ("batch_size=20:80:20", 20, 80, 20, "linear", 20),
    ],
)
def test_a_range_on_the_command_line(change, low, high, step, sampling, default):
    hp = only([change])
    assert (hp.name, hp.min_value, hp.max_value) == (change.partition("=")[0], low, pytest.approx(high, abs=1e-3))
    assert (hp.step, hp.sampling, hp.default) == (step, sampling, pytest.approx(default))
    assert type(hp.default) is (int if hp.name in ("width", "batch_size") else float)


@pytest.mark.parametrize(
    ("change", "choices", "default"),
    [
        ("width=4,8", [4, 8], 8),
        ("width=16,32", [16, 32], 16),
        ("rate=1e-4,1e-3", [1e-4, 1e-3], 1e-3),
        ("dropout=0,0.4", [0.0, 0.4], 0.4),
        ("rule=sgd,adam", ["sgd", "adam"], "adam"),
        ("tied=True,False", [True, False], True),
        ("attention=None,dot", [None, "dot"], "dot"),
        ("attention=None,additive", [None, "additive"], None),
        ("shape=(2,),(4, 8)", [(2,), (4, 8)], (4, 8)),
        ("schedule=constant,cosine", ["constant", "cosine"], "cosine"),
    ],
)
def test_choices_on_the_command_line(change, choices, default):
    """They become settings of the right type, and the recipe's own is the default where it is among them."""
    space = Space(NAME, make(None), (), [change])
    key = change.partition("=")[0]
    (hp,) = space.searched()
    assert [space.settings({key: value})[key] for value in hp.values] == choices
    made = [space.settings({key: value})[key] for value in hp.values]
    assert [type(value) for value in made] == [type(value) for value in choices]
    assert space.settings({key: hp.default})[key] == default


def test_a_part_of_a_setting_keeps_the_recipes_default():
    space = space_of(stepped, (), ["shape/first=2:16:2"])
    assert space.settings({hp.name: hp.default for hp in space.searched()}) == space.recipe.settings()
    assert space.texts()["shape/first"] == "2 to 16, in steps of 2"


def test_changes_narrow_widen_and_add():
    space = space_of(endless, (), ["width=4:8", "rate=1e-6:1:log", "dropout=0:0.5"])
    assert space.texts() == {"width": "4 to 8", "rate": "1e-06 to 1, log", "dropout": "0 to 0.5"}
    assert set(space.texts()) == {one["name"] for one in space.described()}
    assert space.settings({"width": 5, "rate": 1e-6, "dropout": 0.1}) == {
        **space.recipe.settings(),
        **{"width": 5, "rate": 1e-6, "dropout": 0.1},
    }


def test_what_is_fixed_is_not_searched():
    space = space_of(stepped, ["shape=(3, 5)"])
    assert list(space.texts()) == ["dropout"]
    assert space.settings({"dropout": 0.2, "shape/first": 8})["shape"] == (3, 5)
    assert space.overrides({"dropout": 0.2, "shape/first": 8}) == ["shape=(3, 5)", "dropout=0.2"]
    assert space.values({"dropout": 0.2, "shape/first": 8, "tuner/epochs": 3}) == {"dropout": 0.2}
    assert "epochs" not in space_of(stepped, ["epochs=3"]).texts() and space_of(stepped, ["epochs=3"]).defaults["epochs"] == 3


@pytest.mark.parametrize("tuner", TUNERS)
def test_conditions_are_explored_and_leave_no_value_where_they_do_not_hold(tuner, opened):
    space = space_of(conditional, ["rate=0.01"])
    assert space.texts() == {
        "rule": "one of adam, sgd",
        "momentum": "one of 0.5, 0.9, where rule is sgd",
        "width": "2 to 4, where rule is sgd and momentum is 0.9",
    }
    study = opened(space, tuner, max_trials=None if tuner == "grid" else 8)
    finish_all(study, 2)
    seen = {tuple(row.values.items()) for row in study.rows.values()}
    whole = [{"rule": "adam"}, {"rule": "sgd", "momentum": 0.5}]
    whole += [{"rule": "sgd", "momentum": 0.9, "width": width} for width in (2, 3, 4)]
    whole = {tuple(values.items()) for values in whole}
    assert seen == whole if tuner == "grid" else seen <= whole
    assert next(iter(study.rows.values())).values == {"rule": "adam"}
    for row in study.rows.values():
        assert row.settings["momentum"] == row.values.get("momentum") and row.settings["width"] == row.values.get("width", 8)


def test_a_fixed_setting_decides_its_conditions(opened):
    study = opened(space_of(conditional, ["rule=sgd"]), "random", 3)
    finish_all(study)
    assert all(row.settings["rule"] == "sgd" and "momentum" in row.values for row in study.rows.values())
    with pytest.raises(UsageError, match="empty once rate, rule is fixed"):
        space_of(conditional, ["rule=adam", "rate=0.1"])


def test_a_change_of_a_conditional_range_keeps_its_condition():
    space = space_of(conditional, (), ["width=2:3"])
    assert [hp.name for hp in space.searched()].count("width") == 1
    assert space.texts()["width"] == "2 to 3, where rule is sgd and momentum is 0.9"


def bad(key, value):
    return lambda hp: {key: hp.Choice(key, value)}


def late_bad(hp):
    rule = hp.Choice("rule", ["adam", "sgd"])
    with hp.conditional_scope("rule", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 1.5)
    return {"rule": rule, **({} if momentum is None else {"momentum": momentum})}


@pytest.mark.parametrize(
    ("space", "fixed", "changes", "message"),
    [
        (None, [], [], "the space of mnist_cnn is empty; name a setting to search with --space key=low:high."),
        (small, ["width=4", "dropout=0", "rule=sgd"], [], "is empty once dropout, rule, width is fixed; name a setting"),
        (bad("depth", [1, 2]), [], [], "names 'depth', which is not a setting"),
        (bad("widht", [1, 2]), [], [], "which is not a setting; did you mean 'width'?"),
        (bad("epochs", [1, 2]), [], [], "names 'epochs', which cannot be searched; give it as epochs=value."),
        (bad("width", [0, 2]), [], [], "the setting width is '0'; expected int, at least 1."),
        (lambda hp: {"width": hp.Int("wide", 1, 2)}, [], [], "names 'wide', which is not a setting"),
        (lambda hp: {"dropout": hp.Float("dropout", 0, 1.0)}, [], [], "the setting dropout is '1.0'; expected float"),
        (late_bad, [], [], "the setting momentum is '1.5'; expected float"),
        (lambda hp: {"width": hp.Int("width", 5, 2)}, [], [], "the space of mnist_cnn cannot be read"),
        (endless, [], ["seed=1:5"], "names 'seed', which cannot be searched; give it as seed=value."),
        (endless, [], ["data=mnist,digits"], "names 'data', which cannot be searched"),
        (endless, [], ["epochs=1:5"], "names 'epochs', which cannot be searched"),
        (endless, [], ["widht=1:5"], "--space names 'widht', which is not a setting; did you mean 'width'?"),
        (endless, [], ["width"], "got --space width; expected key=low:high, key=low:high:log, key=low:high:step or key=a,b,c."),
        (endless, [], ["width="], "got --space width=; expected key=low:high"),
        (
            endless,
            [],
            ["width=1:"],
            "expected width=low:high, with :log or :step after it, in whole numbers.",
        ),
        (endless, [], ["width=1.5:3"], "in whole numbers."),
        (endless, [], ["rate=a:3"], "in numbers."),
        (endless, [], ["rate=1:3:lgo"], "in numbers."),
        (endless, [], ["rate=1:3:log:2"], "in numbers."),
        (
            endless,
            [],
            ["rate=3:1"],
            "rate=3:1; expected low below high, above 0 where it is log, and a step above 0.",
        ),
        (endless, [], ["dropout=0:0.5:log"], "expected low below high, above 0 where it is log, and a step above 0."),
        (endless, [], ["dropout=0:0.5:0"], "and a step above 0."),
        (endless, [], ["dropout=0:0.5:-0.1"], "and a step above 0."),
        (endless, [], ["width=1:5:0"], "and a step above 0."),
        (endless, [], ["width=1:5:-1"], "and a step above 0."),
        (endless, [], ["width=0:5"], "the setting width is '0'; expected int, at least 1."),
        (endless, [], ["dropout=0:1"], "the setting dropout is '1.0'; expected float, at least 0, less than 1."),
        (endless, [], ["dropout=nan:0.5"], "dropout"),
        (endless, [], ["rate=1:inf"], "rate"),
        (endless, [], ["rule=adam,sdg"], "the setting rule is 'sdg'; expected"),
        (endless, [], ["shape=1:5"], "--space shape takes choices, key=a,b,c: the setting is not a single number."),
        (endless, [], ["tied=0:1"], "--space tied takes choices"),
        (endless, [], ["shape/first=1:5"], "shape/first"),
        (endless, [], ["shape/first=1,5"], "shape/first"),
        (endless, ["width=3"], ["width=1:5"], "width is searched by --space and fixed by a setting; leave one of the two out."),
        (endless, ["widht=3"], [], "there is no setting 'widht'; did you mean 'width'?"),
        (endless, ["width=0"], [], "the setting width is '0'; expected int, at least 1."),
        (endless, ["width"], [], "expected a setting as key=value"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_in_a_line(space, fixed, changes, message):
    with pytest.raises(UsageError) as refused:
        Space(NAME, make(space), fixed, changes)
    assert message in str(refused.value) and "\n" not in str(refused.value)


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(
    key=st.sampled_from(["width", "rate", "dropout", "shape", "tied", "attention", "shape/first", "schedule"]),
    wanted=st.lists(st.sampled_from(["1", "2", "0", "-1", "0.5", "1e-3", "log", ":", ":", ",", "None", "(", ")", "nan", "x"])),
)
def test_no_text_of_a_range_brings_another_error(key, wanted):
    with contextlib.suppress(UsageError):
        space = Space(NAME, make(None), (), [f"{key}={''.join(wanted)}"])
        assert all(space.settings({hp.name: hp.random_sample(seed)}) for hp in space.searched() for seed in range(3))


def test_values_of_a_trial_in_another_space():
    before = space_of(stepped)
    values = {"shape/first": 6, "dropout": 0.30000000000000004}  # as a step of 0.1 is made
    settings = json.loads(json.dumps(before.settings(values)))

    def told(*changes, fixed=(), space=stepped):
        return space_of(space, fixed, changes).values_of(settings, values)

    assert told() == pytest.approx(values)
    assert told("dropout=0.1:0.6:0.1") == pytest.approx(values)  # widened
    assert told("dropout=0:0.9") == pytest.approx(values)
    assert told("dropout=0.3:0.5:0.1") == pytest.approx(values)  # narrowed
    assert told("dropout=0.4:0.5:0.1") is None and told("dropout=0.2:0.6:0.2") is None
    assert told("shape/first=8:16") is None
    assert told("width=4:16") == pytest.approx({**values, "width": 8})  # added: what the trial had, a default
    assert told("width=16:32") is None
    assert told("attention=None,dot") == {**told(), "attention": "dot"}
    assert told(fixed=["dropout=0.3"]) == {"shape/first": 6}
    assert told(fixed=["dropout=0.4"]) is None and told(fixed=["epochs=3"]) is None


# Fingerprints.


def test_sources_are_the_files_that_a_recipe_imports():
    assert list(sources(NAME)) == ["zoo/layers/augmentation.py", "zoo/models/mnist_cnn.py", "zoo/recipes/mnist_cnn.py"]
    assert {"zoo/recipes/translation.py", "zoo/models/seq2seq.py"} <= set(sources("translation"))
    assert "zoo/models/mnist_cnn.py" not in sources("translation")
    for name in recipes.recipe_names():
        assert f"zoo/recipes/{name}.py" in sources(name)
        assert not any("__init__" in file for file in sources(name))


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_sources_hold_the_file_of_the_network(name):
    """Also where it does not bear its name: `resnet20` stands in resnet.py, `alexnet_small` in alexnet.py."""
    builders = [value for value in vars(importlib.import_module(f"zoo.recipes.{name}")).values() if value in NETWORKS]
    assert builders
    for builder in builders:
        assert f"{builder.__module__.replace('.', '/')}.py" in sources(name)


@pytest.mark.parametrize(
    ("imported", "file"),
    [
        ("from zoo import resnet34 as network", "models/resnet"),
        ("import zoo\nnetwork = zoo.resnet34", "models/resnet"),
        ("import zoo as house\nnetwork = house.models.resnet.resnet34", "models/resnet"),
        ("from zoo import layers\nlayer = layers.maxout.Maxout", "layers/maxout"),
        ("import zoo.layers.maxout as best", "layers/maxout"),
        ("from zoo.layers import maxout as best", "layers/maxout"),
        ("from zoo.layers import Brought", "layers/maxout"),
        ("from zoo import losses", "losses"),
        ("def build():\n    from zoo.models.alexnet import *", "models/alexnet"),
        ("from zoo.recipes.resnet20 import build", "models/resnet"),
    ],
)
def test_every_way_to_import_is_followed(tmp_path, monkeypatch, imported, file):
    monkeypatch.setattr(zoo.recipes, "__path__", [str(tmp_path), *zoo.recipes.__path__])
    monkeypatch.setattr(zoo.layers, "Brought", importlib.import_module("zoo.layers.maxout").Maxout, raising=False)
    (tmp_path / "tiny.py").write_text(imported)
    importlib.invalidate_caches()
    assert {"zoo/recipes/tiny.py", f"zoo/{file}.py"} <= set(sources("tiny"))


TINY = """from zoo.layers import ours
from zoo import datasets, mnist_cnn

def build(width=8):
    import zoo.layers.inner
    return mnist_cnn(ours.layer(width))

def space(hp):
    # Why.
    return {"width": hp.Int("width", 1, 8)}

recipe = build, space
"""


def test_sources_change_with_what_trains_and_not_with_what_is_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo.recipes, "__path__", [str(tmp_path / "recipes"), *zoo.recipes.__path__])
    monkeypatch.setattr(zoo.layers, "__path__", [str(tmp_path / "layers"), *zoo.layers.__path__])

    def made(recipe=TINY, ours="from zoo.layers.base import x", inner="", base="x = 1", other=""):
        texts = {"recipes/tiny": recipe, "layers/ours": ours, "layers/inner": inner, "layers/base": base, "layers/other": other}
        for file, text in texts.items():
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / f"{file}.py").write_text(text)
        importlib.invalidate_caches()
        return sources("tiny")

    first = made()
    layers = ["augmentation", "base", "inner", "ours"]
    assert [file for file in first if "layers" in file] == [f"zoo/layers/{name}.py" for name in layers if name != "augmentation"]
    assert {"zoo/models/mnist_cnn.py", "zoo/recipes/tiny.py"} < set(first)
    assert made(other="y = 2") == first
    assert made(recipe=TINY.replace("1, 8", "1, 16").replace("    # Why.\n", "")) == first
    assert made(recipe=TINY.replace('{"width": hp.Int("width", 1, 8)}', "{}")) == first
    for changed, file in [
        ({"recipe": TINY.replace("width=8", "width=9")}, "recipes/tiny"),
        ({"recipe": TINY.replace("recipe = build, space", "recipe = build")}, "recipes/tiny"),
        ({"recipe": TINY.replace("def space", "def other")}, "recipes/tiny"),
        ({"base": "x = 2"}, "layers/base"),
        ({"inner": "x = 2"}, "layers/inner"),
    ]:
        assert differences({"source": first}, {"source": made(**changed)}) == [f"source zoo/{file}.py has changed"]
    assert differences({"source": first}, {"source": made(ours="")}) == [
        "source zoo/layers/base.py is gone",
        "source zoo/layers/ours.py has changed",
    ]


def test_differences_are_readable():
    def made(space=endless, fixed=(), changes=(), tuner="random", executions=1, test="0" * 64, **target):
        data = {"train": "1" * 64, "test": test}
        return json.loads(json.dumps(fingerprint(space_of(space, fixed, changes, **target), tuner, executions, data, "jax")))

    before = made()
    assert differences(before, made()) == []
    assert differences(before, made(changes=["rate=1e-3:1e-2"])) == ["space rate was 0.0001 to 0.1, log, is 0.001 to 0.01"]
    assert differences(before, made(fixed=["width=3"])) == ["space width is gone", "settings width is new"]
    assert differences(before, made(fixed=["dropout=0.5"])) == ["settings dropout was 0.4, is 0.5"]
    assert differences(before, made(fixed=["epochs=3"])) == ["settings epochs was 9, is 3"]
    assert differences(before, made(fixed=["seed=3"])) == ["settings seed was 0, is 3"]
    assert differences(before, made(tuner="grid", executions=3)) == [
        "search tuner was random, is grid",
        "search executions was 1, is 3",
    ]
    assert differences(before, made(test="1" * 64)) == ["data digits, test has changed"]
    assert differences(before, made(fixed=["data=mnist"]))[:1] == ["settings data was 'digits', is 'mnist'"]
    assert differences(before, made(at_most=0.1)) == ["search direction was max, is min"]
    older = {**before, "versions": {**before["versions"], "keras": "3.0.0"}}
    assert differences(older, before) == [f"versions keras was 3.0.0, is {before['versions']['keras']}"]
    assert differences({}, {"a": {"b": 1}}) == ["a b is new"] and differences({"a": {"b": 1}}, {}) == ["a b is gone"]


def test_the_settings_of_a_data_set_are_fixed_and_never_searched():
    pairs = ["data=parallel:a.tsv", "vocabulary_size=500"]
    space = space_of(endless, pairs)
    assert space.defaults["vocabulary_size"] == 500 and space.settings({"width": 3})["vocabulary_size"] == 500
    assert space.overrides({"width": 3})[:2] == pairs
    for change in ("vocabulary_size=500:1000", "max_tokens=50,100"):
        with pytest.raises(UsageError, match="cannot be searched; give it as"):
            space_of(endless, pairs[:1], [change])
    with pytest.raises(UsageError, match="'vocabulary_size', which is not a setting"):
        space_of(endless, (), ["vocabulary_size=500:1000"])


# Files.

EVENTS = [{"event": "start", "trial": f"{number:04}", "text": "ä\n\u2028\x85"} for number in range(3)]


def journal_of(path, events=EVENTS):
    journal = files.Journal(path)
    for event in events:
        journal.append(event)
    journal.close()


@pytest.mark.parametrize("torn", [b"{", b'{"event": "end"}', b"\0\0\0", b"\xff", b'{"event": "\xc3'])
def test_a_last_line_that_a_kill_left_is_dropped(tmp_path, torn):
    path = tmp_path / files.JOURNAL
    journal_of(path)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    journal = files.Journal(path)
    assert journal.events == EVENTS and path.read_bytes() == whole
    journal.append({"event": "pause"})
    journal.close()
    again = files.Journal(path)
    assert again.events == [*EVENTS, {"event": "pause"}]
    again.close()


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b"3\n", b"{}\n", b"\n", b"\xff\n", b'"event"\n', b"null\n"])
def test_a_damaged_journal_is_refused_and_left_alone(tmp_path, line):
    path = tmp_path / files.JOURNAL
    journal_of(path)
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(4):
        damaged = b"".join([*lines[:place], line, *lines[place:]])
        path.write_bytes(damaged)
        with pytest.raises(UsageError, match=r"journal.jsonl is damaged \(.*\); start a new study with --new.$"):
            files.Journal(path)
        assert path.read_bytes() == damaged


def test_one_at_a_time_holds_a_journal(tmp_path):
    path = tmp_path / files.JOURNAL
    journal = files.Journal(path)
    journal.append(EVENTS[0])
    with pytest.raises(UsageError, match="another `zoo tune` is at work on"):
        files.Journal(path)
    journal.append(EVENTS[1])
    journal.close()
    again = files.Journal(path)
    assert again.events == EVENTS[:2]
    again.close()


@contextlib.contextmanager
def largest_file(size):
    """No file of this process grows beyond a size: writes come back short, and then fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_full_disk_leaves_no_half_line(tmp_path, room):
    path = tmp_path / files.JOURNAL
    journal = files.Journal(path)
    for event in EVENTS:
        journal.append(event)
    whole = path.read_bytes()
    with largest_file(len(whole) + room), pytest.raises(OSError):
        journal.append(EVENTS[0])
    assert path.read_bytes() == whole and journal.events == EVENTS
    journal.append({"event": "pause"})
    assert path.read_bytes() == whole + b'{"event": "pause"}\n'
    journal.close()


@pytest.mark.parametrize("tuner", ["random", "grid", "hyperband"])
def test_after_a_full_disk_the_study_goes_on(opened, tuner):
    """Whoever asked when the disk was full got an error; what is asked after it can be read again."""
    study = opened(endless, tuner, 6)
    for _ in range(2):
        complete(study, study.ask("a"))
    before = study.folder / files.JOURNAL
    with largest_file(before.stat().st_size + 10), pytest.raises(OSError):
        study.ask("a")
    rows = {trial: (row.status, row.values) for trial, row in study.rows.items()}
    assert [status for status, _ in rows.values()] == ["completed", "completed"]
    with contextlib.suppress(OSError):
        study.ask("b")  # another worker, before the chief has noticed
    study.release()
    again = opened(endless, tuner, 6)
    assert {trial: (row.status, row.values) for trial, row in again.rows.items()}.items() >= rows.items()
    finish_all(again)
    assert len(again.ranked()) == 6


def test_a_full_disk_at_the_end_of_a_trial_loses_nothing(opened):
    study = opened(endless, "random", 2)
    row = study.ask("a")
    leave_result(study, row)
    with largest_file((study.folder / files.JOURNAL).stat().st_size), pytest.raises(OSError):
        study.finish(row.trial, "a")
    assert (row.status, row.score) == ("running", None)
    study.release()
    again = opened(endless, "random", 2)
    row = again.ask("b")  # whose process finds the result there
    again.finish(row.trial, "b")
    assert (row.status, row.score) == ("completed", score_of(row))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "study.json is missing; start a new study with --new."),
        ("", "is damaged ("),
        ('{"format": 1', "is damaged ("),
        ("\udcff", "is damaged ("),
        ("[]", "is damaged (it names no format)"),
        ("{}", "is damaged (it names no format)"),
        ('{"format": 2}', "is of another version (format 2, and this zoo reads 1); start a new study with --new."),
        ('{"format": "x"}', "is of another version (format 'x'"),
        ('{"format": 1}', "is damaged (it has no fingerprint)"),
        ('{"format": 1, "fingerprint": 3}', "is damaged (it has no fingerprint)"),
        ('{"format": 1, "fingerprint": {"space": []}}', "is damaged (it has no fingerprint)"),
    ],
)
def test_a_study_that_cannot_be_read(tmp_path, text, message):
    if text is not None:
        (tmp_path / files.STUDY).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError) as refused:
        files.read_study(tmp_path)
    assert message in str(refused.value) and "--new" in str(refused.value) and "\n" not in str(refused.value)


def test_read_best(tmp_path, opened):
    study = opened(small, "grid", 4, folder=f"{NAME}/tune/7")
    with pytest.raises(UsageError, match="holds no best.json; the studies of mnist_cnn are: 7. Make one with"):
        files.read_best(NAME, "7", tmp_path)
    finish_all(study)
    best = max(study.rows.values(), key=score_of)
    settings = files.read_best(NAME, "7", tmp_path)
    assert study.space.recipe.settings(settings) == best.settings
    assert study.command(best) == " ".join(["zoo", "train", NAME, *settings])
    path = study.folder / files.BEST
    for text in ["", "[]", "{}", '{"settings": "a=1"}', '{"settings": [1]}', "\0"]:
        path.write_text(text)
        with pytest.raises(UsageError, match=r"is damaged \(.*; make it again with `zoo tune --resume`.$"):
            files.read_best(NAME, "7", tmp_path)
    for name in ["..", "a/b", "", ".x", "x" * 65]:
        with pytest.raises(UsageError, match="expected letters, digits"):
            files.read_best(NAME, name, tmp_path)
    with pytest.raises(UsageError, match="the studies of vae are: none"):
        files.read_best("vae", "1", tmp_path)


def test_names_of_studies(tmp_path):
    assert files.study_names(tmp_path) == [] and files.next_name(tmp_path) == "1"
    for time_, name in enumerate(["10", "9", "mine"]):
        write_json(tmp_path / name / files.STUDY, {})
        os.utime(tmp_path / name / files.STUDY, (time_, time_))
    (tmp_path / "11").mkdir()  # without a study.json, but taken
    assert files.study_names(tmp_path) == ["10", "9", "mine"] and files.next_name(tmp_path) == "12"


# The study.


def facts(study, unfinished=True):
    """What has to be the same after a restart."""
    kept = ("trial", "values", "settings", "until", "past", "origin")
    ended = ("status", "score", "epochs", "seconds", "ended", "reason")
    return {
        row.trial: [getattr(row, field) for field in (*kept, *(ended if row.ended is not None else ()))]
        for row in study.rows.values()
        if unfinished or row.ended is not None
    }


REFERENCES = {}


def reference(space, tuner, count):
    """The values of an unbroken search by one worker."""
    if (space.recipe.space, tuner) not in REFERENCES:
        with tempfile.TemporaryDirectory() as folder:
            limit = None if space.recipe.space in (small, nine) else 12
            study = begin(pathlib.Path(folder) / "1", space, tuner, limit)
            finish_all(study)
            study.release()
            REFERENCES[space.recipe.space, tuner] = values_in(study)
    return REFERENCES[space.recipe.space, tuner][:count]


SPACES = {"endless": ENDLESS, "small": space_of(small), "nine": space_of(nine), "conditional": space_of(conditional)}
DEFINITIONS = {(name, tuner): definition_of(space, tuner) for name, space in SPACES.items() for tuner in TUNERS}
WORKERS = ("ann", "bob", "cid")


class Search(stateful.RuleBasedStateMachine):
    """A chief that is restarted, and workers that work, fail, die, fall silent and come back late."""

    def __init__(self):
        super().__init__()
        self.folder = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)) / "1"
        self.folder.mkdir()
        self.now, self.doing, self.heard, self.study = 0.0, {}, {}, None

    @stateful.initialize(
        tuner=st.sampled_from(sorted(TUNERS)), space=st.sampled_from(sorted(SPACES)), max_trials=st.integers(3, 8)
    )
    def start(self, tuner, space, max_trials):
        self.space, self.tuner, self.definition = SPACES[space], tuner, DEFINITIONS[space, tuner]
        whole = tuner == "hyperband" or (tuner == "grid" and space in ("small", "nine"))
        # Bayesian suggestions proper, which take a second each, have a test of their own.
        self.max_trials = None if whole else min(max_trials, 6) if tuner == "bayesian" else max_trials
        self.open()

    def open(self):
        self.study = Study(self.folder, self.space, self.definition, self.max_trials, clock=lambda: self.now)

    def path(self, trial):
        return self.folder / files.TRIALS / trial / files.RESULT

    @stateful.rule(worker=st.sampled_from(WORKERS))
    def ask(self, worker):
        if worker in self.doing:
            return
        held = {row.trial for row in self.study.rows.values() if row.status == "running"}
        row = self.study.ask(worker)
        if row == DONE:
            assert self.study.done
        elif row != WAIT:
            assert (row.status, row.worker) == ("running", worker) and row.trial not in held
            request = read_json(self.folder / files.TRIALS / row.trial / files.REQUEST, "")
            assert request == {
                **json.loads(json.dumps({"settings": row.settings})),
                "until": row.until,
                "past": row.past,
                "executions": 1,
            }
            self.doing[worker], self.heard[worker] = row.trial, self.now

    @stateful.rule(worker=st.sampled_from(WORKERS), value=st.floats(0, 1), epochs=st.integers(1, EPOCHS))
    def report(self, worker, value, epochs):
        if worker in self.doing:
            trial = self.doing[worker]
            before = self.study.rows[trial]
            mine = (before.status, before.worker) == ("running", worker) or before.status == "waiting"
            assert self.study.told(trial, worker, epochs, value) == mine
            if mine:
                assert (before.epochs, before.so_far) == (epochs, value)
                self.heard[worker] = self.now
            else:
                del self.doing[worker]

    @stateful.rule(worker=st.sampled_from(WORKERS), failed=st.booleans(), told=st.sampled_from([True, True, True, False]))
    def end(self, worker, failed, told):
        """The trial's process leaves its result, if another has not left one; the worker may die before it tells that."""
        if worker not in self.doing:
            return
        trial = self.doing.pop(worker)
        row = self.study.rows[trial]
        changes = {"status": "failed", "score": None, "reason": "out of memory"} if failed else {}
        leave_result(self.study, row, **changes)
        result = json.loads(self.path(trial).read_text())
        if not told:
            self.study.drop(worker)
            return
        before = facts(self.study)[trial]
        mine = row.status in ("running", "waiting") and row.worker in (worker, None)
        self.study.finish(trial, worker)
        if mine:
            assert [row.status, row.score, row.reason] == [result["status"], result["score"], result["reason"]]
        else:
            assert facts(self.study)[trial] == before
        self.study.finish(trial, worker)  # told twice, as after an answer that was lost
        assert mine == (facts(self.study)[trial] != before)

    @stateful.rule(worker=st.sampled_from(WORKERS))
    def die(self, worker):
        self.doing.pop(worker, None)
        self.study.drop(worker)

    @stateful.rule(seconds=st.sampled_from([1.0, 40.0, 100.0]))
    def pass_time(self, seconds):
        self.now += seconds
        held = {row.worker for row in self.study.rows.values() if row.status == "running"}
        assert self.study.drop_silent(60.0) == sorted(worker for worker in held if self.now - self.heard[worker] > 60)

    @stateful.rule(torn=st.sampled_from([b"", b'{"event": "end", "tri', b"\0\0"]), paused=st.booleans())
    def restart(self, torn, paused):
        before = facts(self.study)
        if paused:
            self.study.close()
            assert self.study.ask("new") == DONE
        self.study.release()
        with open(self.folder / files.JOURNAL, "ab") as file:
            file.write(torn)
        self.open()
        assert facts(self.study) == before
        assert {row.status for row in self.study.rows.values() if row.ended is None} <= {"waiting"}

    @stateful.rule(kept=st.floats(0, 0.99), failed=st.booleans())
    def killed_while_it_writes(self, kept, failed):
        """The chief dies within a write, so that nobody has had its answer."""
        journal = self.folder / files.JOURNAL
        before, size = facts(self.study), journal.stat().st_size
        worker = next((worker for worker, trial in self.doing.items() if self.study.rows[trial].worker == worker), None)
        if failed and worker:
            leave_result(self.study, self.study.rows[self.doing[worker]])
            self.study.finish(self.doing.pop(worker), worker)
        else:
            self.study.ask("new")
        self.study.release()
        added = journal.read_bytes()[size:]
        if added:
            os.truncate(journal, size + int(kept * len(added.splitlines(keepends=True)[0])))
        self.open()
        assert facts(self.study) == before

    @stateful.invariant()
    def holds(self):
        if self.study is None:
            return
        for row in self.study.rows.values():
            assert (row.worker is not None) == (row.status == "running")
            if row.status == "running":
                assert self.doing[row.worker] == row.trial
        events = [json.loads(line) for line in (self.folder / files.JOURNAL).read_bytes().splitlines()]
        for kind in ("start", "end"):
            trials = [event["trial"] for event in events if event["event"] == kind]
            assert len(set(trials)) == len(trials)
        assert [event["trial"] for event in events if event["event"] == "start"] == list(self.study.rows)

    def teardown(self):
        try:
            if self.study is not None:
                self.study.drop_silent(-1.0)
                finish_all(self.study, 2)
                self.check()
        finally:
            if self.study is not None:
                self.study.release()
            shutil.rmtree(self.folder.parent)

    def check(self):
        rows = list(self.study.rows.values())
        assert all(row.status in ("completed", "failed") for row in rows)
        assert {row.score for row in rows if row.status == "failed"} <= {None}
        ranked = self.study.ranked()
        assert [row.score for row in ranked] == sorted((score_of(row) for row in rows if row.status == "completed"), reverse=True)
        assert sum(count for _, count in self.study.failures()) == len(rows) - len(ranked)
        assert rows[0].settings == self.space.recipe.settings()
        if self.tuner in ("random", "grid"):
            known = reference(self.space, self.tuner, len(rows))
            assert values_in(self.study)[: len(known)] == known
            assert len({json.dumps(row.values) for row in rows}) == len(rows)
        if self.max_trials is not None:
            assert len(rows) <= self.max_trials and (len(rows) == self.max_trials or self.tuner != "bayesian")
        table = (self.folder / files.TABLE).read_text().splitlines()
        assert [line.split(",")[:2] for line in table[1:]] == [[row.trial, row.status] for row in rows]


TestSearch = Search.TestCase
TestSearch.settings = hypothesis.settings(max_examples=60, stateful_step_count=20, deadline=None, derandomize=True)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("tuner", ["random", "grid"])
@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_finishing_proposes_the_same(opened, tuner, workers, seed):
    study = opened(SPACES["small"], tuner, 10)
    finish_all(study, workers, random.Random(seed), failing=lambda row: row.trial == "0003")
    assert values_in(study) == reference(SPACES["small"], tuner, 10)


@pytest.mark.parametrize("seed", range(3))
def test_a_grid_is_the_whole_product_once(opened, seed):
    draw = random.Random(seed)
    study = opened(small, "grid")
    while not study.done:
        if draw.random() < 0.2:
            study.release()
            study = opened(small, "grid")
        row = study.ask(draw.choice("ab"))
        if row not in (WAIT, DONE):
            (fail if draw.random() < 0.2 else complete)(study, row)
    product = itertools.product([4, 8, 16], [0.0, 0.2, 0.4], ["adam", "sgd"])
    found = [(row.settings["width"], row.settings["dropout"], row.settings["rule"]) for row in study.rows.values()]
    assert len(found) == 18 and sorted(found) == sorted(product)
    assert study.exhausted and found[0] == (8, 0.4, "adam")


def test_a_grid_over_a_range_without_steps_has_the_default_and_ends(opened):
    study = opened(space_of(endless, ["width=3"]), "grid")
    finish_all(study, 2)
    rates = [row.settings["rate"] for row in study.rows.values()]
    assert rates[0] == 1e-3 and len(rates) == len(set(rates)) == 11 and all(1e-4 <= rate <= 1e-1 for rate in rates)


def test_random_ends_where_the_space_does(opened):
    study = opened(nine, "random", 30)
    finish_all(study, 3)
    assert study.exhausted and 7 <= len(study.rows) <= 9
    assert len({json.dumps(values) for values in values_in(study)}) == len(study.rows)


@pytest.mark.parametrize("tuner", TUNERS)
def test_workers_are_kept_busy(opened, tuner):
    """The trial that ends next is not the one that a new one waits for."""
    study = opened(small, tuner, 12)
    at_work = [study.ask(worker) for worker in "abc"]
    for _ in range(6):
        assert all(row not in (WAIT, DONE) for row in at_work) and len({row.trial for row in at_work}) == 3
        complete(study, at_work[1])
        at_work[1] = study.ask("b")


# Li et al. 2018, for R = 9 and eta = 3: (number, epochs) of each round of the brackets s = 2, 1, 0. KerasTuner rounds the number
# of the later rounds up, where the paper rounds down.
BRACKETS = [[(9, 1), (3, 3), (1, 9)], [(5, 3), (2, 9)], [(3, 9)]]


@pytest.mark.parametrize("workers", [1, 3, 12])
@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("direction", ["at_least", "at_most"])
def test_hyperband_is_successive_halving(opened, workers, restarts, direction):
    draw, space = random.Random(workers), space_of(endless, **{direction: 0.5})
    study = opened(space, "hyperband")
    ended_at_start, at_work = {}, []
    for _ in range(500):
        if restarts and draw.random() < 0.1:
            study.release()
            study, at_work = opened(space, "hyperband"), []
        for worker in range(workers):
            if str(worker) not in [row.worker for row in at_work]:
                row = study.ask(str(worker))
                if row not in (WAIT, DONE):
                    at_work.append(row)
                    ended_at_start.setdefault(row.trial, [one.trial for one in study.ranked()])
        if not at_work:
            break
        complete(study, at_work.pop(draw.randrange(len(at_work))))
    assert study.done and study.exhausted
    rounds = collections.defaultdict(list)
    for row in study.rows.values():
        lineage = [row]
        while lineage[-1].past is not None:
            lineage.append(study.rows[lineage[-1].past])
        rounds[len(lineage) - 1, lineage[-1].until].append(row)
    expected = {(depth, rounds_[0][1]): rounds_[depth] for rounds_ in BRACKETS for depth in range(len(rounds_))}
    assert {key: (len(rows), rows[0].until) for key, rows in rounds.items()} == expected
    for (depth, first), rows in rounds.items():
        assert {row.until for row in rows} == {expected[depth, first][1]}
        if depth:
            round_before = sorted(rounds[depth - 1, first], key=lambda row: row.score, reverse=direction == "at_least")
            best = [row.trial for row in round_before[: len(rows)]]
            assert sorted(row.past for row in rows) == sorted(best)
            for row in rows:
                assert row.past in ended_at_start[row.trial] and row.values == study.rows[row.past].values
    assert next(iter(study.rows.values())).settings == space.recipe.settings()


@pytest.mark.parametrize(("small_space", "seed"), [(nine, 0), (nine, 1), (small, 0), (small, 1), (small, 2), (small, 3)])
def test_hyperband_on_a_space_as_small_as_its_first_round_can_be_resumed(opened, small_space, seed):
    """A question that finds no new values still begins a bracket, which must not make the journal unreadable."""
    space = space_of(small_space, [f"seed={seed}"])
    study = opened(space, "hyperband")
    finish_all(study, 12, random.Random(seed))
    before = facts(study)
    study.release()
    assert facts(opened(space, "hyperband")) == before


def test_more_trials_are_simply_more(opened):
    study = opened(endless, "random", 3)
    finish_all(study)
    assert study.done and study.ask("a") == DONE
    study.release()
    study = opened(endless, "random", 7)
    assert not study.done
    finish_all(study)
    assert list(study.rows) == [f"{number:04}" for number in range(7)]
    assert values_in(study) == reference(ENDLESS, "random", 7)
    study.release()
    assert opened(endless, "random", 2).done


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_first_trial_is_the_recipes_own(opened, tuner):
    for number, space in enumerate([small, endless, stepped, conditional]):
        study = opened(space, tuner, 3, folder=str(number))
        assert study.ask("a").settings == study.space.recipe.settings()
    study = opened(space_of(endless, ["width=3"], ["rate=1e-2:1e-1:log"]), tuner, 3, folder="narrow")
    assert study.ask("a").settings == {**study.space.recipe.settings(), "width": 3, "rate": 1e-2}


@pytest.mark.parametrize("tuner", ["random", "hyperband", "bayesian"])
def test_the_seed_of_the_study_decides_and_zero_is_a_seed(opened, tuner):
    runs = []
    for number, seed in enumerate([0, 0, 1]):
        study = opened(space_of(endless, [f"seed={seed}"]), tuner, 4, folder=str(number))
        finish_all(study)
        runs.append(values_in(study))
    assert runs[0] == runs[1] and runs[0][0] == runs[2][0] and runs[0][1:] != runs[2][1:]


def test_bayesian_suggestions_go_on_after_a_restart(opened):
    """Past the random trials, 3 for each of 2 dimensions, each is the optimum of a model of those before."""

    def search_(folder, restarts):
        study = opened(endless, "bayesian", 7, folder=folder)
        for number in range(7):
            if number in restarts:
                study.release()
                study = opened(endless, "bayesian", 7, folder=folder)
            row = study.ask("a")
            complete(study, row, score=-((math.log10(row.settings["rate"]) + 2) ** 2) - row.settings["width"] / 1000)
        return study

    found, again = values_in(search_("1", ())), search_("2", (3,))
    assert values_in(again) == found
    drawn = reference(ENDLESS, "random", 7)
    assert found[:6] == drawn[:6] and found[6] not in drawn
    before = facts(again)
    again.release()
    assert facts(opened(endless, "bayesian", 7, folder="2")) == before


@pytest.mark.parametrize("direction", ["at_least", "at_most"])
def test_failed_trials_count_and_never_win(opened, direction):
    space = space_of(endless, **{direction: 0.5})
    study = opened(space, "random", 6)
    finish_all(study, 2, failing=lambda row: int(row.trial) % 2 == 0)
    assert study.done and len(study.rows) == 6
    ranked = study.ranked()
    assert sorted(row.trial for row in ranked) == ["0001", "0003", "0005"]
    scores = [row.score for row in ranked]
    assert scores == sorted(scores, reverse=direction == "at_least") and len(set(scores)) == 3
    assert study.failures() == [("the loss is nan in epoch 1", 3)]
    best = json.loads((study.folder / files.BEST).read_text())
    assert (best["trial"], best["score"]) == (ranked[0].trial, scores[0])
    assert study.summary()["best"] == best and len(study.summary()["trials"]) == 6
    assert space.recipe.settings(best["settings"]) == ranked[0].settings


def test_where_all_trials_fail_there_is_no_winner(opened):
    for tuner in TUNERS:
        study = opened(endless, tuner, 4, folder=tuner)
        finish_all(study, 2, failing=lambda row: True)
        assert study.done and not study.ranked() and study.summary()["best"] is None and len(study.rows) == 4
        assert not (study.folder / files.BEST).exists() and (study.folder / files.TABLE).is_file()


@pytest.mark.parametrize("score", [math.nan, math.inf, None, "0.9"])
def test_a_score_that_is_no_number_never_wins(opened, score):
    """Whatever a worker leaves, the journal can be read again, and the others are ranked."""
    study = opened(endless, "random", 4)
    for number in range(4):
        row = study.ask("a")
        with contextlib.suppress(Exception):
            complete(study, row, **({"score": score} if number == 1 else {}))
        if row.status == "waiting" or row.status == "running":  # not taken: as if the process ran again
            (study.folder / files.TRIALS / row.trial / files.RESULT).unlink(missing_ok=True)
            study.drop("a")
            complete(study, study.ask("a"))
    scores = [row.score for row in study.ranked()]
    assert all(type(one) is float and math.isfinite(one) for one in scores) and scores == sorted(scores, reverse=True)
    study.release()
    again = opened(endless, "random", 4)
    assert again.done and [row.trial for row in again.ranked()] == [row.trial for row in study.ranked()]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"status": "completed", "score": 0.5}', None])
def test_a_result_that_is_not_whole_is_no_result(opened, text):
    study = opened(endless, "random", 1)
    row = study.ask("a")
    if text is not None:
        (study.folder / files.TRIALS / row.trial / files.RESULT).write_text(text)
    study.finish(row.trial, "a")
    assert (row.status, row.worker) == ("waiting", None) and study.ask("b") is row


def test_a_study_has_one_chief_and_counts_its_time(opened):
    now = [100.0]
    study = opened(endless, "random", 2, clock=lambda: now[0], budget=50.0)
    complete(study, study.ask("a"))
    now[0] = 130.0
    with pytest.raises(UsageError, match="another `zoo tune` is at work"):
        opened(endless, "random", 2)
    assert study.seconds == 30 and not study.over_budget
    study.close()
    study.close()
    study.release()
    now[0] = 1000.0
    again = opened(endless, "random", 2, clock=lambda: now[0], budget=50.0)
    assert again.seconds == 30
    now[0] = 1021.0
    assert again.over_budget


def damages(event):
    for key in event:
        yield {name: value for name, value in event.items() if name != key}
        for value in (None, "x", [], {}, -7):
            yield {**event, key: value}


@pytest.mark.parametrize("tuner", ["random", "hyperband"])
def test_a_journal_whose_events_make_no_sense_is_refused_in_a_line(opened, tmp_path, tuner):
    study = opened(small, tuner, 3)
    finish_all(study)
    study.close()
    study.release()
    path = study.folder / files.JOURNAL
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    events.append({"event": "known", "trial": "0-0000", "values": values_in(study)[1], "until": 9})
    events[-1] |= {"score": 0.5, "epochs": 9, "seconds": 1.0, "at": 9.0}
    others = set()
    for place in (2, 3, len(events) - 1):
        for damaged in damages(events[place]):
            text = "".join(json.dumps(event) + "\n" for event in [*events[:place], damaged, *events[place + 1 :]])
            path.write_text(text)
            try:
                Study(study.folder, study.space, study.definition).release()
            except UsageError as error:
                assert "\n" not in str(error) and "--new" in str(error)
            except Exception as error:
                others.add(f"{type(error).__name__} {error} of {damaged}")
    assert not others
    for changed in [events[1:], [*events, events[0]], [*events, {"event": "end", "trial": "0077", "at": 1.0}]]:
        path.write_text("".join(json.dumps(event) + "\n" for event in changed))
        with pytest.raises(UsageError, match="is damaged"):
            Study(study.folder, study.space, study.definition)


# Forks.


def test_a_fork_takes_every_trial_of_the_same_space(opened):
    before = opened(stepped, "grid")
    finish_all(before, failing=lambda row: row.trial == "0005")
    assert len(before.ranked()) == 19
    after = opened(stepped, "random", 10, folder="2")
    assert after.fork(before.folder) == 19
    assert [row.trial for row in after.ranked()] == [f"1-{row.trial}" for row in before.ranked()]
    assert [row.settings for row in after.ranked()] == [row.settings for row in before.ranked()]
    assert after.ranked()[0].values == before.ranked()[0].values


@pytest.mark.parametrize("tuner", ["random", "grid"])
def test_a_fork_runs_no_comparable_trial_again(opened, tuner):
    before = opened(small, "grid")
    finish_all(before, failing=lambda row: row.trial == "0001")
    failed = before.rows["0001"].settings
    taken = {row.trial: row.settings for row in before.ranked() if row.settings["width"] < 16}
    narrow = space_of(small, (), ["width=2,4,8"])
    after = opened(narrow, tuner, 12, folder="2")
    assert after.fork(before.folder) == len(taken) == 11
    run = finish_all(after, 2)
    assert not [row for row in run if row.settings in taken.values()]
    known = {trial: row for trial, row in after.rows.items() if trial.startswith("1-")}
    assert set(known) == {f"1-{trial}" for trial in taken} and len(known) + 12 == len(after.rows)
    for row in after.rows.values():
        if row.origin not in (None, row.trial):
            assert (row.score, row.status, row.settings) == (known[row.origin].score, "completed", known[row.origin].settings)
            assert row.ended is not None
    assert failed in [row.settings for row in run] or tuner != "grid"
    ranked = after.ranked()
    assert ranked[0].score == max(row.score for row in [*known.values(), *run])
    before_restart = facts(after)
    after.release()
    again = opened(narrow, tuner, 14, folder="2")
    assert facts(again) == before_restart and not again.done
    assert not [row for row in finish_all(again) if row.settings in taken.values()]


def test_a_kill_after_a_proposal_does_not_make_it_run_again(opened):
    """The proposal of what is known is in the journal, its result is not: as after a kill between the two."""
    before = opened(small, "random", 3)
    finish_all(before)
    after = opened(small, "random", 5, folder="2")
    assert after.fork(before.folder) == 3
    assert after.ask("a").trial == "0003"
    after.release()
    path = after.folder / files.JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["event"] for line in lines] == ["known"] * 3 + ["start", "end"] * 3 + ["start"]
    path.write_bytes(b"".join(lines[:8]))
    again = opened(small, "random", 5, folder="2")
    assert again.ask("a").trial == "0003" and again.rows["0002"].status == "completed"


def test_a_fork_of_a_fork_takes_all(opened):
    first = opened(small, "random", 4)
    finish_all(first)
    second = opened(small, "random", 6, folder="2")
    assert second.fork(first.folder) == 4
    finish_all(second)
    third = opened(small, "grid", folder="3")
    taken = third.fork(second.folder)
    settings = [row.settings for row in third.rows.values()]
    assert all(row.settings in settings for row in second.rows.values()) and taken >= 6
    assert not [row for row in finish_all(third) if row.settings in settings]


def test_a_bayesian_search_learns_from_what_it_is_forked_from(opened):
    """Enough is known for a model, so that nothing is drawn at random; the model is had back after a restart."""
    before = opened(endless, "random", 6)
    finish_all(before)
    after = opened(endless, "bayesian", 2, folder="2")
    assert after.fork(before.folder) == 6
    row = after.ask("a")
    assert row.values not in reference(ENDLESS, "random", 12)
    known = facts(after)
    after.release()
    assert facts(opened(endless, "bayesian", 2, folder="2")) == known


def test_a_fork_of_hyperband_knows_how_long_a_trial_ran(opened):
    before = opened(endless, "hyperband")
    finish_all(before)
    after = opened(endless, "hyperband", folder="2")
    assert after.fork(before.folder) == 23
    assert finish_all(after) == [] and after.exhausted
    assert facts(before).keys() == {trial for trial in after.rows if not trial.startswith("1-")}
    other = opened(endless, "random", 3, folder="3")
    other.fork(before.folder)
    short = {json.dumps(row.settings) for row in before.rows.values() if row.until < EPOCHS}
    assert json.dumps(other.space.recipe.settings()) in short
    assert other.ask("a").trial == "0000"  # known after 1 epoch is not known after 9


# The protocol.


@contextlib.contextmanager
def served(study):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=[("grpc.so_reuseport", 0)])
    servicer = Servicer(study)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, servicer
    finally:
        server.stop(None).wait()


def environment(port, worker="ann"):
    return {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port), "KERASTUNER_TUNER_ID": worker}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.fixture
def worker(monkeypatch):
    """`zoo.tune.worker`; importing it sets a variable, which must not reach other tests."""
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", ""))
    if not os.environ["KERAS_BACKEND"]:
        monkeypatch.delenv("KERAS_BACKEND")
    return importlib.import_module("zoo.tune.worker")


def test_kerastuners_own_client_can_ask(opened, monkeypatch):
    study = opened(endless, "random", 2)
    with served(study) as (port, servicer):
        for name, value in environment(port).items():
            monkeypatch.setenv(name, value)
        client = OracleClient(study.oracle)
        trial = client.create_trial("ann")
        assert (trial.status, trial.trial_id) == ("RUNNING", "0000")
        assert client.create_trial("ann").trial_id == "0000"
        assert (client.create_trial("bob").status, client.create_trial("bob").trial_id) == ("RUNNING", "0001")
        assert client.create_trial("cid").status == "IDLE" and not servicer.dismissed
        assert set(servicer.asked) == {"ann", "bob", "cid"}
        for row in study.rows.values():
            complete(study, row)
        assert client.create_trial("cid").status == "STOPPED" and servicer.dismissed == {"cid"}
        assert {hp.name for hp in client.get_space().space} == {"width", "rate"}


def test_our_worker_asks_reports_and_ends(opened, worker):
    study = opened(endless, "random", 2)
    with served(study) as (port, servicer):
        ann, bob = (worker._Chief(environment(port, name), 5.0) for name in ("ann", "bob"))
        assert ann.create_trial() == ("0000", "1")
        assert ann.update_trial("0000", 2, 0.5) and (study.rows["0000"].epochs, study.rows["0000"].so_far) == (2, 0.5)
        assert ann.update_trial("0000", 3, None) and study.rows["0000"].so_far is None
        assert not bob.update_trial("0000", 3, 0.9) and study.rows["0000"].so_far is None
        assert not ann.update_trial("0099", 1, 0.5)
        leave_result(study, study.rows["0000"])
        bob.end_trial("0000")
        assert study.rows["0000"].status == "running"
        ann.end_trial("0000")
        ann.end_trial("0000")
        assert study.rows["0000"].status == "completed" and study.rows["0000"].score == score_of(study.rows["0000"])
        assert bob.create_trial() == ("0001", "1")
        study.close()
        assert not bob.update_trial("0001", 1, 0.5)
        assert ann.create_trial() == (None, None) and servicer.dismissed == {"ann"} and servicer.failure is None


def test_a_chief_in_trouble_tells_so(opened, worker, capsys):
    study = opened(endless, "random", 2)
    (study.folder / files.TRIALS).write_text("not a folder")
    with served(study) as (port, servicer), pytest.raises(RunError, match="no chief answered at 127.0.0.1"):
        worker._Chief(environment(port), 2.0).create_trial()
    assert isinstance(servicer.failure, OSError)
    assert "waiting for the chief" in capsys.readouterr().out


def test_a_worker_waits_for_the_chief_a_bounded_time_and_says_so(worker, capsys):
    port, started = free_port(), time.monotonic()
    with pytest.raises(RunError) as error:
        worker._Chief(environment(port), 0.5).create_trial()
    assert 0.4 < time.monotonic() - started < 3
    assert f"no chief answered at 127.0.0.1:{port} for 0.5 s; start it with the same folder" in str(error.value)
    assert "\n" not in str(error.value)
    said = capsys.readouterr().out
    assert said.count("waiting for the chief") == 1 and f"at 127.0.0.1:{port}, for at most" in said


def test_an_address_in_use_is_refused(opened):
    study = opened(endless, "random", 2)
    before = content(study.folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for address in [f"127.0.0.1:{taken.getsockname()[1]}", "203.0.113.7:8000", "no.such.host.invalid:8000"]:
            with pytest.raises(UsageError) as refused:
                search(study, 0, 1, 1.0, address, lambda study: None)
            assert str(refused.value).startswith(f"cannot listen at {address}") and "\n" not in str(refused.value)
    assert content(study.folder) == before and study.ask("a").trial == "0000"


def test_two_chiefs_cannot_share_a_port(opened):
    first, second = opened(endless, "random", 2), opened(endless, "random", 2, folder="2")
    address, seen, errors = f"127.0.0.1:{free_port()}", threading.Event(), []

    def run():
        try:
            search(first, 0, 1, 1.0, address, lambda study: seen.set())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert seen.wait(10)
        with pytest.raises(UsageError, match=f"cannot listen at {address}"):
            search(second, 0, 1, 1.0, address, lambda study: None)
    finally:
        first.budget = 0.0
        thread.join(20)
    assert not thread.is_alive() and not errors and first.ask("a") == DONE


# What a command is, and what it shows.


def test_roles():
    chief = environment(8000, "chief-0")
    assert roles.role({}) is None and roles.role({"KERASTUNER_TUNER_ID": ""}) is None
    assert roles.role(chief) == roles.CHIEF and roles.role(environment(8000, "worker-1")) == roles.WORKER
    assert roles.address_of({}) == "127.0.0.1:0" and roles.address_of(chief) == "127.0.0.1:8000"
    for port in ["0", "65536", "http", "-1", "8000 "]:
        with pytest.raises(UsageError, match="KERASTUNER_ORACLE_PORT is .*; expected a port from 1 to 65535"):
            roles.role({**chief, "KERASTUNER_ORACLE_PORT": port})
    for missing in chief:
        with pytest.raises(UsageError, match=f"and {missing} is not; set all three, or none"):
            roles.role({name: value for name, value in chief.items() if name != missing})


def test_a_digit_that_is_no_number_is_no_port():
    with pytest.raises(UsageError, match="expected a port from 1 to 65535"):
        roles.role(environment("²"))


@hypothesis.settings(deadline=None)
@hypothesis.given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_times_are_read(hours, minutes, seconds):
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number]
    total = 3600 * hours + 60 * minutes + seconds
    if total:
        assert parse_duration("".join(parts), "--budget") == total
    shown = screen.duration(total)
    assert shown == "0s" or abs(parse_duration(shown.replace(" ", ""), "x") - total) <= (60 if total >= 3600 else 0)


@hypothesis.settings(deadline=None)
@hypothesis.given(st.text(alphabet="0123456789hms. -e", max_size=8))
def test_a_time_is_above_zero_or_refused(text):
    try:
        assert parse_duration(text, "--budget") > 0
    except UsageError as error:
        assert f"got --budget {text}; expected a time above zero, such as 90s, 20m or 2h." == str(error)


def test_times_that_are_none():
    assert parse_duration(" 1.5h ", "x") == 5400
    for text in ["", "0s", "0h0m", "10", "m", "5s3m", "1h 30m", "-5m", "1e3s", "nan", "infs", "5M"]:
        with pytest.raises(UsageError, match="expected a time above zero"):
            parse_duration(text, "--budget")
    assert [screen.duration(seconds) for seconds in (0.4, 59.4, 59.5, 3599.4, 3599.6, 360000)] == [
        *("0s", "59s", "1m 00s", "59m 59s", "1h 00m", "100h 00m")
    ]


def printed(shown, width=60):
    console = rich.console.Console(width=width, file=io.StringIO(), color_system=None)
    console.print(shown)
    return console.file.getvalue()


def test_tables_fit_and_show_what_differs(opened):
    study = opened(space_of(small, (), ["rate=1e-4:1e-1:log"]), "random", 40, budget=90.0, clock=lambda: 0.0)
    for number in range(12):
        (fail if number == 2 else complete)(study, study.ask("a"))
    running = study.ask("a")
    study.told(running.trial, "a", 3, 0.123456)
    text = printed(screen.live_table(study, 8))
    assert all(len(line) <= 60 for line in text.splitlines())
    assert re.search(r"12 of 40 trials, 1 failed, \d+s of 1m 30s", " ".join(text.split()))
    assert f"{running.trial}   running" in text and "0.12346" in text and "3 of 9" in text
    best = [row.trial for row in study.ranked()]
    assert [trial for trial in best if f"\n{trial}" in text] == best[:7]
    whole = printed(screen.trial_table(study, list(study.rows.values())), 200)
    assert "the recipe's own" in whole.splitlines()[1]
    for row, line in zip(study.rows.values(), whole.splitlines()[1:]):
        own = study.space.recipe.settings()
        for key in ("width", "dropout", "rule", "rate"):
            assert (f"{key}={row.settings[key]}" in line.split()) == (row.settings[key] != own[key])
    assert screen.live_table(opened(nine, "grid", folder="2"), 1).row_count == 0


@pytest.mark.parametrize("width", [10, 30, 60])
@pytest.mark.parametrize("terminal", [False, True])
def test_the_screen_shows_each_ended_trial_once(opened, width, terminal):
    study = opened(endless, "random", 4)
    complete(study, study.ask("a"))
    console = rich.console.Console(width=width, height=20, file=io.StringIO(), force_terminal=terminal, markup=False)
    with screen.Screen(console) as show:
        show(study)
        complete(study, study.ask("a"))
        fail(study, study.ask("a"), reason="[bold]out of memory[/nope]")
        for _ in range(3):
            show(study)
    if not terminal:
        lines = console.file.getvalue().splitlines()
        assert [line[:4] for line in lines] == ["0001", "0002"]
        assert "val_accuracy" in lines[0] and "width=" in lines[0] and "out of memory" in lines[1]


# Refusals before anything is trained.


@pytest.fixture(scope="module")
def digits_print():
    recipe = recipes.find(NAME)
    return recipe.load_data({"data": "digits"}).fingerprint()


@pytest.fixture
def there(tmp_path, digits_print):
    """A study of mnist_cnn on digits with a trial, and the folder of the models."""
    space = Space(NAME, recipes.find(NAME), ["data=digits"])
    folder = files.studies_folder(NAME, tmp_path) / "1"
    made = {**definition_of(space, "random"), "backend": "tensorflow"}
    made["fingerprint"] = fingerprint(space, "random", 1, digits_print, "tensorflow")
    write_json(folder / files.STUDY, made)
    study = Study(folder, space, made, 20)
    complete(study, study.ask("a"))
    study.close()
    study.release()
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "1 is there; go on with it by --resume, or begin another by --new."),
        ({"changes": ["dropout=0.2:0.5"], "resume": True}, "space dropout was 0.2 to 0.7, in steps of 0.1, is 0.2 to 0.5. Give"),
        ({"overrides": ["data=digits", "shift=0.0"], "resume": True}, "space shift is gone; settings shift is new. Give"),
        ({"tuner": "grid"}, "search tuner was random, is grid. Give its own to --resume it; --fork begins another study"),
        ({"executions": 2, "fork": True}, "is comparable: search executions was 1, is 2. Begin without it, by --new."),
        ({"study": "7", "resume": True}, "there is no study 7 in"),
        ({"study": "1", "new": True}, "1 exists; give a new one another name."),
        ({"study": "../1"}, "got --study '../1'; expected letters, digits"),
        ({"changes": ["dropout=0.45:0.55:log"], "fork": True}, "lies in the new space; begin without it, by --new."),
        ({"changes": ["depth=1:2"], "resume": True}, "--space names 'depth', which is not a setting"),
        ({"address": "203.0.113.7:80", "new": True}, "cannot listen at 203.0.113.7:80"),
    ],
)
def test_a_refused_search_leaves_everything_as_it_was(there, changed, message):
    before = content(there)
    with pytest.raises(UsageError) as refused:
        tune(NAME, **{"overrides": ["data=digits"], "tuner": "random", "folder": there, **changed})
    assert message in str(refused.value) and "\n" not in str(refused.value)
    assert content(there) == before
    assert [path.name for path in files.studies_folder(NAME, there).iterdir()] == ["1"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resume": True, "new": True}, "give one of --resume, --new and --fork."),
        ({"resume": True, "fork": True}, "give one of --resume, --new and --fork."),
        ({"new": True, "fork": True}, "give one of --resume, --new and --fork."),
        ({"tuner": "gird"}, "there is no tuner 'gird'; did you mean 'grid'? The tuners are hyperband, bayesian, random, grid."),
        ({"max_trials": 0}, "got --max-trials 0; expected at least 1."),
        ({"workers": 0}, "got --workers 0; expected at least 1."),
        ({"workers": -1, "address": "127.0.0.1:8000"}, "got --workers -1; expected at least 0."),
        ({"executions": 0}, "got --executions 0"),
        ({"threads": 0}, "got --threads 0"),
        ({"budget": 0.0}, "got a budget of 0 s; expected more than zero."),
        ({"name": "mnist_cmm"}, "there is no network 'mnist_cmm'; did you mean 'mnist_cnn'?"),
    ],
)
def test_numbers_and_choices_that_make_no_search(tmp_path, options, message):
    with pytest.raises(UsageError) as refused:
        tune(**{"name": NAME, "folder": tmp_path / "models", **options})
    assert message in str(refused.value) and not (tmp_path / "models").exists()


def test_which_study_is_run(tmp_path):
    space = ENDLESS
    now = fingerprint(space, "random", 1, THE_DATA, "tensorflow")
    other = fingerprint(space_of(endless, (), ["width=1:3"]), "random", 1, THE_DATA, "tensorflow")
    elsewhere = fingerprint(space, "random", 1, {"train": "others"}, "tensorflow")

    def choose(study=None, made=now, **options):
        return _choose(tmp_path, study, made, *(options.get(name, False) for name in ("resume", "new", "fork")))

    assert choose() == (tmp_path / "1", None) and choose("mine") == (tmp_path / "mine", None)
    for option in ("resume", "fork"):
        with pytest.raises(UsageError, match=f"there is no study in .*; begin one without --{option}."):
            choose(**{option: True})
    for time_, name in enumerate(["1", "old", "2"]):
        write_json(tmp_path / name / files.STUDY, {"format": 1, "fingerprint": other if name == "old" else now})
        os.utime(tmp_path / name / files.STUDY, (time_, time_))
    assert choose(resume=True) == (tmp_path / "2", None) and choose("1", resume=True) == (tmp_path / "1", None)
    assert choose(new=True) == (tmp_path / "3", None) and choose("mine", new=True) == (tmp_path / "mine", None)
    assert choose("mine") == (tmp_path / "mine", None)
    assert choose(fork=True) == (tmp_path / "3", tmp_path / "2") and choose("old", fork=True) == (
        tmp_path / "3",
        tmp_path / "old",
    )
    with pytest.raises(UsageError, match="old was made with something else: space width was 1 to 3, is 1 to 64. Give its own"):
        choose("old", resume=True)
    with pytest.raises(UsageError, match="no trial of .*2 is comparable: data digits, train has changed. Begin without it"):
        choose(made=elsewhere, fork=True)
    with pytest.raises(UsageError, match="it holds 1, old, 2"):
        choose("mine", resume=True)
    (tmp_path / "2" / files.STUDY).write_text('{"format": 3}')
    for options in ({}, {"resume": True}, {"fork": True}):
        with pytest.raises(UsageError, match="is of another version"):
            choose("2", **options)
    assert choose(new=True) == (tmp_path / "3", None)


def test_a_study_that_was_done_is_summed_up_without_a_worker(there):
    """Resumed with no trial to run; nothing of it is lost, and the winner is told."""
    journal = (there / NAME / "tune/1" / files.JOURNAL).read_bytes()
    shown = []
    study = tune(NAME, ["data=digits"], tuner="random", max_trials=1, resume=True, folder=there, show=shown.append)
    assert not shown and (study.folder / files.JOURNAL).read_bytes() == journal
    assert study.ranked()[0].settings == recipes.find(NAME).settings(["data=digits"])
    assert {files.BEST, files.TABLE, files.REPORT} <= {path.name for path in study.folder.iterdir()}
