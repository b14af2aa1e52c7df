"""`zoo list`."""

import rich.table

from zoo.cli.common import Folder, Json, card_or_none, console, print_json, score_text


def list_networks(folder: Folder = None, as_json: Json = False):
    """List every network with what it is and the score of its trained weights.

    **Example:** `zoo list`
    """
    from zoo import finder as recipes

    rows = [
        {"name": name, "description": recipes.description(name), "score": score_text(card_or_none(name, folder))}
        for name in recipes.recipe_names()
    ]
    if as_json:
        return print_json(rows)
    table = rich.table.Table("network", "what it is", "score", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["description"], row["score"] or "not trained")
    console.print(table)
