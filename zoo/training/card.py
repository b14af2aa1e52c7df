"""The card of a finished run, and its place on disk."""

import csv
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import statistics

import keras

from zoo import saved
from zoo.errors import UsageError
from zoo.files import sha256, written_beside
from zoo.training.evaluate import interval
from zoo.training.keep import labelled

UNFINISHED = "unfinished"


def check_result_folder(result, resume, overwrite):
    """Raises `UsageError` where a result would be overwritten, or there is nothing to go on with."""
    unfinished = result / UNFINISHED
    if resume and not unfinished.is_dir():
        raise UsageError(f"there is no unfinished run in {result}; start one without --resume.")
    if not resume and not overwrite:
        if (result / saved.CARD).exists():
            raise UsageError(f"{result} holds a finished result; give another --folder, or replace it with --overwrite.")
        if unfinished.exists():
            raise UsageError(f"{result} holds an unfinished run; continue with --resume, or start over with --overwrite.")


def make_card(name, recipe, settings, data, fingerprint, runs, best, command):
    """What a finished training tells of itself; the sha256 of the weights is not known yet."""
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
            "interval": interval(target.metric, test[str(best["seed"])], model, data.test),
        },
        "scores": best["scores"],
        "samples": best["samples"],
        "epochs": {
            "done": len(best["earlier"]) + best["epochs_done"],
            "best": len(best["earlier"]) + best["best_epoch"],
            "chosen_by": f"validation {target.monitor or target.metric}",
        },
        "wall_seconds": {str(run["seed"]): round(run["seconds"], 1) for run in runs},
        "data": {
            "name": settings["data"],
            "fingerprint": fingerprint,
            "made_with": data.made_with(),
            "paths": data.paths,
            "notes": data.notes,
            "source": data.source,
            "licence": data.licence,
            "examples": {part: len(getattr(data, part)) for part in ("train", "validation", "test")},
        },
        "weights": {"count": model.count_params(), "sha256": None, "precision": "float16" if best["half"] else "float32"},
        "versions": {package: importlib.metadata.version(package) for package in ("keras", keras.backend.backend(), "numpy")}
        | {"python": platform.python_version()},
        "device": f"{os.cpu_count()} x {platform.machine()}",
        "made": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "command": command,
    }


def keep(result, folder, best, card, data):
    """Puts the result in place: all files are whole before the first takes its name."""
    with (
        written_beside(result / saved.CARD) as card_file,
        written_beside(result / saved.WEIGHTS) as weights_file,
        written_beside(result / saved.CONTRACT) as contract_file,
        written_beside(result / saved.HISTORY) as history_file,
        written_beside(result / saved.EXAMPLES) as examples_file,
    ):
        saved.compress_weights(folder / best["best"], weights_file, best["half"])
        saved.write_examples(data.examples or data.test, data.contract, examples_file)
        card["weights"]["sha256"] = sha256(weights_file)
        _write_history(history_file, best)
        contract_file.write_text(json.dumps(data.contract.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
        card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(result / UNFINISHED)


def _write_history(path, progress):
    """A row for each epoch, numbered through all phases; the phase is named where there are several."""
    rows = labelled(progress) if progress["earlier"] else progress["history"]
    rows = [{**row, "epoch": number} for number, row in enumerate(rows, start=1)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=dict.fromkeys(name for row in rows for name in row))
        writer.writeheader()
        writer.writerows(rows)
