"""`zoo predict`."""

import os
import pathlib
import re
from typing import Annotated

import rich.table
import typer

from zoo.cli.common import Folder, Json, Name, console, print_json, quiet
from zoo.errors import UsageError

FORMATS = (".npz", ".png")  # of --save
DECIDED = "decided by"


def predict(
    name: Name,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE...] [KEY=VALUE...]",
            help="Pictures or a folder of them, text or a text file, numbers such as 0.5,-1 or a .csv file, bits such as 1011, "
            ".npy files; and inputs by name as key=value.",
            show_default=False,
        ),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="What to ask: an endpoint of the network; by default its main one.")
    ] = None,
    folder: Folder = None,
    save: Annotated[
        str | None,
        typer.Option(
            help="Write the answers to this new file: .npz for all arrays, .png for pictures in a grid, each beside the one that "
            "it was made of, or a series drawn."
        ),
    ] = None,
    as_json: Json = False,
):
    """Ask a trained network about pictures, text, numbers or arrays.

    **Examples:** `zoo predict mnist_cnn digit.png` · `zoo predict mnist_cnn folder/of/pictures` ·
    `zoo predict seq2seq "21. November 2026"` · `zoo predict perceptron 0.5,-0.2` · `zoo predict siamese_network a.png b.png` ·
    `zoo predict sentiment_rnn "not a bad film"` · `zoo predict time_series_rnn mine.csv steps=24 --save forecast.png` ·
    `zoo predict binary_adder 1011 110` · `zoo predict char_rnn "ROMEO:" length=400 temperature=0.8 seed=1` ·
    `zoo predict vae --endpoint sample count=64 seed=1 --save grid.png` · `zoo predict vae odd.png --endpoint anomaly` ·
    `zoo predict vae a.png b.png --endpoint interpolate steps=8 --save between.png`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    if save:
        if os.path.exists(save):
            raise UsageError(f"{save} exists; give a new name to --save.")
        if pathlib.Path(save).suffix.lower() not in FORMATS:
            raise UsageError(f"got --save {save}; expected a name that ends in {' or '.join(FORMATS)}.")
    quiet()
    from zoo.prediction import question

    given = dict(one.split("=", 1) for one in sources or () if _is_named(one))
    asked = question(name, [one for one in sources or () if not _is_named(one)], given, endpoint, folder)
    if asked.is_writing and not save and not as_json:
        for note in asked.notes:
            console.print(note, style="dim")
        for part in asked.parts():
            print(part, end="", flush=True)
        print()
        return None
    answer = asked.answer()
    notes = list(answer.notes)
    if save:
        _save(pathlib.Path(save), answer)
        notes.append(f"answers in {save}")
    if as_json:
        ranges = {"ranges": answer.ranges} if answer.ranges else {}
        return print_json({"notes": notes, "answers": _columns(answer), **ranges})
    for note in notes:
        console.print(note, style="dim")
    _print_answer(answer)
    return None


def _is_named(source):
    return re.match(r"[A-Za-z_]\w*=", source) is not None and not os.path.exists(source)


def _columns(answer):
    """{output: list with a value for each example}, for JSON; probabilities in the order of the classes.

    Of texts that are classified also `words`: for each word how far the log-odds of the class fall without it.
    """
    columns = {name: column if isinstance(column, list) else column.tolist() for name, column in _arrays(answer).items()}
    if answer.deciding is not None:
        columns["words"] = [[{"word": word, "change": change} for word, change in words] for words in answer.deciding]
    return columns


def _arrays(answer):
    """{output: array}, with a list of the values where these are texts or names of classes."""
    from zoo.prediction import shown_name

    values, arrays = answer.values(), {}
    for name, array in answer.outputs.items():
        shown = shown_name(name, answer.fields[name])
        column = [value[shown] for value in values]
        is_words = array.dtype.kind == "i" and isinstance(column[0], str | list)
        arrays[shown] = column if is_words else array
    return arrays


def _print_answer(answer):
    """Text as it is; one example with a line for each output, many as a table."""
    from zoo.occlusion import in_words

    first = next(iter(answer.outputs))
    if answer.fields[first].kind in ("text", "prompt"):
        for row in range(len(answer)):
            print(answer.words(first, row))
        return
    if len(answer) == 1:
        for name in [*answer.inputs, *answer.outputs]:
            is_input = name not in answer.outputs
            if answer.fields[name].kind == "image":
                console.print(f"{name}:")
                print(answer.words(name, 0))
            elif not is_input:
                console.print(f"{name}: {answer.words(name, 0)}", style="bold" if name == first else None, soft_wrap=True)
        _print_ranges(answer)
        if answer.deciding is not None:
            console.print(f"{DECIDED}: {in_words(answer.deciding[0])}", soft_wrap=True)
            console.print("(how far the log-odds of its class fall where the word is hidden)", style="dim", soft_wrap=True)
        return
    pictures = [name for name in answer.outputs if answer.fields[name].kind == "image"]
    columns = [name for name in answer.outputs if name not in pictures]
    if columns:
        decided = [] if answer.deciding is None else [DECIDED]
        table = rich.table.Table("", *columns, *decided, box=None, pad_edge=False)
        for row in range(len(answer)):
            label = answer.labels[row] if answer.labels else str(row + 1)
            words = [answer.words(name, row) for name in columns]
            if answer.deciding is not None:
                words.append(in_words(answer.deciding[row]))
            table.add_row(label, *words)
        console.print(table)
        _print_ranges(answer)
    if pictures:
        print(f"{len(answer)} pictures `{pictures[0]}`; --save FILE.png writes them into one picture")


def _print_ranges(answer):
    """Between which values numbers lie as a rule."""
    for name, (low, high) in answer.ranges.items():
        console.print(f"({name} of 98 % of the test examples: {low:.4g} to {high:.4g})", style="dim", soft_wrap=True)


def _beside_originals(answer, name):
    """The pictures of an output, and how many belong together: 2 where each is made of one and stands to the right of it."""
    import numpy as np

    made = answer.outputs[name]
    given = [answer.inputs[key] for key in answer.inputs if answer.fields[key].kind == "image"]
    if len(given) != 1 or given[0].shape != made.shape:
        return made, 1
    return np.stack([given[0], made], axis=1).reshape(-1, *made.shape[1:]), 2


def _save(path, answer):
    import numpy as np

    from zoo.data.kinds import image, series
    from zoo.files import written_beside

    try:
        with written_beside(path) as partial:
            if path.suffix.lower() == ".npz":
                with open(partial, "wb") as file:
                    np.savez(file, **_arrays(answer))
                return
            pictures = [name for name in answer.outputs if answer.fields[name].kind == "image"]
            drawn = [name for name in answer.outputs if answer.fields[name].kind == "series"]
            if pictures:
                shown, side_by_side = _beside_originals(answer, pictures[0])
                image.save_grid(shown, answer.fields[pictures[0]], partial, side_by_side)
            elif drawn:
                given = next((answer.inputs[name] for name in answer.inputs if answer.fields[name].kind == "series"), None)
                series.save_chart(given, answer.outputs[drawn[0]], drawn[0], answer.labels, partial)
            else:
                names = ", ".join(answer.outputs)
                raise UsageError(f"the answers hold no pictures ({names}); give --save a name that ends in .npz.")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}); give another name to --save.") from error
