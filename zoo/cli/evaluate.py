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
    as_json: Json = False,
):
    """Measure a trained network again on a part of its data, and compare with its card; or measure it on other data.

    Ends with exit code 1 if the number is not the card's to four digits. Of a text, --json gives the scores of each line too.

    **Examples:** `zoo evaluate mnist_cnn` · `zoo evaluate char_rnn data=text:poem.txt`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    if part not in ("test", "validation", "train"):
        raise UsageError(f"got --part {part}; expected test, validation or train.")
    quiet()
    from zoo import saved
    from zoo.training.evaluate import evaluate as measure
    from zoo.training.evaluate import evaluate_on

    if settings:
        scores, lines, notes = evaluate_on(name, settings, folder, part)
        if as_json:
            told = {} if lines is None else {"lines": lines}
            return print_json({"name": name, "data": settings, "part": part, "notes": notes, "scores": scores, **told})
        for note in notes:
            print(note)
        for key, value in scores.items():
            print(f"{part} {key}: {value:.6g}")
        return None
    card = saved.read_card(saved.find_saved(name, folder))
    scores = measure(name, folder, part)
    metric = card["score"]["metric"]
    recorded = card["score"]["test"] if part == "test" else card["scores"].get(part, {}).get(metric)
    if as_json:
        print_json({"name": name, "part": part, "scores": scores, "recorded": recorded})
    else:
        for key, value in scores.items():
            print(f"{part} {key}: {value:.6g}")
    if recorded is not None and f"{recorded:.4g}" != f"{scores[metric]:.4g}":
        raise RunError(f"{metric} is {scores[metric]:.6g} and the card says {recorded:.6g}.")
    return None
