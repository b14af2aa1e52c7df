"""`zoo evaluate`."""

from typing import Annotated

import typer

from zoo.cli.common import Folder, Json, Name, print_json, quiet
from zoo.errors import RunError, UsageError


def evaluate(
    name: Name,
    folder: Folder = None,
    part: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    as_json: Json = False,
):
    """Measure a trained network again on a part of its data, and compare with its card.

    Ends with exit code 1 if the number is not the card's to four digits.

    **Example:** `zoo evaluate mnist_cnn`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    if part not in ("test", "validation", "train"):
        raise UsageError(f"got --part {part}; expected test, validation or train.")
    quiet()
    from zoo import saved
    from zoo.training.evaluate import evaluate as measure

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
