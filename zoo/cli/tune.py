"""`zoo tune`."""

import os
from typing import Annotated

import rich.console
import typer

from zoo.cli.common import Json, Name, console, print_json, quiet, seconds
from zoo.errors import RunError
from zoo.types import counted


def tune(
    name: Name,
    settings: Annotated[list[str] | None, typer.Argument(help="Settings that are not searched, as key=value.")] = None,
    tuner: Annotated[str, typer.Option(help="hyperband, bayesian, random or grid.")] = "hyperband",
    max_trials: Annotated[int | None, typer.Option(help="Number of trials; 20 by default, or as many as Hyperband has.")] = None,
    budget: Annotated[str | None, typer.Option(help="Time to search, such as 20m; earlier sessions count.")] = None,
    space: Annotated[
        list[str] | None, typer.Option(help="A range in place of the recipe's: key=low:high, with :log or :step, or key=a,b,c.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time on this machine; 1 by default.")] = None,
    executions: Annotated[int, typer.Option(help="Runs of each trial, with a seed each; their mean counts.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of each trial; by default the cores are shared out.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study; by default the newest, or the next number.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a study.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Begin another study.")] = False,
    fork: Annotated[bool, typer.Option("--fork", help="Begin another study with the comparable trials of this one.")] = False,
    patience: Annotated[str, typer.Option(help="How long a silent worker, or chief, is waited for.")] = "60s",
    folder: Annotated[str, typer.Option(help="Folder of saved models.")] = "saved_models",
    as_json: Json = False,
):
    """Search for better settings of a network, on the validation part; the test part is not looked at.

    Makes FOLDER/NAME/tune/STUDY with best.json, trials.csv, report.html and tensorboard/. With KerasTuner's environment
    variables (KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT) the same command is a chief or a worker
    among many machines.

    **Examples:** `zoo tune mnist_cnn data=digits --tuner random --max-trials 12 --workers 2` ·
    `zoo tune mnist_cnn --budget 30m` · `zoo tune mnist_cnn epochs=5 --space dropout=0.1:0.7`
    """
    from zoo import finder as recipes
    from zoo.tune.roles import WORKER, address_of, role

    recipes.recipe_file(name)
    part = role(os.environ)
    waiting = seconds(patience, "--patience")
    if part == WORKER:
        os.environ["KERAS_BACKEND"] = "numpy"  # it computes nothing itself; its trials get the study's
        quiet("zoo.tune.worker")
        from zoo.tune.files import studies_folder
        from zoo.tune.worker import work

        return work(studies_folder(recipes.name_of(name), folder), waiting, threads or os.cpu_count())
    quiet("zoo.tune.run")
    from zoo.tune.run import tune as search
    from zoo.tune.screen import Screen

    with Screen(rich.console.Console(stderr=True, markup=False, highlight=False)) as show:
        found = search(
            name,
            overrides=settings or [],
            changes=space or [],
            tuner=tuner,
            max_trials=max_trials,
            budget=budget and seconds(budget, "--budget"),
            workers=(0 if part else 1) if workers is None else workers,
            executions=executions,
            threads=threads,
            study=study,
            resume=resume,
            new=new,
            fork=fork,
            folder=folder,
            patience=waiting,
            address=address_of(os.environ),
            show=show,
        )
    if as_json:
        print_json(found.summary())
    else:
        _print_study(found)
    if not found.ranked():
        raise RunError(f"no trial completed; {found.folder / 'trials.csv'} says why.")
    return None


def _print_study(study):
    """What came out of a search: the best trials, why others failed, and what to do next."""
    from zoo.tune.files import REPORT
    from zoo.tune.screen import duration, trial_table

    best = study.ranked()
    rows = list(study.rows.values())
    if best:
        console.print(trial_table(study, best[:5]))
    failures = study.failures()
    for reason, count in failures:
        console.print(f"{count} failed: {reason}", soft_wrap=True)
    left = sum(row.status == "waiting" for row in rows)
    ended = f"{counted(len(rows) - left, 'trial')} in {duration(study.seconds)}"
    if left:
        ended += f"; {left} not finished when the time was up: continue with --resume with a larger --budget"
    elif study.exhausted and study.tuner != "hyperband":
        ended += "; the space holds no more"
    console.print(f"{study.space.name}, study {study.folder.name}: {ended}; report in {study.folder / REPORT}", soft_wrap=True)
    if best:
        print(study.command(best[0]))
