"""`zoo show`."""

from typing import Annotated

import rich.table
import typer

from zoo.cli.common import Folder, Json, Name, card_or_none, console, print_json, quiet, score_text


def show(
    name: Name,
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings as key=value; data=SET shows the settings of another data set.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
):
    """Show what a network is, its settings with types and defaults, its weight count and its score.

    **Examples:** `zoo show mnist_cnn` · `zoo show resnet20 data=folder`
    """
    from zoo import finder as recipes
    from zoo.types import counted, type_name

    recipes.recipe_file(name)
    card = card_or_none(name, folder)
    quiet()
    recipe = recipes.find(name)
    chosen = recipe.settings(settings or [])
    types = recipe.types(chosen["data"])
    content = {
        "name": name,
        "description": recipes.description(name),
        "settings": {key: {"type": type_name(types[key]), "default": value} for key, value in chosen.items()},
        "target": str(recipe.target),
        "aim": recipe.target.aim,
        "weights": card and card["weights"]["count"],
        "score": score_text(card),
        "card": card,
    }
    if as_json:
        return print_json(content)
    console.print(f"{name}: {content['description']}", style="bold")
    table = rich.table.Table("setting", "type", "default", box=None, pad_edge=False)
    for key, setting in content["settings"].items():
        table.add_row(key, setting["type"], _plain(setting["default"]))
    console.print(table)
    print(f"target: {content['target']}" + (f", aim {content['aim']:g}" if content["aim"] else ""))
    if card is None:
        print(f"not trained yet: zoo train {name}")
        return None
    print(f"weights: {content['weights']:,}")
    print(f"score: {content['score']} ({card['command']}; {card['made']})")
    for metric, value in card["scores"].get("test", {}).items():
        if metric != card["score"]["metric"]:
            print(f"test {metric}: {value:,.6g}")
    for sample in card.get("samples", ()):
        console.print(f"after {counted(sample['epoch'], 'epoch')} it writes:", style="bold")
        print(sample["text"].strip("\n"))
    return None


def _plain(value):
    return str(value).replace("'", "")
