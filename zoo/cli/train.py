"""`zoo train`."""

import shlex
import sys
from typing import Annotated

import typer

from zoo.cli.common import Name, quiet, score_text
from zoo.errors import RunError


def train(
    name: Name,
    settings: Annotated[list[str] | None, typer.Argument(help="Settings as key=value; see `zoo show NAME`.")] = None,
    folder: Annotated[str, typer.Option(help="Folder of saved models.")] = "saved_models",
    seeds: Annotated[int, typer.Option(help="Number of runs; the card tells their mean and deviation.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a result that is there.")] = False,
    from_study: Annotated[
        str | None, typer.Option(help="Begin with the best settings of this study of `zoo tune`; other settings come on top.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Begin with the weights that NAME has in this folder of saved models, from other data; only the head is new. "
            "It learns alone for a quarter of the epochs, then everything at a tenth of the learning rate.",
        ),
    ] = None,
):
    """Train a network by its recipe, report on the test part, and save card, weights and history in FOLDER/NAME.

    **Examples:** `zoo train mnist_cnn` · `zoo train mnist_cnn data=digits epochs=30` · `zoo train mnist_cnn --resume`
    · `zoo train resnet20 --from cifar100`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    settings = settings or []
    if from_study is not None:
        from zoo.tune.files import read_best

        settings = [*read_best(recipes.name_of(name), from_study, folder), *settings]
    quiet()
    from zoo.training.loop import train as run

    command = "zoo " + shlex.join(argument for argument in sys.argv[1:] if argument not in ("--debug", "--resume"))
    verbose = "auto" if sys.stdout.isatty() else 2  # in a pipe or a file a line per epoch, without control characters
    card = run(name, settings, folder, seeds, resume, overwrite, command, verbose, source=source)
    score = card["score"]
    print(f"\n{card['name']}: test {score_text(card)}; saved in {folder}/{card['name']}")
    if score["passed"] is False:
        raise RunError(f"the target is missed: {card['target']['text']} was wanted, {score['mean']:.6g} was reached.")
