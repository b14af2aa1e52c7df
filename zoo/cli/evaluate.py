"""`zoo evaluate`."""

from typing import Annotated

import typer

from zoo.cli.common import Folder, Json, Name, print_json, quiet
from zoo.errors import RunError, UsageError


def evaluate(
    name: Name,
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[data=SET] [KEY=VALUE...]",
            help="Other data to measure it on, and the settings of that data set; by default those that it was trained on.",
            show_default=False,
        ),
    ] = None,
    folder: Folder = None,
    part: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    noise: Annotated[
        float | None,
        typer.Option(help="Add Gaussian noise of this standard deviation to the pictures, whose pixels lie in [0, 1]."),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Measure what the codings tell of the classes: linear and nearest neighbour.")
    ] = False,
    as_json: Json = False,
):
    """Measure a trained network again on a part of its data, and compare with its card; or measure it on other data.

    Ends with exit code 1 if the number is not the card's to four digits. With other data, `--noise` or `--probe` nothing is
    compared. Of a text, --json gives the scores of each line too.

    **Examples:** `zoo evaluate mnist_cnn` · `zoo evaluate char_rnn data=text:poem.txt` ·
    `zoo evaluate denoising_autoencoder --noise 0.5` · `zoo evaluate stacked_autoencoder --probe`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    if part not in ("test", "validation", "train"):
        raise UsageError(f"got --part {part}; expected test, validation or train.")
    if noise is not None and not 0 <= noise < float("inf"):
        raise UsageError(f"got --noise {noise:g}; expected a standard deviation of 0 or more.")
    if probe and noise is not None:
        raise UsageError("got --probe and --noise; expected one of them.")
    if settings and (probe or noise is not None):
        raise UsageError("got other data and --probe or --noise; expected one of them.")
    if probe and part == "train":
        raise UsageError("got --probe --part train; it is fitted to that part, give test or validation.")
    quiet()
    from zoo import saved
    from zoo.training.evaluate import evaluate as measure
    from zoo.training.evaluate import evaluate_on
    from zoo.training.probe import probe as measure_codings

    if settings:
        scores, lines, notes = evaluate_on(name, settings, folder, part)
        told = {"data": settings, "notes": notes, "scores": scores, **({} if lines is None else {"lines": lines})}
        return _tell({"name": name, "part": part, **told}, as_json)
    card = saved.read_card(saved.find_saved(name, folder))
    scores = measure_codings(name, folder, part) if probe else measure(name, folder, part, noise)
    metric, recorded = card["score"]["metric"], None
    if not probe and noise is None:
        recorded = card["score"]["test"] if part == "test" else card["scores"].get(part, {}).get(metric)
    _tell({"name": name, "part": part, "noise": noise, "scores": scores, "recorded": recorded}, as_json)
    if recorded is not None and f"{recorded:.4g}" != f"{scores[metric]:.4g}":
        raise RunError(f"{metric} is {scores[metric]:.6g} and the card says {recorded:.6g}.")
    return None


def _tell(found, as_json):
    """Prints what was found: all of it as JSON, or the notes and the scores."""
    if as_json:
        return print_json(found)
    for note in found.get("notes", ()):
        print(note)
    for metric, value in found["scores"].items():
        print(f"{found['part']} {metric}: {_numbers(value)}")
    return None


def _numbers(value):
    return " ".join(f"{number:.4g}" for number in value) if isinstance(value, list) else f"{value:.6g}"
