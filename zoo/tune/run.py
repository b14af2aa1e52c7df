"""Begins, resumes and forks studies, and runs them."""

import contextlib
import datetime
import importlib
import re
import shutil
import sys

import keras

from zoo import finder as recipes
from zoo import saved
from zoo.errors import RunError, UsageError
from zoo.execution import check_backend
from zoo.files import write_json
from zoo.machine import cores
from zoo.tune import chief, files
from zoo.tune.fingerprint import differences, fingerprint
from zoo.tune.oracles import TUNERS
from zoo.tune.report import write_report
from zoo.tune.space import Space
from zoo.tune.study import Study
from zoo.types import nearest

DEFAULT_TRIALS = 20
COMPARABLE = ("data", "source", "versions")  # parts of a fingerprint without which the trials of two studies do not compare
# KerasTuner fails late, or not at all, where one of these is missing.
NEEDED = {"tensorboard": "tensorboard.summary.writer.event_file_writer", "scikit-learn": "sklearn.gaussian_process"}


def tune(
    name,
    overrides=(),
    changes=(),
    tuner="hyperband",
    max_trials=None,
    budget=None,
    workers=1,
    executions=1,
    threads=None,
    study=None,
    resume=False,
    new=False,
    fork=False,
    folder=saved.DEFAULT_FOLDER,
    patience=60.0,
    address="127.0.0.1:0",
    show=lambda study: None,
):
    """Searches for settings of a recipe that are better on the validation part.

    The first trial has the recipe's own settings, as far as they lie in the space.

    Args:
        name: Name of the recipe.
        overrides: Settings that are not searched, as texts `key=value`.
        changes: Ranges in place of the recipe's own, as texts `key=low:high[:log]` and the like; see `zoo.tune.space.Space`.
        tuner: "hyperband", "bayesian", "random" or "grid".
        max_trials: Number of trials to start; None for 20, or without a limit where there is a budget or the tuner is Hyperband.
        budget: Seconds of searching, or None.
        workers: Number of trials at a time on this machine.
        executions: Number of runs that make one trial, with the seeds `seed`, `seed + 1` and so on; their mean counts.
        threads: Of each trial; None shares the cores out.
        study: Name of the study; None for the newest, or a new number.
        resume: Whether to continue a study.
        new: Whether to begin another one.
        fork: Whether to begin another one with the comparable trials of a study.
        folder: The folder of saved models.
        patience: Seconds for which a silent worker is waited for.
        address: "host:port" for workers; port 0 is any free one.
        show: Function that is called over and over with the `Study`.

    Returns:
        The `Study`, as it is at the end; its folder holds best.json, trials.csv, report.html and tensorboard/.

    Raises:
        UsageError: If an argument is invalid, or a study there was made with other settings; nothing is lost then.
        RunError: If no trial completed, or a needed package is missing, or a file cannot be written.
    """
    check_backend()
    _check_numbers(tuner, max_trials, budget, workers, executions, threads, address)
    if resume + new + fork > 1:
        raise UsageError("give one of --resume, --new and --fork.")
    if study is not None:
        files.check_study_name(study)
    for package, module in NEEDED.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise RunError(f"{package} is not installed ({error}), and a search needs it: pip install {package}") from error
    recipe = recipes.find(name)
    space = Space(name, recipe, overrides, changes)
    data = recipe.load_data(space.defaults)
    for note in data.notes:
        print(note, file=sys.stderr)
    defaults = {hp.name: hp.default for hp in space.hyperparameters.space}
    recipe.build_model(space.settings(defaults), data.contract)
    backend = keras.backend.backend()
    now = fingerprint(space, tuner, executions, data.fingerprint(), backend)
    own_name, own_file = recipes.name_of(name), recipes.own_file(name)
    studies = files.studies_folder(own_name, folder)
    path, before = _choose(studies, study, now, resume, new, fork)
    if max_trials is None and budget is None and tuner != "hyperband":
        max_trials = DEFAULT_TRIALS
    definition = {"format": files.FORMAT, "name": own_name, "made": _now(), "backend": backend, "fingerprint": now}
    if own_file is not None:
        definition["recipe"] = own_file["file"]  # where the processes of its trials find it
    threads = threads or max(1, cores() // max(workers, 1))
    try:
        with _removed_if_nothing_happened(path):
            if not resume:
                write_json(path / files.STUDY, definition)
            state = Study(path, space, definition, max_trials, budget)
            try:
                if before is not None and not state.fork(before):
                    raise UsageError(f"no trial of {before} lies in the new space; begin without it, by --new.")
                if not (state.done or state.over_budget):
                    chief.search(state, workers, threads, patience, address, show)
                _write(state)
            finally:
                state.release()
    except OSError as error:
        raise RunError(
            f"{error.filename or path} cannot be written ({error.strerror or error}); continue with --resume."
        ) from error
    return state


def _check_numbers(tuner, max_trials, budget, workers, executions, threads, address):
    if tuner not in TUNERS:
        raise UsageError(f"there is no tuner {tuner!r}{nearest(tuner, TUNERS)} The tuners are {', '.join(TUNERS)}.")
    least_workers = 1 if address.endswith(":0") else 0
    least = {"--max-trials": 1, "--executions": 1, "--threads": 1, "--workers": least_workers}
    for option, value in zip(least, (max_trials, executions, threads, workers)):
        if value is not None and value < least[option]:
            raise UsageError(f"got {option} {value}; expected at least {least[option]}.")
    if budget is not None and budget <= 0:
        raise UsageError(f"got a budget of {budget:g} s; expected more than zero.")


def _choose(studies, study, now, resume, new, fork):
    """The folder of the study to run, and the folder of the one that it is forked from, or None."""
    there = files.study_names(studies)
    if new and study is not None and (studies / study).exists():
        raise UsageError(f"{studies / study} exists; give a new one another name.")
    if new or not (there or study):
        if resume or fork:
            raise UsageError(f"there is no study in {studies}; begin one without --{'resume' if resume else 'fork'}.")
        return studies / (study or files.next_name(studies)), None
    path = studies / (study or there[-1])
    if not path.exists():
        if resume or fork:
            raise UsageError(f"there is no study {path.name} in {studies}; it holds {', '.join(there) or 'none'}.")
        return path, None
    definition = files.read_study(path)
    changed = differences(definition["fingerprint"], now)
    if fork:
        essential = differences(*({part: made.get(part, {}) for part in COMPARABLE} for made in (definition["fingerprint"], now)))
        essential += [line for line in changed if re.match("search (executions|objective|direction) ", line)]
        if essential:
            raise UsageError(f"no trial of {path} is comparable: {'; '.join(essential)}. Begin without it, by --new.")
        return studies / files.next_name(studies), path
    if changed:
        raise UsageError(
            f"{path} was made with something else: {'; '.join(changed)}. Give its own to --resume it; --fork begins another "
            "study with the trials that compare, --new with none."
        )
    if not resume:
        raise UsageError(f"{path} is there; go on with it by --resume, or begin another by --new.")
    return path, None


@contextlib.contextmanager
def _removed_if_nothing_happened(path):
    """Removes the folder of a new study on an error before its first trial."""
    fresh = not path.exists()
    try:
        yield
    except BaseException:
        journal = path / files.JOURNAL
        if fresh and not (journal.is_file() and journal.stat().st_size):
            shutil.rmtree(path, ignore_errors=True)
        raise


def _write(study):
    """The files that sum a study up."""
    study.write_tables()
    ranked = study.ranked()
    facts = {
        "name": study.space.name,
        "study": study.folder.name,
        "objective": study.objective,
        "direction": study.direction,
        "tuner": study.tuner,
        "seconds": study.seconds,
        "command": study.command(ranked[0]) if ranked else None,
    }
    write_report(study.folder / files.REPORT, facts, study.space.described(), study.listed())


def _now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
