"""What a run keeps on disk while it goes on: its last and its best epoch."""

import json
import math
import time

import keras

from zoo import saved
from zoo.data.contract import unequal
from zoo.errors import UsageError
from zoo.files import write_json
from zoo.training.evaluate import measured

PROGRESS = "progress.json"


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
            "random_states": [state.numpy().tolist() for state in random_states(self.model)],
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


def read_progress(folder, settings, fingerprint):
    """What progress.json tells of an unfinished run.

    Raises:
        UsageError: If it is damaged, or of a run with other settings or data.
    """
    try:
        before = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        there, wanted = dict(before["settings"]), json.loads(json.dumps(settings))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder / PROGRESS} is damaged; start anew with --overwrite.") from error
    keys = {**wanted, **there}
    changed = [f"{key} was {there.get(key)!r}, is {wanted.get(key)!r}" for key in keys if there.get(key) != wanted.get(key)]
    if changed:
        raise UsageError(f"the unfinished run has other settings ({'; '.join(changed)}); give its own, or --overwrite.")
    differing = unequal(before["data"], fingerprint)
    if differing:
        raise UsageError(
            f"the unfinished run was made with other data (its fingerprint differs: {differing}); start anew with --overwrite."
        )
    return before


def random_states(model):
    """The variables of every seed generator in the model; Keras does not save them with the weights."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]
