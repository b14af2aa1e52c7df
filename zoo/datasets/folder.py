"""A person's own pictures, a folder for each class: `data=folder:FOLDER`."""

import contextlib
import pathlib
import warnings

import numpy as np
from PIL import Image

from zoo.data.contract import parted_image_data
from zoo.data.pictures import pixels
from zoo.errors import UsageError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
# What systems leave in a folder without being asked, in small letters; names that begin with a dot are hidden anyway.
LEFT_BY_SYSTEMS = ("desktop.ini", "thumbs.db")
GREY_MODES = ("1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I;16N")
LARGEST_SIDE = 224
LARGEST_SIZE = 4 * 2**30
FORM = "FOLDER/CLASS/PICTURE, or FOLDER/train/CLASS/PICTURE and FOLDER/test/CLASS/PICTURE"


def load(path=None):
    """The pictures of a folder, in classes that are named and sorted as its folders.

    The pictures lie in `path/CLASS`, and of every class a tenth is kept for validation and a tenth for test; or they lie in
    `path/train/CLASS` and `path/test/CLASS`, and a tenth of every class in `train` is kept for validation. If all are stored
    as grey pictures they have one channel, otherwise three (WebP is always stored in colour). If all have one size they keep
    it; otherwise the middle square of each is cut out and resized to the smallest side found, at most 224 pixels. Transparency
    is laid on white, pictures are turned as their EXIF data say, and of an animation the first picture is taken. Hidden files
    are ignored.

    All pictures are in memory as float32, 4 bytes for each value of each pixel: at most 4 GiB.

    Args:
        path: The folder; pictures are .png, .jpg, .jpeg, .bmp, .gif or .webp.

    Returns:
        A `zoo.data.Data` with `image` (height, width, channels), float32 in [0, 1], and int32 targets.

    Raises:
        UsageError: If there is no such folder, or it has another form, or too few pictures for a class to be in every part, or
            a file is no picture, or the pictures take more than 4 GiB.

    Example:
        >>> import os, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> for name in ("dark", "light"):
        ...     os.mkdir(f"{folder}/{name}")
        ...     for number in range(20):
        ...         Image.new("L", (8, 6), 255 * (name == "light")).save(f"{folder}/{name}/{number}.png")
        >>> data = load(folder)
        >>> len(data.train), len(data.validation), data.contract["image"].shape, data.contract.classes
        (32, 4, (6, 8, 1), ('dark', 'light'))
    """
    if not path:
        raise UsageError(f"`data=folder` came without a folder; write data=folder:FOLDER, with pictures in {FORM}.")
    root = pathlib.Path(path)
    if not root.is_dir():
        raise UsageError(f"{path} is no folder; expected one with pictures in {FORM}.")
    parted = _is_parted(root)
    first = _pictures_by_class(root / "train" if parted else root)
    second = _pictures_by_class(root / "test") if parted else {}
    classes = list(first)
    if len(classes) < 2:
        raise UsageError(f"{path} holds {len(classes)} class folders; expected at least two, with pictures in {FORM}.")
    unknown = [name for name in second if name not in first]
    if unknown:
        raise UsageError(f"{root / 'test' / unknown[0]} is a class that {root / 'train'} has not; expected the classes of train.")
    if parted and not second:
        raise UsageError(f"{root / 'test'} holds no class folder; expected those of train.")
    for name, files in first.items():
        if len(files) < 10:
            expected = "at least 10, of which a tenth is for validation" + ("" if parted else " and a tenth for test")
            raise UsageError(f"the class {name!r} has {len(files)} pictures in {files[0].parent}; expected {expected}.")
    files = [file for folders in (first, second) for pictures in folders.values() for file in pictures]
    labels = np.array([classes.index(file.parent.name) for file in files])
    images, note = _read(path, files)
    generator = np.random.default_rng(0)
    own = sum(map(len, first.values()))
    rows = _stratified(generator, labels[:own], with_test=not parted)
    if parted:
        rows[2] = own + generator.permutation(len(files) - own)
    parts = [(images[chosen], labels[chosen]) for chosen in rows]
    return parted_image_data(*parts, classes, f"folder {path}{note}", "the user's own")


def check_memory(path, values):
    """Raises `UsageError` if so many values take more than 4 GiB as float32.

    Args:
        path: Where they come from, for the message.
        values: How many values there are.

    Example:
        >>> check_memory("some.npz", 60000 * 28 * 28)
    """
    if 4 * values > LARGEST_SIZE:
        raise UsageError(
            f"{path} takes {4 * values / 2**30:.1f} GiB of memory as float32; expected at most {LARGEST_SIZE // 2**30} GiB. "
            "Use fewer or smaller images."
        )


def _entries(folder):
    """What lies in a folder, sorted by name, without what is hidden."""
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror}).") from error
    return [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in LEFT_BY_SYSTEMS]


def _is_parted(root):
    """Whether the folder has `train` and `test`; folders of pictures of these names are classes."""
    names = [entry.name for entry in _entries(root)]
    given = [name for name in names if name in ("test", "train") and (root / name).is_dir()]
    if not any(entry.is_dir() for name in given for entry in _entries(root / name)):
        return False
    if names != ["test", "train"]:
        raise UsageError(
            f"{root} holds {', '.join(names)}; expected `train` and `test` alone, or a folder of pictures per class."
        )
    return True


def _pictures_by_class(folder):
    """{class: files}, both sorted by name."""
    found = {}
    for entry in _entries(folder):
        if not entry.is_dir():
            raise UsageError(f"{entry} is no class folder; expected pictures in {FORM}. Move it elsewhere.")
        if not entry.name.isprintable():
            raise UsageError(f"{str(entry)!r} has a name that cannot be printed; give the class another.")
        found[entry.name] = _entries(entry)
        if not found[entry.name]:
            raise UsageError(f"{entry} holds no picture; expected the pictures of a class.")
        for file in found[entry.name]:
            if file.is_dir():
                raise UsageError(f"{file} is a folder, where a picture should be; expected {FORM}.")
            if file.suffix.lower() not in SUFFIXES or not file.is_file():
                raise UsageError(f"{file} is no picture; expected {', '.join(SUFFIXES)} files. Move it elsewhere.")
    return found


def _stratified(generator, labels, with_test):
    """Row numbers for training, validation and test, in random order, with a tenth of every class in each of the last two."""
    order = generator.permutation(len(labels))
    part = np.zeros(len(labels), int)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        tenth = len(members) // 10
        part[members[:tenth]] = 1
        part[members[tenth : 2 * tenth]] = 2 * with_test
    return [order[part[order] == number] for number in range(3)]


def _read(path, files):
    """uint8 (examples, height, width, channels), and what was done to the pictures as text."""
    shapes, all_grey = set(), True
    for file in files:
        with _opened(file) as picture:
            turned = picture.getexif().get(0x0112, 1) >= 5  # the orientations that swap the sides
            shapes.add(picture.size if turned else picture.size[::-1])
            all_grey = all_grey and _is_grey(picture)
    square, note = None, ""
    if len(shapes) > 1:
        square = min(LARGEST_SIDE, *map(min, shapes))
        shapes = {(square, square)}
        note = f", the middle square of each picture resized to {square} x {square} pixels"
    shape = (len(files), *shapes.pop(), 1 if all_grey else 3)
    check_memory(path, np.prod(shape, dtype=float))
    images = np.empty(shape, "uint8")
    for image, file in zip(images, files):
        with _opened(file) as picture:
            image[:] = pixels(picture, "L" if all_grey else "RGB", square and (square, square)).reshape(image.shape)
    return images, note


def _is_grey(picture):
    """Whether it can have no colour: by its mode, or by a palette of greys."""
    if picture.mode != "P":
        return picture.mode in GREY_MODES
    return not np.ptp(np.reshape(picture.getpalette(), (-1, 3)), axis=1).any()


@contextlib.contextmanager
def _opened(file):
    """A picture; whatever goes wrong with it is a `UsageError` that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as picture:
                yield picture
    except Exception as error:  # the readers of Pillow's formats, some of them libraries in C, raise errors of many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{file} cannot be read as a picture ({reason}); repair it or move it elsewhere.") from error
