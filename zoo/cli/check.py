"""`zoo check`."""

from typing import Annotated

import typer

from zoo.cli.common import Json, Name, print_json, quiet


def check(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Number of the version; the newest by default.")] = None,
    folder: Annotated[str, typer.Option(help="Folder of the exports.")] = "saved_models",
    as_json: Json = False,
):
    """Replay the golden requests of an exported version, by each of its files in a process of its own.

    Ends with exit code 1 if a file was changed, or no longer gives the exported answers.

    **Example:** `zoo check mnist_cnn`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    quiet("zoo.export.network")
    from zoo.export.network import check_network

    path, results = check_network(name, version, folder)
    if as_json:
        return print_json({"path": str(path), "largest_difference": results})
    for file, largest in results.items():
        if largest is None:
            print(f"{path}: {file} was not run; it holds operations that its runtime refuses")
        else:
            print(f"{path}: {file} answers as it did (largest difference {largest:.1e})")
    return None
