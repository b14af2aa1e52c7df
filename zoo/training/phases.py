"""Trains one phase after the other; each goes on exactly where it stopped.

The last phase keeps its epochs in the folder of the run, each earlier one in a folder within it, named after the phase. What a
phase begins with, unless the seed gives it, is a file of weights of the whole model in its folder: nothing before is done again.
"""

import dataclasses
import functools
import pathlib

import keras

from zoo import saved
from zoo.data.batches import Batches
from zoo.data.contract import Data
from zoo.endpoints import default_endpoint
from zoo.errors import RunError, UsageError
from zoo.execution import choose_execution
from zoo.layers import CarriedState
from zoo.optimizers import optimizer_of, scheduled
from zoo.recipe import OPTIMIZER_DEFAULTS, Recipe, Target
from zoo.training.evaluate import EVALUATION_BATCH, measured, sample
from zoo.training.keep import START, EpochKeeper, begun, check_progress, new_progress, random_states, read_progress


def fit(recipe, settings, data, fingerprint, folder, until=None, verbose="auto", phases=None, begin=None):
    """Trains one seed, from where its folder says it stopped, and keeps its last and its best epoch there.

    The test part is not looked at.

    Args:
        recipe: The `Recipe`.
        settings: Every setting with its value.
        data: The `Data` of these settings.
        fingerprint: Of the data.
        folder: An existing folder for this run alone.
        until: The number of epochs after which the last phase stops, where it has more; schedules still cover all of them. The
            phases before it always run whole, since only the last one is judged by the target.
        verbose: Of `keras.Model.fit`.
        phases: A list of `Phase`; None for those of the recipe.
        begin: Function of the whole model, called once before the first epoch and after the recipe's `adapt`, or None.

    Returns:
        What progress.json in the folder holds at the end: "history", "epochs_done", "best_value" and "best_epoch" of the last
        phase on the validation part, "best" and "last" (names of weight files), "earlier" (the history of the phases before it),
        and "seconds" of all phases.

    Raises:
        UsageError: If the folder holds a run of other settings or data, or one that is over without a finite value.
        RunError: If the loss, or the target in every epoch, is not finite.
    """
    check_progress(folder, settings, fingerprint)
    run = _Run(recipe, settings, data, folder, verbose)
    *earlier, last = phases or recipe.list_phases(settings)
    if recipe.adapt is not None:
        begin = functools.partial(_adapted, run, begin)
    progress = new_progress(settings, fingerprint)
    for phase in earlier:
        place = folder / phase.name
        place.mkdir(exist_ok=True)
        progress = _fit_phase(run, phase, place, phase.epochs, begun(phase, progress), begin)
        begin = functools.partial(_carried_over, run, phase, place, progress["best"])
    until = last.epochs if until is None else min(until, last.epochs)
    return _fit_phase(run, last, folder, until, begun(last, progress), begin)


@dataclasses.dataclass(frozen=True)
class _Run:
    """What all phases of a run share."""

    recipe: Recipe
    settings: dict
    data: Data
    folder: pathlib.Path
    verbose: str | int

    def settings_in(self, phase):
        rate = {} if phase.learning_rate is None else {"learning_rate": phase.learning_rate}
        return {**self.settings, **rate}

    def whole(self, phase):
        """The whole model as the seed gives it, the same each time, compiled for a phase."""
        keras.utils.set_random_seed(self.settings["seed"])
        return self.recipe.build_model(self.settings_in(phase), self.data.contract)

    def trained(self, phase, whole):
        """The compiled model that learns in a phase."""
        if phase.model is None:
            return whole
        return phase.model(whole, optimizer_of({**OPTIMIZER_DEFAULTS, **self.settings_in(phase)}))

    def target(self, phase):
        """What chooses the best epoch of a phase."""
        return self.recipe.target if phase.model is None else Target(phase.monitor, at_most=0.0)


def _adapted(run, begin, whole):
    """What the whole model begins with where layers adapt to the training part."""
    try:
        run.recipe.adapt(whole, run.data.train)
    except ValueError as error:
        raise UsageError(f"the network cannot be adapted to the training part: {error}") from error
    if begin is not None:
        begin(whole)


def _carried_over(run, phase, folder, best, whole):
    """Gives the whole model the weights that it has after a phase."""
    if (folder / START).is_file():
        saved.load_weights(whole, folder / START)
    trained = run.trained(phase, whole)
    saved.load_weights(trained, folder / best)
    if phase.finish is not None:
        phase.finish(trained, whole)


def _fit_phase(run, phase, folder, until, progress, begin):
    """Trains a phase in its folder up to an epoch; `begin` gives the whole model its first weights, unless it is None."""
    progress = read_progress(folder, progress)
    target = run.target(phase)
    if progress["epochs_done"] >= until:
        if progress["best"] is None:
            raise UsageError(
                f"the run in {folder} is over, and {target.metric} was finite in no epoch; start over with --overwrite and a "
                "smaller learning_rate."
            )
        return progress
    if folder != run.folder or progress["earlier"]:
        print(f"phase {phase.name}")
    keras.backend.clear_session()
    verdict_whole, whole = run.whole(phase), run.whole(phase)
    if begin is not None:
        if not (folder / START).is_file():
            begin(verdict_whole)
            saved.save_weights(verdict_whole, folder / START)
        for model in (verdict_whole, whole):
            _load_start(model, folder / START)
    verdict, model = run.trained(phase, verdict_whole), run.trained(phase, whole)
    data = run.data if phase.data is None else phase.data(run.data, whole)
    for layer in model.layers:
        if phase.learns is not None and layer.weights and layer.name not in phase.learns:
            layer.trainable = False
    settings = run.settings
    batches = Batches(data.train, data.contract, settings["batch_size"], settings["seed"], model.output_names)
    validation = Batches(data.validation, data.contract, EVALUATION_BATCH, outputs=model.output_names)
    if settings["schedule"] != "constant":
        rate = float(model.optimizer.learning_rate)
        model.optimizer.learning_rate = scheduled(rate, settings["schedule"], len(batches) * phase.epochs)
    print(choose_execution(model, len(batches)))
    if progress["last"] is not None:
        model.optimizer.build(model.trainable_variables)
        saved.load_weights(model, folder / progress["last"])
        for state, value in zip(random_states(model), progress["random_states"], strict=True):
            state.assign(value)
        print(f"resuming after epoch {progress['epochs_done']}")
    measure = None
    if phase.model is None and target.monitor is None and run.recipe.measure is not None:
        endpoint = default_endpoint(run.recipe, model, data.contract)
        measure = functools.partial(measured, run.recipe, endpoint, data.validation, data.contract)
    samples = {}
    if phase.model is None and run.recipe.prompt is not None:
        write = functools.partial(sample, run.recipe, contract=data.contract)
        samples = {1: write, -(-phase.epochs // 4): write}
    keeper = EpochKeeper(target, measure, samples, batches, folder, progress, verdict)
    model.fit(
        batches,
        epochs=until,
        initial_epoch=progress["epochs_done"],
        validation_data=validation,
        callbacks=[keeper, keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: _reset_states(model))],
        shuffle=False,
        verbose=run.verbose,
    )
    progress = keeper.progress
    if keeper.not_finite:
        left = f"the best weights so far are {folder / progress['best']}" if progress["best"] else "there are no weights yet"
        raise RunError(f"{keeper.not_finite}; {left}. Try a smaller learning_rate.")
    if progress["best"] is None:
        raise RunError(f"{target.metric} was finite in no epoch; try a smaller learning_rate.")
    return progress


def _reset_states(model):
    """Lets layers that carry a state from batch to batch begin with the text again."""
    for layer in model._flatten_layers():
        if isinstance(layer, CarriedState):
            layer.reset_state()


def _load_start(model, path):
    """Reads the weights that a phase begins with, and leaves the learning rate: the file holds that of the phase before."""
    rate = float(model.optimizer.learning_rate)
    saved.load_weights(model, path)
    if float(model.optimizer.learning_rate) != rate:
        model.optimizer.learning_rate = rate
