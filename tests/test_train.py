"""Training runs: what they leave, that they go on where they stopped, and that no failure costs what was whole."""

import contextlib
import csv
import dataclasses
import importlib.metadata
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from disk import small_disk
from processes import read_until

import zoo
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.data import Part
from zoo.errors import RunError, UsageError
from zoo.files import sha256, written_beside
from zoo.prediction import predict
from zoo.recipe import Target
from zoo.training.evaluate import evaluate, interval, wilson_interval
from zoo.training.loop import train

NAME = "stacked_autoencoder"
TINY = ["data=digits", "units=(8,)", "epochs=3", "batch_size=250"]
PICTURE = pathlib.Path(__file__).parent.parent / "examples/three.png"


def run(folder, *overrides, **arguments):
    return train(NAME, [*TINY, *overrides], folder=folder, verbose=0, **arguments)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@contextlib.contextmanager
def changed_recipe(name, **changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"zoo.recipes.{name}.recipe", dataclasses.replace(recipes.find(name), **changes))
        yield


def interrupt(folder, name, overrides, epoch=2):
    """Trains until Ctrl-C arrives at the end of an epoch, before anything of it is on disk."""
    epochs = iter(range(1, epoch + 1))

    def measure(model, part, contract):
        if next(epochs) == epoch:
            raise KeyboardInterrupt
        return {}

    with changed_recipe(name, measure=measure), pytest.raises(KeyboardInterrupt):
        train(name, overrides, folder=folder, verbose=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    run(folder, command="zoo train it")
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    return pathlib.Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unfinished")
    interrupt(folder, NAME, TINY)
    return folder


@pytest.fixture
def stopped(unfinished, tmp_path):
    return pathlib.Path(shutil.copytree(unfinished, tmp_path / "stopped"))


def test_a_run_leaves_five_files_and_nothing_else(trained):
    assert sorted(files(trained)) == sorted(
        f"{NAME}/{file}" for file in ("card.json", "contract.json", saved.EXAMPLES, "history.csv", saved.WEIGHTS)
    )
    assert [path.name for path in trained.iterdir()] == [NAME] and not (trained / NAME / "unfinished").exists()


def test_the_card_holds_what_made_the_weights(trained):
    card = saved.read_card(trained / NAME)
    digits = recipes.find(NAME).load_data({"data": "digits"})
    assert card["settings"] == json.loads(json.dumps(recipes.find(NAME).settings(TINY)))
    assert card["settings"]["seed"] == 0 and card["score"]["note"] == "one seed"
    assert card["score"]["test"] == card["scores"]["test"]["mse"] == card["score"]["mean"] == card["score"]["seeds"]["0"]
    assert card["score"]["passed"] is None and card["target"] is None, "the target holds for the recipe's own data only"
    assert card["data"]["fingerprint"] == digits.fingerprint()
    assert card["data"]["licence"] == "CC BY 4.0"
    assert card["data"]["examples"] == {"train": 1257, "validation": 180, "test": 360}
    assert card["versions"]["keras"] == importlib.metadata.version("keras")
    assert {"numpy", "python"} < set(card["versions"])
    assert 0 < card["wall_seconds"]["0"] < 600
    assert card["command"] == "zoo train it"
    assert card["weights"]["sha256"] == sha256(trained / NAME / saved.WEIGHTS)
    assert card["weights"]["count"] == zoo.load(NAME, trained).count_params()


def test_the_best_epoch_on_validation_is_kept(tmp_path):
    card = run(tmp_path, "epochs=6", "learning_rate=0.2", "schedule=constant")
    with open(tmp_path / NAME / saved.HISTORY, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4", "5", "6"] and card["epochs"]["done"] == 6
    best = min(rows, key=lambda row: float(row["val_mse"]))
    assert card["epochs"]["best"] == int(best["epoch"])
    # The weights are stored in half precision, where that leaves these digits.
    assert f"{evaluate(NAME, tmp_path, 'validation')['mse']:.4g}" == f"{float(best['val_mse']):.4g}"


def test_of_epochs_with_the_same_score_that_of_the_lowest_loss_is_kept(tmp_path):
    card = train("xo_convnet", ["epochs=12"], folder=tmp_path, verbose=0)
    with open(tmp_path / "xo_convnet" / saved.HISTORY, newline="") as file:
        rows = list(csv.DictReader(file))
    highest = max(float(row["val_accuracy"]) for row in rows)
    equals = [row for row in rows if float(row["val_accuracy"]) == highest]
    assert len(equals) > 1, "there is something to choose from"
    best = min(equals, key=lambda row: float(row["val_loss"]))
    assert card["epochs"]["best"] == int(best["epoch"]) != int(equals[0]["epoch"])


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_evaluation_counts_every_example(trained, part):
    images = getattr(datasets.digits.load(), part).inputs["image"]
    by_hand = np.mean((zoo.load(NAME, trained).predict(images, verbose=0) - images) ** 2, dtype="float64")
    assert evaluate(NAME, trained, part)["mse"] == pytest.approx(by_hand, rel=1e-5)


def test_evaluation_gives_the_number_of_the_card(trained):
    assert f"{evaluate(NAME, trained)['mse']:.4g}" == f"{saved.read_card(trained / NAME)['score']['test']:.4g}"


def test_the_weights_load_into_the_bare_builder(trained):
    model = zoo.stacked_autoencoder(units=(8,))
    model.load_weights(trained / NAME / saved.WEIGHTS)
    image = datasets.digits.load().test.inputs["image"][:2]
    np.testing.assert_array_equal(model(image), zoo.load(NAME, trained)(image))


def test_packaged_weights_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = next(saved.packaged_folder().glob("*/card.json")).parent.name
    assert saved.find_saved(name) == saved.packaged_folder() / name
    assert zoo.load(name).count_params() == saved.read_card(saved.packaged_folder() / name)["weights"]["count"]


def test_weights_here_come_before_the_packaged_ones(copy, monkeypatch):
    monkeypatch.chdir(copy.parent)
    copy.rename("saved_models")
    assert zoo.load(NAME).count_params() == saved.read_card(pathlib.Path("saved_models") / NAME)["weights"]["count"] == 7064


@pytest.mark.slow
def test_two_seeds_are_two_single_runs_of_which_the_better_on_validation_is_kept(trained, tmp_path):
    both, other = run(tmp_path / "both", seeds=2), run(tmp_path / "other", "seed=1")
    single = [saved.read_card(trained / NAME), other]
    tests = [card["score"]["test"] for card in single]
    assert both["score"]["seeds"] == {"0": tests[0], "1": tests[1]} and tests[0] != tests[1]
    assert both["score"]["mean"] == statistics.mean(tests) and both["score"]["deviation"] == statistics.stdev(tests)
    better = min(single, key=lambda card: card["scores"]["validation"]["mse"])
    assert both["scores"] == better["scores"]
    assert both["score"]["test"] == better["score"]["test"]
    assert both["settings"] == better["settings"]
    assert both["weights"]["sha256"] == better["weights"]["sha256"] == sha256(tmp_path / "both" / NAME / saved.WEIGHTS)
    assert set(both["wall_seconds"]) == {"0", "1"}


@pytest.mark.slow
def test_a_run_killed_within_an_epoch_goes_on_to_the_very_same_weights(zoo, tmp_path):
    """With dropout and augmentation, whose random numbers have to go on as well; while it runs, nobody else trains there."""
    folder, settings = tmp_path / "killed", ["data=digits", "filters=(2, 2)", "epochs=3", "batch_size=10"]
    # Not by the command line, which tells no batches in a pipe.
    code = f"from zoo.training.loop import train; train('mnist_cnn', {settings}, {str(folder)!r}, verbose=1)"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        read_until(process, rb"Epoch 2/3.*20/126")
        process.send_signal(signal.SIGSTOP)  # so that it is still there, in the middle of its epoch, when the others come
        for way in ("--resume", "--overwrite"):
            code, _, error = zoo(f"train mnist_cnn data=digits 'filters=(2, 2)' epochs=3 batch_size=10 --folder {folder} {way}")
            assert code == 2 and re.fullmatch(r"zoo: another process is training in \S*; wait for it, or [^\n]*\n", error)
        process.kill()
    progress = folder / "mnist_cnn/unfinished/seed-0/progress.json"
    assert json.loads(progress.read_text())["epochs_done"] == 1
    resumed = train("mnist_cnn", settings, folder=folder, resume=True, verbose=0)
    whole = train("mnist_cnn", settings, folder=tmp_path / "whole", verbose=0)
    weights = [(tmp_path / folder / "mnist_cnn" / saved.WEIGHTS).read_bytes() for folder in ("killed", "whole")]
    assert weights[0] == weights[1]
    assert resumed["scores"] == whole["scores"] and resumed["epochs"] == whole["epochs"]
    assert len(files(folder)) == 5


@pytest.mark.parametrize("schedule", ["cosine", pytest.param("constant", marks=pytest.mark.slow)])
def test_an_interrupted_run_goes_on_to_the_very_same_weights(schedule, trained, tmp_path):
    interrupt(tmp_path / "resumed", NAME, [*TINY, f"schedule={schedule}"])
    assert not (tmp_path / "resumed" / NAME / saved.CARD).exists()
    resumed = run(tmp_path / "resumed", f"schedule={schedule}", resume=True)
    whole = saved.read_card(trained / NAME) if schedule == "cosine" else run(tmp_path / "whole", f"schedule={schedule}")
    assert resumed["weights"]["sha256"] == whole["weights"]["sha256"]
    assert resumed["scores"] == whole["scores"]


def test_resume_refuses_other_settings_and_other_data(stopped, monkeypatch):
    before = files(stopped)
    with pytest.raises(UsageError, match="learning_rate was 0.001, is 0.002"):
        run(stopped, "learning_rate=0.002", resume=True)
    digits = datasets.digits.load()
    monkeypatch.setattr(datasets.digits, "load", lambda: dataclasses.replace(digits, test=digits.test.head(300)))
    with pytest.raises(UsageError, match="other data"):
        run(stopped, resume=True)
    assert files(stopped) == before


def test_resume_needs_an_unfinished_run(copy, tmp_path):
    for folder in (copy, tmp_path / "empty"):
        with pytest.raises(UsageError, match="no unfinished run"):
            run(folder, resume=True)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"settings": 3}', "\x00"])
def test_damaged_progress_is_refused(stopped, text):
    (stopped / NAME / "unfinished/seed-0/progress.json").write_text(text)
    with pytest.raises(UsageError, match=r"progress\.json is damaged.*--overwrite"):
        run(stopped, resume=True)


def test_damaged_weights_of_an_unfinished_run_are_refused(stopped):
    last = stopped / NAME / "unfinished/seed-0/epoch-0001.weights.h5"
    for damage in (lambda: last.write_bytes(last.read_bytes()[:1000]), last.unlink):
        damage()
        with pytest.raises(UsageError, match=r"epoch-0001\.weights\.h5 holds no weights"):
            run(stopped, resume=True)


def test_nothing_is_overwritten_unasked(copy, stopped):
    for folder, message in ((copy, "holds a finished result"), (stopped, "holds an unfinished run")):
        before = files(folder)
        with pytest.raises(UsageError, match=f"{message}.*--overwrite"):
            run(folder)
        assert files(folder) == before


@pytest.mark.slow
def test_overwrite_keeps_the_old_result_until_the_new_one_is_whole(copy):
    before = files(copy)
    interrupt_overwriting = changed_recipe(NAME, measure=lambda model, part, contract: 1 / 0)
    with interrupt_overwriting, pytest.raises(ZeroDivisionError):
        run(copy, overwrite=True)
    with pytest.raises(RunError):
        run(copy, "learning_rate=1e30", overwrite=True)
    assert {path: content for path, content in files(copy).items() if "unfinished" not in path} == before
    assert zoo.load(NAME, copy)
    card = run(copy, "seed=5", overwrite=True)
    assert set(files(copy)) == set(before)
    assert files(copy)[f"{NAME}/{saved.WEIGHTS}"] != before[f"{NAME}/{saved.WEIGHTS}"]
    assert saved.read_card(copy / NAME) == json.loads(json.dumps(card)) and card["settings"]["seed"] == 5


def test_a_loss_that_is_no_number_stops_the_run_at_once(tmp_path):
    with pytest.raises(RunError, match="the loss is (nan|inf) in epoch 1; there are no weights yet. Try a smaller learning_rate"):
        run(tmp_path, "learning_rate=1e30")
    assert files(tmp_path) == {}


def test_the_best_weights_before_the_loss_was_no_number_are_left(tmp_path):
    """One step an epoch, so large that what the second one leads to cannot be computed any more."""
    with pytest.raises(RunError, match=r"the loss is (nan|inf) in epoch \d+; the best weights so far are (.*)\. Try") as error:
        run(tmp_path, "batch_size=1257", "learning_rate=1e7", "schedule=constant", "epochs=9")
    best = re.search(r"so far are (.*)\. Try", str(error.value))[1]
    model = zoo.stacked_autoencoder(units=(8,))
    model.load_weights(best)
    assert all(np.isfinite(weight).all() for weight in model.weights)


def test_a_run_whose_target_was_never_finite_is_not_gone_on_with(tmp_path):
    nowhere = Target("somewhere", at_most=1.0)
    with changed_recipe(NAME, target=nowhere, measure=lambda answers, part, contract: {"somewhere": float("nan")}):
        with pytest.raises(RunError, match="somewhere was finite in no epoch; try a smaller learning_rate"):
            run(tmp_path, "epochs=1")
        with pytest.raises(UsageError, match="is over, and somewhere was finite in no epoch; start over with --overwrite"):
            run(tmp_path, "epochs=1", resume=True)


@pytest.fixture
def digits_for_mnist(monkeypatch):
    monkeypatch.setattr(datasets.mnist, "load", datasets.digits.load)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "mnist_cnn",
            "mnist_multitask",
            "'mnist_multitask' has the inputs .'image'., and the network needs classes; use data=mnist",
        ),
        ("tdnn", "mnist_multitask", "the network needs classes; use data=mnist"),
        ("multitask_mlp", "digits", "the outputs above_four, digit, parity, and the data have one target without a name; use"),
    ],
)
def test_data_without_what_the_network_is_trained_on_are_refused(name, data, message, digits_for_mnist, tmp_path):
    with pytest.raises(UsageError, match=message):
        train(name, [f"data={data}", "epochs=1"], folder=tmp_path)
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("numpy", "zoo: Keras runs on numpy; set KERAS_BACKEND to tensorflow or jax.\n"),
        ("nothing", "zoo: Keras cannot start (Unable to import backend : nothing); set KERAS_BACKEND to tensorflow or jax, and"),
    ],
)
@pytest.mark.slow
def test_a_backend_that_cannot_train_is_named(backend, message, tmp_path):
    command = [
        sys.executable,
        "-c",
        "from zoo.cli import main; main()",
        "train",
        "mnist_cnn",
        "data=digits",
        "--folder",
        tmp_path,
    ]
    ended = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, capture_output=True, text=True)
    assert ended.returncode == 2 and ended.stderr.startswith(message) and ended.stderr.count("\n") == 1
    assert files(tmp_path) == {}


@pytest.mark.slow
@pytest.mark.parametrize("size", ["64k", "128k", "270k"])
def test_a_full_disk_ends_the_run_in_one_line_and_with_room_it_goes_on(size, trained, tmp_path):
    """The first weights do not fit, or the best of the first epoch, or those of the second one."""
    with small_disk(tmp_path, size):
        with pytest.raises(RunError, match=r"^[^\n]*No space left on device[^\n]*--resume\.$"):
            run(tmp_path)
        assert not [path for path in files(tmp_path) if "partial" in path]
        subprocess.run(["mount", "-o", "remount,size=2m", str(tmp_path)], check=True)
        assert run(tmp_path, resume=True)["scores"] == saved.read_card(trained / NAME)["scores"]
        assert len(files(tmp_path)) == 5


@pytest.mark.slow
def test_a_file_that_cannot_grow_ends_the_run_and_leaves_the_old_result(copy):
    before = files(copy)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with pytest.raises(RunError, match=r"^[^\n]*File too large[^\n]*--resume\.$"):
            run(copy, "seed=3", overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert {path: content for path, content in files(copy).items() if "unfinished" not in path} == before
    assert run(copy, "seed=3", resume=True)["settings"]["seed"] == 3


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="give another --folder"):
        run(tmp_path / "file")
    assert files(tmp_path) == {"file": b""}


USES = {
    "load": lambda folder: zoo.load(NAME, folder),
    "evaluate": lambda folder: evaluate(NAME, folder),
    "predict": lambda folder: predict(NAME, str(PICTURE), folder=folder),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("card.json", "{"),
        ("card.json", "[]"),
        ("card.json", "{}"),
        ("card.json", b"\xff"),
        ("contract.json", ""),
        ("contract.json", "[]"),
        ("contract.json", "{}"),
        ("contract.json", '{"inputs": [], "classes": null}'),
        ("contract.json", '{"inputs": {"image": 3}, "classes": null}'),
        ("contract.json", None),
        (saved.WEIGHTS, None),
        (saved.WEIGHTS, "not those of the card"),
    ],
)
def test_damaged_files_are_refused(copy, use, file, content):
    path = copy / NAME / file
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=rf"{re.escape(file)}.*train again with --overwrite") as error:
        use(copy)
    assert "\n" not in str(error.value)


def test_weights_of_another_network_are_refused(copy):
    weights, card = copy / NAME / saved.WEIGHTS, copy / NAME / saved.CARD
    zoo.stacked_autoencoder(units=(9,)).save_weights(weights)
    content = json.loads(card.read_text())
    change(card, weights={**content["weights"], "sha256": sha256(weights)})
    with pytest.raises(UsageError, match="holds no weights of this network"):
        zoo.load(NAME, copy)


@pytest.mark.parametrize("settings", [{"units": "wide"}, {"units": [8], "layers": 3}])
def test_a_card_with_settings_that_the_recipe_has_not_is_refused(copy, settings):
    change(copy / NAME / saved.CARD, settings=settings)
    with pytest.raises(UsageError, match=r"card\.json does not fit the recipe"):
        zoo.load(NAME, copy)


def test_evaluation_refuses_data_that_changed_since(trained, monkeypatch):
    digits = datasets.digits.load()
    digits.test.inputs["image"][0, 14, 14] = 0.125
    monkeypatch.setattr(datasets.digits, "load", lambda: digits)
    with pytest.raises(UsageError, match="fingerprint differs"):
        evaluate(NAME, trained)


def test_what_was_never_trained_is_named_with_the_command(tmp_path):
    with pytest.raises(UsageError, match=f"no trained weights in .*zoo train {NAME}"):
        zoo.load(NAME, tmp_path)


def test_a_file_written_beside_is_whole_or_the_old_one(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_beside(path) as partial:
        partial.write_text("half")
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert files(tmp_path) == {"file": b"old"}
    with written_beside(path) as partial:
        partial.write_text("new")
    assert files(tmp_path) == {"file": b"new"}


def test_seeds_below_one_are_refused(tmp_path):
    with pytest.raises(UsageError, match="--seeds 0; expected at least 1"):
        run(tmp_path, seeds=0)
    assert files(tmp_path) == {}


@pytest.mark.parametrize(("right", "count"), [(0, 7), (7, 7), (871, 1000), (1, 3), (9959, 10000)])
def test_the_interval_is_wilsons(right, count):
    expected = scipy.stats.binomtest(right, count).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(right / count, count), [expected.low, expected.high], atol=1e-6)


def test_a_mean_of_accuracies_has_no_interval(digits_for_mnist):
    """Three answers to the same picture are not three independent trials, nor are the places of a sequence."""
    part = datasets.mnist_multitask.load().test
    assert interval("accuracy", 0.9, zoo.multitask_mlp(), part) is None
    assert interval("accuracy", 0.9, zoo.multitask_mlp(tasks={"digit": 10}), part) == wilson_interval(0.9, len(part))
    sequences = Part({"source": np.zeros((5, 3))}, np.zeros((5, 3)))
    assert interval("accuracy", 0.9, zoo.softmax_regression(), sequences) is None
    assert interval("exact", 0.9, zoo.softmax_regression(), sequences) is None


def test_scores_that_are_shares_of_examples_have_an_interval(tmp_path):
    card = train("perceptron", ["epochs=1", "batch_size=100"], folder=tmp_path, verbose=0)
    low, high = card["score"]["interval"]
    assert low < card["score"]["test"] <= high and 0 < high - low < 0.1
    error = train("adaline", ["epochs=1", "batch_size=100"], folder=tmp_path, verbose=0)
    assert error["score"]["metric"] == "squared_error" and error["score"]["interval"] is None
