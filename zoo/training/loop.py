"""Runs a recipe: fit, keep the best epoch, resume where a run stopped, write the card."""

import pathlib
import shutil

import keras

from zoo import recipe as recipes
from zoo import saved
from zoo.data.batches import Batches
from zoo.endpoints import default_endpoint
from zoo.errors import RunError, UsageError
from zoo.execution import choose_execution
from zoo.files import write_json
from zoo.optimizers import scheduled
from zoo.training.card import UNFINISHED, check_result_folder, keep, make_card
from zoo.training.evaluate import EVALUATION_BATCH, scores
from zoo.training.keep import PROGRESS, EpochKeeper, random_states, read_progress
from zoo.transfer import Transfer, phases


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
    check_result_folder(result, resume, overwrite)
    transfer = None if source is None else Transfer(name, source)
    data = recipe.load_data(settings)
    for note in data.notes:
        print(note)
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
        card = make_card(name, recipe, settings, data, fingerprint, runs, best, command)
        if transfer is not None:
            card["from"] = {"data": transfer.card["data"], "weights": transfer.card["weights"]}
        keep(result, unfinished / f"seed-{best['seed']}", best, card, data.contract)
    except OSError as error:
        raise RunError(f"{_os_error(error)}; what was done is in {unfinished}, go on with --resume.") from error
    return card


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
        progress.update(read_progress(folder, settings, fingerprint))
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
        for state, value in zip(random_states(model), progress["random_states"], strict=True):
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


def _os_error(error):
    return f"{error.filename or 'a file'} cannot be written ({error.strerror or error})"
