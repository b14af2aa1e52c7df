"""Trials, each in a process of its own: `python -m zoo.tune.trial`.

This process imports what trains, which takes seconds, and forks another one for each trial. That one reads the trial's request,
goes on from its checkpoints, and leaves a result. All of them end with the worker that started this one.
"""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import sys
import threading
import time
import traceback

import filelock

from zoo.errors import RunError
from zoo.files import read_json, write_json
from zoo.tune import files

STILL_HELD = 75  # exit code: another process is at work in the folder


def main():
    """Runs a trial for each line of standard input, and answers it by a line with the exit code of the trial's process.

    A line holds, in JSON, the trial's folder and the seconds to wait for another process to leave it.
    """
    import zoo.training.loop  # noqa: F401  its import starts no threads, which a fork would lose

    for line in sys.stdin:
        process = os.fork()
        if not process:
            folder, patience = json.loads(line)
            return _run(pathlib.Path(folder), patience)
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(BrokenPipeError):  # the worker is gone
            os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _run(folder, patience):
    """Runs the trial of a folder in this process."""
    log = os.open(folder / files.LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for output in (1, 2):
        os.dup2(log, output)
    threading.Thread(target=_end_with_the_worker, daemon=True).start()
    try:
        with filelock.FileLock(folder / "lock", timeout=patience):
            if not (folder / files.RESULT).is_file():
                write_json(folder / files.RESULT, _result(folder))
    except filelock.Timeout:
        sys.exit(STILL_HELD)


def _end_with_the_worker():
    """The worker holds the other end of standard input, which closes when it is gone, in whatever way."""
    os.read(0, 1)  # not sys.stdin, whose lock would be held when the interpreter ends
    os._exit(0)


def _result(folder):
    """What came out: the mean of the best validation values of all executions, or why there is none."""
    started = time.monotonic()
    try:
        runs = _runs(folder)
    except Exception as error:
        traceback.print_exc()
        lines = [line for line in str(error).splitlines() if line.strip()]
        name = "" if type(error).__name__ in ("RunError", "UsageError") else f"{type(error).__name__}: "
        reason = name + (lines[0] if lines else "no message")
        return {"status": "failed", "score": None, "epochs": 0, "seconds": time.monotonic() - started, "reason": reason}
    return {
        "status": "completed",
        "score": statistics.mean(run["best_value"] for run in runs),
        "epochs": runs[0]["epochs_done"],
        "seconds": sum(run["seconds"] for run in runs),
        "reason": None,
    }


def _runs(folder):
    request = read_json(folder / files.REQUEST, "the chief writes it again")
    study = files.read_study(folder.parent.parent)
    from zoo import finder as recipes
    from zoo.training.keep import PROGRESS
    from zoo.training.phases import fit
    from zoo.tune.fingerprint import data_fingerprint, differences

    recipe = recipes.find(study["name"])
    # Back from JSON: a list stands for a tuple.
    settings = recipe.settings(f"{key}={value}" for key, value in request["settings"].items())
    data = recipe.load_data(settings)
    fingerprint = data.fingerprint()
    changed = differences({"data": study["fingerprint"]["data"]}, {"data": data_fingerprint(settings["data"], fingerprint)})
    if changed:
        raise RunError(
            f"the data set {settings['data']} is not the one that the study was begun with (its fingerprint differs: "
            f"{'; '.join(changed)})"
        )
    runs = []
    for seed in range(settings["seed"], settings["seed"] + request["executions"]):
        run_folder = folder / f"seed-{seed}"
        past = folder.parent / str(request["past"]) / run_folder.name
        if not run_folder.exists() and request["past"] and (past / PROGRESS).is_file() and any(past.glob("*.weights.h5")):
            partial = folder / f"partial-{run_folder.name}"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(past, partial)
            partial.rename(run_folder)
        run_folder.mkdir(exist_ok=True)
        runs.append(fit(recipe, {**settings, "seed": seed}, data, fingerprint, run_folder, request["until"], verbose=0))
    return runs


if __name__ == "__main__":
    main()
