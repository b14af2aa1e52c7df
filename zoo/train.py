"""Runs a recipe: fit, keep the best epoch, resume where a run stopped, write the card."""

import csv
import datetime
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import time

import keras

from zoo import recipe as recipes
from zoo import saved
from zoo.data.batches import Batches
from zoo.endpoints import default_endpoint
from zoo.errors import RunError, UsageError
from zoo.execution import choose_execution
from zoo.files import sha256, write_json, written_beside
from zoo.optimizers import scheduled
from zoo.transfer import Transfer, phases

UNFINISHED = "unfinished"
PROGRESS = "progress.json"
EVALUATION_BATCH = 250
ANSWERING_BATCH = 100  # a beam of five makes five of each


def train(
    name,
    overrides=(),
    folder=saved.DEFAULT_FOLDER,
    seeds=1,
    resume=False,
    overwrite=False,
    command=None,
    verbose="auto",
    source=None,
):
    """Trains a network by its recipe and saves it in `folder/name`.

    The best epoch is chosen by the recipe's target on the validation part, of equals by the loss there; the test part is looked
    at once, at the end. Every epoch is kept on disk, so that a run that was killed goes on with `resume` to the same weights.

    Args:
        name: Name of the recipe.
        overrides: Settings as texts `key=value`.
        folder: The folder of saved models.
        seeds: Number of runs, with the seeds `seed`, `seed + 1` and so on. The weights of the best one on validation are kept;
            the card tells the test score of each, their mean and deviation.
        resume: Whether to go on with an unfinished run.
        overwrite: Whether a finished or unfinished result may be replaced. The old one stays until the new one is whole.
        command: The command line, for the card.
        verbose: Of `keras.Model.fit`.
        source: A folder of saved models with this network, trained on other data: its weights are where all layers but the head
            begin. The head learns alone for a quarter of the epochs, then everything at a tenth of the learning rate.

    Returns:
        The card, a dictionary.

    Raises:
        UsageError: If something that came in cannot be used; nothing was written then.
        RunError: If the loss is no longer finite, or a file cannot be written; the best weights so far are left.
    """
    recipe = recipes.find(name)
    settings = recipe.settings(overrides)
    if seeds < 1:
        raise UsageError(f"got --seeds {seeds}; expected at least 1.")
    result = pathlib.Path(folder) / name
    unfinished = result / UNFINISHED
    _check_result_folder(result, resume, overwrite)
    transfer = None if source is None else Transfer(name, source)
    data = recipe.load_data(settings)
    fingerprint = data.fingerprint()
    model = recipe.build_model(settings, data.contract)  # before anything is written: it says what cannot be built
    if transfer is not None:
        phases(settings)
        transfer(model)
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{_os_error(error)}; give another --folder.") from error
    try:
        if not resume:
            shutil.rmtree(unfinished, ignore_errors=True)
        runs = []
        for seed in range(settings["seed"], settings["seed"] + seeds):
            run_folder = unfinished / f"seed-{seed}"
            run_folder.mkdir(parents=True, exist_ok=True)
            seeded = {**settings, "seed": seed}
            runs.append(_scored(recipe, seeded, data, fingerprint, run_folder, verbose, transfer))
        best = runs[0]
        for run in runs[1:]:
            if recipe.target.better(run["best_value"], best["best_value"]):
                best = run
        card = _card(name, recipe, settings, data, fingerprint, runs, best, command)
        if transfer is not None:
            card["from"] = {"data": transfer.card["data"], "weights": transfer.card["weights"]}
        _keep(result, unfinished / f"seed-{best['seed']}", best, card, data.contract)
    except OSError as error:
        raise RunError(f"{_os_error(error)}; what was done is in {unfinished}, go on with --resume.") from error
    return card


def evaluate(name, folder=None, part="test"):
    """The scores of a trained network on one part of the data that it was trained on.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models; None as in `zoo.load`.
        part: "test", "validation" or "train".

    Returns:
        {metric: value}.

    Raises:
        UsageError: If the network or its data cannot be loaded, or the data are not those that it was trained on.
    """
    found = saved.find_saved(name, folder)
    card, recipe = saved.read_card(found), recipes.find(name)
    model = saved.load(name, folder)
    data = recipe.load_data({**recipe.defaults(), **card["settings"]})
    if data.fingerprint() != card["data"]["fingerprint"]:
        raise UsageError(
            f"the data set {card['settings']['data']} is not the one that {found / saved.CARD} was made with (its fingerprint "
            "differs); a score on it would not be comparable."
        )
    return scores(recipe, model, getattr(data, part), data.contract)


def scores(recipe, model, part, contract):
    """Every Keras metric of the model on a part, and what the recipe measures beyond them.

    Returns:
        {metric: value}.
    """
    values = model.evaluate(Batches(part, contract, EVALUATION_BATCH, outputs=model.output_names), return_dict=True, verbose=0)
    values.update(measured(recipe, default_endpoint(recipe, model, contract), part, contract))
    if recipe.estimate is not None:
        values.update(recipe.estimate(model, part, contract))
    return {metric: float(value) for metric, value in values.items()}


def measured(recipe, endpoint, part, contract):
    """What the recipe measures of the answers to a part, {name: number}; empty for a recipe of Keras metrics only."""
    if recipe.measure is None:
        return {}
    return recipe.measure(endpoint.predict(part.inputs, ANSWERING_BATCH), part, contract)


def wilson_interval(share, count):
    """Where the true share of right answers lies, with 95 % confidence (Wilson 1927).

    Args:
        share: The share of right answers among those that were counted, from 0 to 1.
        count: Number of examples.

    Returns:
        [low, high].

    Example:
        >>> [round(bound, 4) for bound in wilson_interval(0.9, 1000)]
        [0.8798, 0.9171]
    """
    z = 1.959964
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return [middle - half, middle + half]


class EpochKeeper(keras.callbacks.Callback):
    """Orders the batches of each epoch, measures it, and keeps the last and the best one on disk.

    The files of an epoch are written under its number; one rename of progress.json then makes them count, so that a run killed at
    any moment has a whole epoch to go on from.

    Args:
        recipe: The `Recipe`.
        data: Its `Data`.
        batches: The training `Batches`.
        folder: The folder of the run.
        progress: What progress.json holds.
        verdict: A second model of the same settings, without an optimizer's state: what is saved of the best epoch.
        endpoint: The default endpoint of the model that is trained.
    """

    def __init__(self, recipe, data, batches, folder, progress, verdict, endpoint):
        super().__init__()
        self.endpoint = endpoint
        self.recipe, self.data, self.batches, self.verdict = recipe, data, batches, verdict
        self.folder, self.progress = folder, progress
        self.not_finite = None
        self._started = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            self.not_finite = f"the loss is {logs['loss']} in epoch {epoch + 1}"
            self.model.stop_training = True
            return
        target = self.recipe.target
        metric = target.monitor or target.metric
        if target.monitor is None:
            found = measured(self.recipe, self.endpoint, self.data.validation, self.data.contract)
            logs.update({f"val_{name}": value for name, value in found.items()})
        value = float(logs[f"val_{metric}"])
        now = time.monotonic()
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in sorted(logs)}}
        progress = {
            **self.progress,
            "epochs_done": epoch + 1,
            "history": [*self.progress["history"], row],
            "seconds": self.progress["seconds"] + now - self._started,
            "last": f"epoch-{epoch + 1:04}.weights.h5",
            "random_states": [state.numpy().tolist() for state in _random_states(self.model)],
        }
        saved.save_weights(self.model, self.folder / progress["last"])
        if math.isfinite(value) and self._is_better(value, row):
            progress.update(best_value=value, best_epoch=epoch + 1, best=f"best-{epoch + 1:04}.weights.h5")
            self.verdict.set_weights(self.model.get_weights())
            saved.save_weights(self.verdict, self.folder / progress["best"])
        write_json(self.folder / PROGRESS, progress)
        self.progress, self._started = progress, now
        for file in self.folder.glob("*.weights.h5"):
            if file.name not in (progress["last"], progress["best"]):
                file.unlink()

    def _is_better(self, value, row):
        """Whether an epoch is the best so far: by the target; of equals, as shares of few examples are, by the loss."""
        best = self.progress["best_value"]
        if best is None or value != best:
            return self.recipe.target.better(value, best)
        return row["val_loss"] < self.progress["history"][self.progress["best_epoch"] - 1]["val_loss"]


def fit(recipe, settings, data, fingerprint, folder, until=None, verbose="auto", begin=None):
    """Trains one seed, from where its folder says it stopped, and keeps its last and its best epoch there.

    The test part is not looked at.

    Args:
        recipe: The `Recipe`.
        settings: Every setting with its value.
        data: The `Data` of these settings.
        fingerprint: Of the data.
        folder: An existing folder for this run alone.
        until: The number of epochs after which to stop, where that is before the last one; schedules still cover all epochs.
        verbose: Of `keras.Model.fit`.
        begin: Function of the model, called before its first epoch, or None.

    Returns:
        What progress.json in the folder holds at the end: "history", "epochs_done", "best_value" and "best_epoch" of the
        validation part, "best" and "last" (names of weight files), "seconds".

    Raises:
        UsageError: If the folder holds a run of other settings or data.
        RunError: If the loss, or the target in every epoch, is not finite.
    """
    until = settings["epochs"] if until is None else until
    progress = {
        "settings": settings,
        "data": fingerprint,
        "seed": settings["seed"],
        "epochs_done": 0,
        "history": [],
        "seconds": 0.0,
        "best_value": None,
        "best_epoch": None,
        "best": None,
        "last": None,
        "random_states": [],
        "scores": None,
    }
    if (folder / PROGRESS).is_file():
        progress.update(_read_progress(folder, settings, fingerprint))
    if progress["epochs_done"] >= until:
        return progress
    keras.backend.clear_session()
    verdict = _built(recipe, settings, data)
    choose_execution(verdict)
    model = _built(recipe, settings, data)
    if begin is not None:
        begin(model)
    batches = Batches(data.train, data.contract, settings["batch_size"], settings["seed"], model.output_names)
    validation = Batches(data.validation, data.contract, EVALUATION_BATCH, outputs=model.output_names)
    if settings["schedule"] != "constant":
        rate = float(model.optimizer.learning_rate)
        model.optimizer.learning_rate = scheduled(rate, settings["schedule"], len(batches) * settings["epochs"])
    print(choose_execution(model, len(batches)))
    if progress["last"] is not None:
        model.optimizer.build(model.trainable_variables)
        saved.load_weights(model, folder / progress["last"])
        for state, value in zip(_random_states(model), progress["random_states"], strict=True):
            state.assign(value)
        print(f"going on after epoch {progress['epochs_done']}")
    endpoint = default_endpoint(recipe, model, data.contract)
    keeper = EpochKeeper(recipe, data, batches, folder, progress, verdict, endpoint)
    model.fit(
        batches,
        epochs=until,
        initial_epoch=progress["epochs_done"],
        validation_data=validation,
        callbacks=[keeper],
        shuffle=False,
        verbose=verbose,
    )
    progress = keeper.progress
    if keeper.not_finite:
        left = f"the best weights so far are {folder / progress['best']}" if progress["best"] else "there are no weights yet"
        raise RunError(f"{keeper.not_finite}; {left}. Try a smaller learning_rate.")
    if progress["best"] is None:
        raise RunError(f"{recipe.target.metric} was finite in no epoch; try a smaller learning_rate.")
    return progress


def _scored(recipe, settings, data, fingerprint, folder, verbose, transfer):
    """One seed, trained to its end and measured once on the validation and the test part; returns its progress with "scores"."""
    if transfer is None:
        progress = fit(recipe, settings, data, fingerprint, folder, verbose=verbose)
    else:
        progress = _transferred(recipe, settings, data, fingerprint, folder, verbose, transfer)
    if progress["scores"] is None:
        model = _built(recipe, settings, data)
        choose_execution(model)
        saved.load_weights(model, folder / progress["best"])
        progress["scores"] = {part: scores(recipe, model, getattr(data, part), data.contract) for part in ("validation", "test")}
        write_json(folder / PROGRESS, progress)
    return progress


def _transferred(recipe, settings, data, fingerprint, folder, verbose, transfer):
    """The head alone in a folder of its own, then everything; returns the progress of both as one."""
    head_folder = folder / "head"
    head_folder.mkdir(exist_ok=True)
    head, all_weights = ({**phase, "from": transfer.card["weights"]["sha256"]} for phase in phases(settings))
    first = fit(recipe, head, data, fingerprint, head_folder, verbose=verbose, begin=transfer.frozen)

    def begin(model):
        saved.load_weights(model, head_folder / first["best"])

    second = fit(recipe, all_weights, data, fingerprint, folder, verbose=verbose, begin=begin)
    if second["scores"] is not None:
        return second  # scored before a stop, and with that kept as one
    later = [{**row, "epoch": first["epochs_done"] + row["epoch"]} for row in second["history"]]
    return {
        **second,
        "history": [*first["history"], *later],
        "epochs_done": first["epochs_done"] + second["epochs_done"],
        "best_epoch": first["epochs_done"] + second["best_epoch"],
        "seconds": first["seconds"] + second["seconds"],
    }


def _built(recipe, settings, data):
    """The compiled model of a seed, the same each time."""
    keras.utils.set_random_seed(settings["seed"])
    return recipe.build_model(settings, data.contract)


def _random_states(model):
    """The variables of every seed generator in the model; Keras does not save them with the weights."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]


def _read_progress(folder, settings, fingerprint):
    try:
        before = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        there, wanted = dict(before["settings"]), json.loads(json.dumps(settings))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / PROGRESS} is damaged; start anew with --overwrite.") from error
    keys = {**wanted, **there}
    changed = [f"{key} was {there.get(key)!r}, is {wanted.get(key)!r}" for key in keys if there.get(key) != wanted.get(key)]
    if changed:
        raise UsageError(f"the unfinished run has other settings ({'; '.join(changed)}); give its own, or --overwrite.")
    if before["data"] != fingerprint:
        raise UsageError("the unfinished run was made with other data (its fingerprint differs); start anew with --overwrite.")
    return before


def _check_result_folder(result, resume, overwrite):
    """Raises `UsageError` where a result would be overwritten, or there is nothing to go on with."""
    unfinished = result / UNFINISHED
    if resume and not unfinished.is_dir():
        raise UsageError(f"there is no unfinished run in {result}; start one without --resume.")
    if not resume and not overwrite:
        if (result / saved.CARD).exists():
            raise UsageError(f"{result} holds a finished result; give another --folder, or replace it with --overwrite.")
        if unfinished.exists():
            raise UsageError(f"{result} holds an unfinished run; go on with --resume, or start anew with --overwrite.")


def _card(name, recipe, settings, data, fingerprint, runs, best, command):
    target = recipe.target
    test = {str(run["seed"]): run["scores"]["test"][target.metric] for run in runs}
    own_data = settings["data"] == recipe.defaults()["data"]
    model = recipe.build_model(settings, data.contract)
    return {
        "name": name,
        "settings": {**settings, "seed": best["seed"]},
        "target": {"metric": target.metric, "bound": target.bound, "aim": target.aim, "text": str(target)} if own_data else None,
        "score": {
            "metric": target.metric,
            "test": test[str(best["seed"])],
            "passed": target.passes(statistics.mean(test.values())) if own_data else None,
            "mean": statistics.mean(test.values()),
            "deviation": statistics.stdev(test.values()) if len(test) > 1 else None,
            "seeds": test,
            "note": f"{len(test)} seeds" if len(test) > 1 else "one seed",
            "interval": wilson_interval(test[str(best["seed"])], len(data.test)) if target.metric.endswith("accuracy") else None,
        },
        "scores": best["scores"],
        "epochs": {
            "done": best["epochs_done"],
            "best": best["best_epoch"],
            "chosen_by": f"validation {target.monitor or target.metric}",
        },
        "wall_seconds": {str(run["seed"]): round(run["seconds"], 1) for run in runs},
        "data": {
            "name": settings["data"],
            "fingerprint": fingerprint,
            "source": data.source,
            "licence": data.licence,
            "examples": {part: len(getattr(data, part)) for part in ("train", "validation", "test")},
        },
        "weights": {"count": model.count_params(), "sha256": None},
        "versions": {package: importlib.metadata.version(package) for package in ("keras", keras.backend.backend(), "numpy")}
        | {"python": platform.python_version()},
        "device": f"{os.cpu_count()} x {platform.machine()}",
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "command": command or f"zoo train {name}",
    }


def _keep(result, folder, best, card, contract):
    """Puts the result in place: all files are whole before the first takes its name."""
    with (
        written_beside(result / saved.CARD) as card_file,
        written_beside(result / saved.WEIGHTS) as weights_file,
        written_beside(result / saved.CONTRACT) as contract_file,
        written_beside(result / saved.HISTORY) as history_file,
    ):
        saved.compress_weights(folder / best["best"], weights_file)
        card["weights"]["sha256"] = sha256(weights_file)
        with open(history_file, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=best["history"][0])
            writer.writeheader()
            writer.writerows(best["history"])
        contract_file.write_text(json.dumps(contract.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
        card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(result / UNFINISHED)


def _os_error(error):
    return f"{error.filename or 'a file'} cannot be written ({error.strerror or error})"
