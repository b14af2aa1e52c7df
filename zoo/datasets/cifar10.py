"""CIFAR-10: 60 000 colour pictures of 32 x 32 pixels in ten classes (Krizhevsky 2009)."""

import numpy as np
from PIL import Image

from zoo.data.classified_images import image_data
from zoo.data.prepared import data_folder
from zoo.data.tfds import load_images
from zoo.errors import UsageError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar.html"
LICENCE = "none stated; cite Krizhevsky 2009"
SHEETS = [f"train_{index:02}.webp" for index in range(10)]


def load():
    """The pictures: 45 000 to train, 5 000 to validate, the official 10 000 to test, through tensorflow-datasets.

    Where `ZOO_DATA_DIR` holds a folder `cifar10` of lossless WebP sheets instead (`train_00.webp` to `train_09.webp`, 5 000
    tiles of 32 x 32 each; `test_*.webp`; a label a line in `train_labels.txt` and `test_*_labels.txt`), these are taken, and the
    test part is what is there.

    Returns:
        A `zoo.data.Data` with `image` (32, 32, 3), float32 in [0, 1], and the classes' names.

    Raises:
        UsageError: If the set is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.cifar10.load().train.inputs["image"].shape` is `(45000, 32, 32, 3)`.
    """
    folder = data_folder()
    if folder is not None and (folder / "cifar10" / SHEETS[0]).is_file():
        return _load_sheets(folder / "cifar10")
    instead = "data=npz:PATH with pictures of your own"
    return load_images("cifar10", "https://www.cs.toronto.edu", ORIGIN, LICENCE, (50000, 10000), version="3.0.2", instead=instead)


def _load_sheets(folder):
    try:
        (test_sheet,) = folder.glob("test_*.webp")
        train = np.concatenate([_tiles(folder / name) for name in SHEETS]), _labels(folder / "train_labels.txt")
        test = _tiles(test_sheet), _labels(test_sheet.with_name(f"{test_sheet.stem}_labels.txt"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder} cannot be read ({error}); expected the sheets that `zoo.datasets.cifar10.load` describes."
        ) from error
    for (images, labels), part in ((train, "training"), (test, "test")):
        if len(images) != len(labels) or labels.min() < 0 or labels.max() > 9:
            raise UsageError(
                f"{folder} has {len(images)} {part} pictures and {len(labels)} labels from {labels.min()} to {labels.max()}; "
                "expected as many of both, from 0 to 9."
            )
    source = (
        f"CIFAR-10 ({ORIGIN}), all {len(train[0]):,} training pictures and the first {len(test[0]):,} of the 10,000 test pictures"
    )
    return image_data(train, test, 5000, 0, CLASSES, source, LICENCE)


def _tiles(path):
    """(tiles, 32, 32, 3) uint8, row by row of the sheet."""
    sheet = np.asarray(Image.open(path).convert("RGB"))
    rows, columns = sheet.shape[0] // 32, sheet.shape[1] // 32
    return sheet.reshape(rows, 32, columns, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)


def _labels(path):
    return np.loadtxt(path, dtype="int64")
