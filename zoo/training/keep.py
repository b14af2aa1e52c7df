"""What a phase of a run keeps on disk while it goes on: its last and its best epoch."""

import json
import math
import time

import keras
import numpy as np

from zoo import saved
from zoo.data.contract import unequal
from zoo.errors import UsageError
from zoo.files import write_json

PROGRESS = "progress.json"
START = "start.weights.h5"  # what a phase begins with, a file of the whole model


class EpochKeeper(keras.callbacks.Callback):
    """Orders the batches of each epoch, measures it, and keeps the last and the best one on disk.

    The files of an epoch are written under its number; one rename of progress.json then makes them count, so that a run killed at
    any moment has a whole epoch to resume from.

    Args:
        target: The `Target` that chooses the best epoch.
        measure: Function without arguments to {name: number}: what else is known of the validation part after an epoch; or None.
        batches: The training `Batches`.
        folder: The folder of the phase.
        progress: What progress.json holds.
        samples: {epoch: function of a model to a text}: what the network writes after these epochs is kept too.
        verdict: A second model of the same settings that is not trained, and thus has no state of an optimizer: what is saved of
            the best epoch.
    """

    def __init__(self, target, measure, samples, batches, folder, progress, verdict):
        super().__init__()
        self.target, self.measure, self.samples, self.batches, self.verdict = target, measure, samples, batches, verdict
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
        if self.measure is not None:
            logs.update({f"val_{name}": value for name, value in self.measure().items()})
        metric = self.target.monitor or self.target.metric
        if f"val_{metric}" not in logs:
            known = ", ".join(sorted(name.removeprefix("val_") for name in logs if name.startswith("val_")))
            raise UsageError(f"the epochs are judged by {metric!r}, which the model does not measure; it measures {known}.")
        value = float(logs[f"val_{metric}"])
        now = time.monotonic()
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in sorted(logs)}}
        progress = {
            **self.progress,
            "epochs_done": epoch + 1,
            "history": [*self.progress["history"], row],
            "seconds": self.progress["seconds"] + now - self._started,
            "last": f"epoch-{epoch + 1:04}.weights.h5",
            "random_states": [state.numpy().tolist() for state in random_states(self.model)],
        }
        saved.save_weights(self.model, self.folder / progress["last"])
        is_sampled, is_best = epoch + 1 in self.samples, math.isfinite(value) and self._is_better(value, row)
        if is_sampled or is_best:
            self.verdict.set_weights(self.model.get_weights())
        if is_sampled:
            progress["samples"] = [*progress["samples"], {"epoch": epoch + 1, "text": self.samples[epoch + 1](self.verdict)}]
        if is_best:
            progress.update(best_value=value, best_epoch=epoch + 1, best=f"best-{epoch + 1:04}.weights.h5")
            saved.save_weights(self.verdict, self.folder / progress["best"])
        write_json(self.folder / PROGRESS, progress)
        self.progress, self._started = progress, now
        for file in self.folder.glob("*.weights.h5"):
            if file.name not in (progress["last"], progress["best"], START):
                file.unlink()

    def _is_better(self, value, row):
        """Whether an epoch is the best so far: by the target; of equals, as shares of few examples are, by the loss."""
        best = self.progress["best_value"]
        if best is None or value != best:
            return self.target.better(value, best)
        return row["val_loss"] < self.progress["history"][self.progress["best_epoch"] - 1]["val_loss"]


def new_progress(settings, fingerprint):
    """What progress.json holds before the first epoch."""
    return {
        "settings": settings,
        "data": fingerprint,
        "seed": settings["seed"],
        "phase": None,
        "earlier": [],
        "epochs_done": 0,
        "history": [],
        "seconds": 0.0,
        "best_value": None,
        "best_epoch": None,
        "best": None,
        "last": None,
        "random_states": [],
        "samples": [],
        "scores": None,
    }


def begun(phase, before):
    """The progress at the start of a phase, after that of the phase before."""
    fresh = new_progress(before["settings"], before["data"])
    return {**fresh, "phase": phase.name, "seconds": before["seconds"], "earlier": labelled(before)}


def labelled(progress):
    """The epochs of a phase and of those before it, each row with the name of its phase."""
    return [*progress["earlier"], *({**row, "phase": progress["phase"]} for row in progress["history"])]


def read_progress(folder, progress):
    """What progress.json in a folder holds, or else the progress given."""
    if not (folder / PROGRESS).is_file():
        return progress
    return {**progress, **json.loads((folder / PROGRESS).read_text(encoding="utf-8"))}


def check_progress(folder, settings, fingerprint):
    """Checks every progress.json of an unfinished run, in its folder and those of its phases.

    Raises:
        UsageError: If one is damaged, or of a run with other settings or data.
    """
    for path in sorted(folder.rglob(PROGRESS)):
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            there, wanted = dict(before["settings"]), json.loads(json.dumps(settings))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is damaged; start over with --overwrite.") from error
        keys = {**wanted, **there}
        changed = [f"{key} was {there.get(key)!r}, is {wanted.get(key)!r}" for key in keys if there.get(key) != wanted.get(key)]
        if changed:
            raise UsageError(f"the unfinished run has other settings ({'; '.join(changed)}); give its own, or --overwrite.")
        differing = unequal(before["data"], fingerprint)
        if differing:
            made_with = f"other data (its fingerprint differs: {differing})"
            raise UsageError(f"the unfinished run was made with {made_with}; start over with --overwrite.")


def store_in_half(model, score):
    """Rounds the weights of a model to half precision, unless that changes its score on the validation part.

    Args:
        model: A compiled model with its trained weights.
        score: Function without arguments to the score, to four digits what it must stay.

    Returns:
        Whether the weights are rounded now; else they are as they were.
    """
    states, weights = [state.numpy() for state in random_states(model)], model.get_weights()
    with np.errstate(over="ignore"):
        rounded = [weight.astype("float16").astype("float32") if weight.dtype == "float32" else weight for weight in weights]
    if not all(np.isfinite(weight).all() for weight in rounded):
        return False
    before = score()
    model.set_weights(rounded)
    for state, value in zip(random_states(model), states):
        state.assign(value)  # the same noise for both
    if f"{score():.4g}" == f"{before:.4g}":
        return True
    model.set_weights(weights)
    return False


def random_states(model):
    """The variables of every seed generator in the model; Keras does not save them with the weights."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]
