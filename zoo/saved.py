"""What is on disk of a trained network: `saved_models/NAME/`.

card.json tells how it was made, contract.json what it takes; model.weights.h5 are its weights, history.csv its epochs, and
examples.npz a few real examples, for an export on a machine without the data set.
"""

import importlib
import io
import os
import pathlib
import sys
import zipfile

import numpy as np

from zoo import finder as recipes
from zoo.data.contract import Contract, unequal
from zoo.errors import DataMissing, UsageError
from zoo.files import read_json, sha256, written_beside

CARD, CONTRACT, WEIGHTS, HISTORY, EXAMPLES = "card.json", "contract.json", "model.weights.h5", "history.csv", "examples.npz"
EXAMPLES_KEPT = 8
CARD_PARTS = ("settings", "score", "scores", "data", "weights")
DEFAULT_FOLDER = pathlib.Path("saved_models")
SMALL = 2**14  # bytes of an array, below which it is not compressed
AGAIN = "train again with --overwrite"


def find_saved(name, folder=None):
    """The folder of a trained network.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models; None for `saved_models` here, and after that the weights that travel with the package.

    Returns:
        A `pathlib.Path` with a card.json.

    Raises:
        UsageError: If the network was never trained there, or there is no such network.
    """
    name = recipes.name_of(name)
    candidates = [pathlib.Path(folder)] if folder else [DEFAULT_FOLDER, packaged_folder()]
    for candidate in candidates:
        if (candidate / name / CARD).is_file():
            return candidate / name
    places = " or ".join(map(str, candidates))
    raise UsageError(f"{name} has no trained weights in {places}; make them with `zoo train {name}`.")


def packaged_folder():
    """The folder of the trained weights that travel with the package."""
    return pathlib.Path(next(iter(importlib.import_module("zoo.saved_models").__path__)))


def read_card(folder):
    """The card of a trained network, a dictionary.

    Raises:
        UsageError: If it is damaged.
    """
    card = read_json(folder / CARD, AGAIN)
    if not isinstance(card, dict) or not all(isinstance(card.get(key), dict) for key in CARD_PARTS):
        raise UsageError(f"{folder / CARD} is damaged (it lacks one of {', '.join(CARD_PARTS)}); {AGAIN}.")
    return card


def read_contract(folder):
    """The `Contract` of a trained network.

    Raises:
        UsageError: If it is missing or damaged.
    """
    try:
        return Contract.from_json(read_json(folder / CONTRACT, AGAIN))
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{folder / CONTRACT} is damaged ({error!r}); {AGAIN}.") from error


def load(name, folder=None):
    """The trained network of a name: built by its recipe with the card's settings, with the card's weights.

    Args:
        name: Name of a recipe, such as "mnist_cnn".
        folder: The folder of saved models; None for `saved_models` here, and after that the weights that travel with the package.

    Returns:
        A compiled `keras.Model`.

    Raises:
        UsageError: If there is no such network, no trained weights, or the weights are not those of the card.

    Example:
        >>> load("stacked_autoencoder").output_shape
        (None, 28, 28, 1)
    """
    from zoo.execution import choose_execution  # brings keras, which a reader of cards does without

    found = find_saved(name, folder)
    card, weights = read_card(found), found / WEIGHTS
    if not weights.is_file():
        raise UsageError(f"{weights} is missing; {AGAIN}.")
    if sha256(weights) != card["weights"].get("sha256"):
        raise UsageError(
            f"{weights} is not what {found / CARD} says (its sha256 differs); "
            f"finish an interrupted run with --resume, or {AGAIN}."
        )
    recipe = recipes.find(name)
    trained_by, now = card.get("recipe"), recipes.own_file(name)
    if trained_by is not None and now is not None and trained_by.get("sha256") != now["sha256"]:
        print(f"zoo: {name} has changed since {found} was trained by it", file=sys.stderr)
    try:
        settings = recipe.settings(f"{key}={value!r}" for key, value in card["settings"].items())
    except UsageError as error:
        raise UsageError(f"{found / CARD} does not fit the recipe: {error}") from error
    model = recipe.build_model(settings, read_contract(found))
    choose_execution(model)
    load_weights(model, weights)
    return model


def load_data(name, folder=None):
    """The data that a network was trained on, read again with the settings of its card and its own pieces of text.

    A person's files are looked for where they lay when the network was trained, then by the path as it was given. Where another
    version of a package makes other arrays of the same data, that is said on standard error, and they are taken.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models; None as in `load`.

    Returns:
        A `zoo.data.Data`.

    Raises:
        DataMissing: If the data cannot be read.
        UsageError: If the network was not trained, or the data are not those of the card.
    """
    found = find_saved(name, folder)
    card, recipe = read_card(found), recipes.find(name)
    settings = {**card["settings"], **_recorded_paths(card)}
    try:
        data = recipe.load_data({**recipe.defaults(settings["data"]), **settings}, read_contract(found))
    except UsageError as error:
        raise DataMissing(str(error)) from error
    then = card["data"].get("fingerprint")
    if not isinstance(then, dict):
        print(f"zoo: {found / CARD} is of an earlier version; whether the data are the same cannot be told.", file=sys.stderr)
        return data
    differing = unequal(then, data.fingerprint())
    before = card["data"].get("made_with", {})
    updated = [f"{key} {before[key]} and now {now}" for key, now in data.made_with().items() if before.get(key, now) != now]
    if differing and not updated:
        raise UsageError(
            f"the data set {settings['data']} is not the one that {found / CARD} was made with (its fingerprint differs: "
            f"{differing}); a score on it would not be comparable. Give back the data of then, or {AGAIN}."
        )
    if differing:
        print(
            f"zoo: the data differ from those of {found / CARD}: {differing}; they were made with {', '.join(updated)}.",
            file=sys.stderr,
        )
    return data


def _recorded_paths(card):
    """{setting: value} of a person's files by their absolute paths, unless all have gone from there."""
    found = {}
    for setting, paths in card["data"].get("paths", {}).items():
        if any(os.path.exists(path) for path in paths):
            kind = f"{card['settings']['data'].partition(':')[0]}:" if setting == "data" else ""
            found[setting] = kind + ",".join(paths)
    return found


def load_weights(model, path):
    """Reads the weights of a model.

    Raises:
        UsageError: If the file is missing or damaged, or holds the weights of another network.
    """
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UsageError(f"{path} holds no weights of this network ({reason}); {AGAIN}.") from error


def save_weights(model, path):
    """Writes the weights of a model, and the state of its optimizer, beside and renamed."""
    memory = _WeightsInMemory()
    model.save_weights(memory)
    with written_beside(path) as partial:
        partial.write_bytes(memory.getbuffer())


def read_examples(folder, contract):
    """The examples beside a trained network, {input: array (examples, ...)}.

    Raises:
        UsageError: If there are none, or they are damaged or do not keep the contract.
    """
    path = folder / EXAMPLES
    try:
        with np.load(path, allow_pickle=False) as file:
            examples = {name: file[name] for name in contract.inputs}
        contract.check(examples)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, UsageError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UsageError(f"{path} cannot be read ({reason}); {AGAIN}.") from error
    return examples


def write_examples(part, contract, path):
    """Writes the first examples of a part of the data, `EXAMPLES_KEPT` of them; what pads all of them is cut off."""
    arrays = {}
    for name, array in part.head(EXAMPLES_KEPT).inputs.items():
        if contract[name].kind == "text":
            array = array[:, : max(1, int(np.count_nonzero(array, axis=1).max()))]
        arrays[name] = array
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def compress_weights(source, path, half=False):
    """Writes a file of weights again: compressed and equal to the bit, or in half precision.

    Args:
        source: A file as `save_weights` writes it.
        path: The file to write, in one piece.
        half: Whether float32 weights are stored as float16, in half the bytes. Keras reads them as float32 again.

    Raises:
        ValueError: If a weight is beyond the range of float16.
    """
    import h5py  # readers of cards do without

    memory = io.BytesIO()
    with h5py.File(source) as before, h5py.File(memory, "w") as after:

        def add(name, item):
            if isinstance(item, h5py.Group):
                copy = after.require_group(name)
                copy.attrs.update(item.attrs)
                return
            values = item[()]
            if half and values.dtype == "float32" and not name.startswith("optimizer"):
                with np.errstate(over="ignore"):
                    values = values.astype("float16")
                if not np.isfinite(values).all():
                    raise ValueError(f"{name} is beyond the range of half precision")
            # In one piece, with the bytes that hardly differ, such as those of the exponents, side by side.
            packed = {"chunks": item.shape, "compression": "gzip", "shuffle": True} if item.nbytes >= SMALL else {}
            after.create_dataset(name, data=values, **packed).attrs.update(item.attrs)

        before.visititems(add)
    path.write_bytes(memory.getbuffer())


class _WeightsInMemory(io.BytesIO):
    """What Keras takes for a file of weights. HDF5 itself never meets a full disk, on which it would crash the process."""

    def __str__(self):
        return WEIGHTS
