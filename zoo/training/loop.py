"""Runs a recipe: trains each seed, measures it once, keeps the best one, writes the card."""

import contextlib
import functools
import pathlib
import shutil

import keras

from zoo import finder as recipes
from zoo import saved
from zoo.data.batches import check_targets
from zoo.errors import RunError, UsageError
from zoo.execution import check_backend, choose_execution
from zoo.files import write_json
from zoo.training.card import UNFINISHED, check_result_folder, keep, make_card
from zoo.training.evaluate import quick_scores, sample, scores
from zoo.training.keep import PROGRESS, store_in_half
from zoo.training.lock import LOCK, held
from zoo.training.phases import fit
from zoo.training.transfer import Transfer, transfer_phases


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
    at once, at the end. Every epoch is kept on disk, so that a run that was killed and is resumed reaches the same weights.

    Args:
        name: Name of the recipe.
        overrides: Settings as texts `key=value`.
        folder: The folder of saved models.
        seeds: Number of runs, with the seeds `seed`, `seed + 1` and so on. The weights of the best one on validation are kept;
            the card tells the test score of each, their mean and deviation.
        resume: Whether to continue an unfinished run.
        overwrite: Whether a finished or unfinished result may be replaced. The old one stays until the new one is whole.
        command: The command line, for the card.
        verbose: Of `keras.Model.fit`.
        source: A folder of saved models with this network, trained on other data: its weights are where all layers but the head
            begin. The head learns alone for a quarter of the epochs, then everything at a tenth of the learning rate.

    Returns:
        The card, a dictionary.

    Raises:
        UsageError: If an argument is invalid; nothing was written then.
        RunError: If the loss is no longer finite, or a file cannot be written; the best weights so far are left.
    """
    recipe = recipes.find(name)
    settings = recipe.settings(overrides)
    if seeds < 1:
        raise UsageError(f"got --seeds {seeds}; expected at least 1.")
    check_backend()
    result = pathlib.Path(folder) / recipes.name_of(name)
    unfinished = result / UNFINISHED
    check_result_folder(result, resume, overwrite)
    transfer = None if source is None else Transfer(name, source)
    phases = recipe.list_phases(settings)
    if transfer is not None and len(phases) > 1:
        names = ", ".join(phase.name for phase in phases)
        raise UsageError(f"got --from and settings that train in phases of their own ({names}); expected one or the other.")
    data = recipe.load_data(settings)
    for note in data.notes:
        print(note)
    fingerprint = data.fingerprint()
    # Before anything is written: what cannot be built, or not be trained on these data, is said here.
    model = recipe.build_model(settings, data.contract)
    check_targets(data.train, model.output_names)
    of_run = settings
    if transfer is not None:
        phases = transfer_phases(settings, model)
        transfer(model)
        of_run = {**settings, "from": transfer.card["weights"]["sha256"]}
    with contextlib.ExitStack() as stack:
        try:
            result.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(result / LOCK))
            check_result_folder(result, resume, overwrite)  # again: another process may have ended since
            if not resume:
                shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(f"{_os_error(error)}; give another --folder.") from error
        try:
            runs = []
            for seed in range(settings["seed"], settings["seed"] + seeds):
                run_folder = unfinished / f"seed-{seed}"
                run_folder.mkdir(exist_ok=True)
                seeded = {**of_run, "seed": seed}
                runs.append(_scored(recipe, seeded, data, fingerprint, run_folder, verbose, phases, transfer))
            best = runs[0]
            for run in runs[1:]:
                if recipe.target.better(run["best_value"], best["best_value"]):
                    best = run
            card = make_card(
                recipes.name_of(name), recipe, settings, data, fingerprint, runs, best, command or f"zoo train {name}"
            )
            card["recipe"] = recipes.own_file(name)
            if transfer is not None:
                card["from"] = {"data": transfer.card["data"], "weights": transfer.card["weights"]}
            keep(result, unfinished / f"seed-{best['seed']}", best, card, data)
        except UsageError:
            if not any(unfinished.rglob(PROGRESS)):
                shutil.rmtree(unfinished)  # there is nothing to go on with
            raise
        except OSError as error:
            raise RunError(f"{_os_error(error)}; what was done is in {unfinished}, continue with --resume.") from error
    return card


def _scored(recipe, settings, data, fingerprint, folder, verbose, phases, begin):
    """One seed, trained to its end and measured once on the validation and the test part; returns its progress with "scores"."""
    progress = fit(recipe, settings, data, fingerprint, folder, verbose=verbose, phases=phases, begin=begin)
    if progress["scores"] is None:
        keras.utils.set_random_seed(settings["seed"])
        model = recipe.build_model(settings, data.contract)
        choose_execution(model)
        saved.load_weights(model, folder / progress["best"])
        metric = recipe.target.monitor or recipe.target.metric
        validation = functools.partial(quick_scores, recipe, model, data.validation, data.contract)
        progress["half"] = store_in_half(model, lambda: validation()[metric])
        # Of the weights as they are stored.
        progress["scores"] = {part: scores(recipe, model, getattr(data, part), data) for part in ("validation", "test")}
        if recipe.prompt is not None:
            written = {"epoch": progress["best_epoch"], "text": sample(recipe, model, data.contract)}
            progress["samples"] = [one for one in progress["samples"] if one["epoch"] < progress["best_epoch"]] + [written]
        write_json(folder / PROGRESS, progress)
    return progress


def _os_error(error):
    return f"{error.filename or 'a file'} cannot be written ({error.strerror or error})"
