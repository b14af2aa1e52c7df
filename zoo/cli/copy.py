"""`zoo copy`."""

from typing import Annotated

import typer

from zoo.cli.common import Name


def copy(
    name: Name,
    file: Annotated[
        str, typer.Argument(help="The recipe file to write, such as mine.py; it must not exist yet.", show_default=False)
    ],
):
    """Copy the recipe of a network into a file of your own, to change it: its settings, its data, or the network itself.

    Every command that takes the name of a network takes the file too; results are named after it.

    **Example:** `zoo copy mnist_cnn mine.py`, then `zoo train mine.py data=digits`
    """
    from zoo import finder as recipes

    target = recipes.copy(name, file)
    print(f"{target} is a copy of the recipe of {recipes.name_of(name)}; train it with `zoo train {target}`")
