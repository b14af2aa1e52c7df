"""The command `zoo`: its commands, one file each, and how an error ends it."""

import re
import sys
from typing import Annotated

import typer
import typer.exceptions

from zoo.cli.check import check
from zoo.cli.copy import copy
from zoo.cli.evaluate import evaluate
from zoo.cli.export import export
from zoo.cli.list import list_networks
from zoo.cli.predict import predict
from zoo.cli.serve import serve
from zoo.cli.show import show
from zoo.cli.train import train
from zoo.cli.tune import tune
from zoo.errors import RunError, UsageError

app = typer.Typer(
    rich_markup_mode="markdown", pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)
app.command("list")(list_networks)
for _command in (show, copy, train, evaluate, predict, tune, export, check, serve):
    app.command()(_command)


def _version(wanted: bool):
    if wanted:
        from zoo import __version__

        print(f"zoo {__version__}")
        raise typer.Exit


@app.callback()
def zoo(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
):
    """The zoo of classic neural networks: train, evaluate and use them.

    **Example:** `zoo train mnist_cnn data=digits`
    """


def main():
    """The console script: one line for an error, exit code 2 for usage and 1 for a failed run."""
    debug = "--debug" in sys.argv[1:]
    # No option begins with a digit: what looks so is a number below 0, which a space keeps from being taken for an option.
    arguments = [re.sub(r"^(?=-[.\d])", " ", argument) for argument in sys.argv[1:] if argument != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that knows ASCII only shows "?" in place of "±"
    try:
        if (
            app(arguments or ["--help"], prog_name="zoo", standalone_mode=False) == 130
        ):  # Typer catches Ctrl-C and gives back this code
            raise KeyboardInterrupt
    except (UsageError, RunError, typer.exceptions.TyperException, typer.Abort, KeyboardInterrupt) as error:
        if debug:
            raise
        code, message = described(error)
        print(f"zoo: {message}", file=sys.stderr)
        sys.exit(code)
    except Exception as error:
        if debug:
            raise
        line = (str(error) or type(error).__name__).strip().splitlines()[0]
        print(f"zoo: unexpected {type(error).__name__}: {line} (--debug shows where)", file=sys.stderr)
        sys.exit(1)


def described(error):
    """Exit code and message of an error that we expect."""
    if isinstance(error, typer.exceptions.TyperException):
        return 2, error.format_message()
    if isinstance(error, (typer.Abort, KeyboardInterrupt)):
        return 130, "interrupted; no partial results were kept. Resume training with --resume."
    return (2 if isinstance(error, UsageError) else 1), str(error)
