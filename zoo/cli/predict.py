"""`zoo predict`."""

import os
import pathlib
from typing import Annotated

import typer

from zoo.cli.common import Folder, Json, Name, console, print_json, quiet
from zoo.errors import UsageError


def predict(
    name: Name,
    file: Annotated[str, typer.Argument(help="A picture, a text file, a .npy file; for text networks also the text.")],
    folder: Folder = None,
    save: Annotated[str | None, typer.Option(help="Write the answers to this .npz file, which must not exist yet.")] = None,
    as_json: Json = False,
):
    """Ask a trained network about a picture, a line of text or an array.

    **Examples:** `zoo predict mnist_cnn digit.png` · `zoo predict seq2seq "21. November 2026"`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    if save and os.path.exists(save):
        raise UsageError(f"{save} exists; give a new name to --save.")
    quiet()
    from zoo import predict as predicting

    inputs, answers, notes = predicting.predict(name, file, folder)
    if save:
        _save_answers(pathlib.Path(save), answers)
        notes.append(f"answers in {save}")
    if as_json:
        print_json({"notes": notes, "answers": {key: _plain_list(value) for key, value in answers.items()}})
    else:
        for note in notes:
            console.print(note, style="dim")
        _print_pictures({**inputs, **answers})
        _print_answers(answers)


def _plain_list(value):
    return value.tolist() if hasattr(value, "tolist") else value


def _print_pictures(arrays):
    """Draws every (1, height, width, 1) array and every (1, rows, columns) one, two pixels a character."""
    import numpy as np

    shades = " .:-=+*#%@"
    for key, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind == "f" and len(array) == 1 and (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] == 1)):
            picture = np.clip(array.reshape(array.shape[1:3]), 0, 1)
            console.print(f"{key}:")
            for row in (picture * (len(shades) - 1)).round().astype(int):
                print("".join(shades[shade] * 2 for shade in row).rstrip())


def _print_answers(answers):
    if "probabilities" in answers:
        for label, probabilities in zip(answers["label"], answers["probabilities"]):
            console.print(f"{label}: {probabilities.max():.1%}", style="bold")
        return
    for key, answer in answers.items():
        if isinstance(answer, list):
            for line in answer:
                print(line)
        else:
            print(f"{key}: array {answer.shape}, {answer.min():.3g} to {answer.max():.3g}")


def _save_answers(path, answers):
    import numpy as np

    from zoo.files import written_beside

    try:
        with written_beside(path) as partial, open(partial, "wb") as file:
            np.savez(file, **answers)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}); give another name to --save.") from error
