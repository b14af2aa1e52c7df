"""What several commands share: their options, the terminal, Keras without its noise."""

import importlib
import json
import os
import sys
from typing import Annotated

import rich.console
import typer

from zoo.errors import UsageError

console = rich.console.Console(markup=False, highlight=False)  # text may hold brackets and numbers of its own

Name = Annotated[str, typer.Argument(help="Name of a network; `zoo list` shows all.", show_default=False)]
Folder = Annotated[str | None, typer.Option(help="Folder of saved models; by default saved_models, then the package's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


def quiet(module="keras"):
    """Imports a module, with TensorFlow's notes about the machine kept off the screen.

    They are written by C++ before any logging level counts, so the file descriptor itself has to be turned away.

    Raises:
        UsageError: If the backend that Keras is set to is unknown or not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            importlib.import_module("keras")
        except (ImportError, ValueError) as error:
            raise UsageError(f"Keras cannot start ({error}); set KERAS_BACKEND to tensorflow or jax, and install it.") from error
        importlib.import_module(module)
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def card_or_none(name, folder):
    """The card of a network, or None where it is not trained."""
    from zoo import saved

    try:
        return saved.read_card(saved.find_saved(name, folder))
    except UsageError:
        return None


def score_text(card):
    """The score of a card as text, such as 'accuracy 0.9952', or None."""
    if card is None:
        return None
    score = card["score"]
    text = f"{score['metric']} {score['test']:.4g}"
    if score["deviation"] is not None:
        text += f" (mean {score['mean']:.4g} ± {score['deviation']:.2g} of {score['note']})"
    elif score.get("interval"):
        low, high = score["interval"]
        text += f" (95 %: {low:.4g} to {high:.4g})"
    return text


def seconds(text, option):
    """The seconds of a duration such as "20m", given to an option."""
    from zoo.durations import parse_duration

    return parse_duration(text, option)


def print_json(content):
    """Prints JSON, for a program to read."""
    print(json.dumps(content, ensure_ascii=False, indent=2))
