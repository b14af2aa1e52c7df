"""A person's own pictures, a folder for each class: `data=folder:FOLDER`."""

import dataclasses
import os
import pathlib
import warnings

import numpy as np
from PIL import Image

from zoo.data.classified_images import parted_image_data
from zoo.data.pictures import DEEP_MODES, pixels
from zoo.data.splits import stratified
from zoo.errors import UsageError
from zoo.types import Count

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# What systems leave in a folder without being asked, in small letters; names that begin with a dot are hidden anyway.
LEFT_BY_SYSTEMS = (
    "$recycle.bin",
    "@eadir",
    "__macosx",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "system volume information",
    "thumbs.db",
)
# How people call the folders of the parts, in small letters.
PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
GREY_MODES = ("1", "L", "LA", "La", *DEEP_MODES)
LARGEST_SIDE = 224
LARGEST_SIZE = 4 * 2**30
FORM = "FOLDER/CLASS/PICTURE, or FOLDER/train/CLASS/PICTURE and FOLDER/test/CLASS/PICTURE"
NO_PICTURE, NO_CLASS = "not a picture", "not a class folder"
EXPECTED = {NO_PICTURE: ("not pictures", f"{', '.join(SUFFIXES)} files"), NO_CLASS: ("not class folders", f"pictures in {FORM}")}


def load(path=None, size: Count | None = None, skip_bad: bool = False):
    """The pictures of a folder, in classes that are named and sorted as its folders.

    The pictures lie in `path/CLASS` or in folders below it, and of every class a tenth, at least one, is kept for validation and
    a tenth for test; or they lie in `path/train/CLASS`, `path/val/CLASS` and `path/test/CLASS`, in letters of any case, where a
    tenth of every class in `train` is kept for what is missing of the other two. `training`, `valid`, `validation`, `dev` and
    `testing` mean the same. A folder that holds nothing but another one is passed through.

    If all are stored as grey pictures they have one channel, otherwise three (WebP is always stored in colour). If all have one
    size they keep it; otherwise the middle square of each is cut out and resized to the smallest side found, at most 224 pixels,
    and the notes say which file that is. Transparency is laid on white, pictures are turned as their EXIF data say, and of an
    animation the first picture is taken. Hidden files, and what systems leave behind, are ignored.

    All pictures are in memory as float32, 4 bytes for each value of each pixel: at most 4 GiB.

    Args:
        path: The folder; `~` is the user's own. Pictures are .png, .jpg, .jpeg, .jfif, .bmp, .gif, .tif, .tiff or .webp.
        size: The side of the square, in pixels, that the middle of every picture is resized to; None chooses it as above.
        skip_bad: Whether to go on without what is not a picture or cannot be read; the notes name it.

    Returns:
        A `zoo.data.Data` with `image` (height, width, channels), float32 in [0, 1], and int32 targets.

    Raises:
        UsageError: If there is no such folder, or it has another form, or too few pictures for a class to be in every part, or
            files are no pictures (all are named), or the pictures take more than 4 GiB.

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
    root = _unwrapped(pathlib.Path(path).expanduser())
    if not root.is_dir():
        raise UsageError(f"{path} is not a folder; expected one with pictures in {FORM}.")
    folders, bad = _folders_of_parts(root), {}
    found = {part: _pictures_by_class(folder, bad) for part, folder in folders.items()}
    _check_classes(path, folders, found)
    drawn = [part for part in ("validation", "test") if part not in folders]
    images, note, notes = _read_all(path, found, folders, size, skip_bad, bad, drawn)
    if bad:
        notes.append(f"Left out: {_told(bad)}.")
    if drawn and len(folders) > 1:
        notes.append(f"{root} has no folder for {drawn[0]}: a tenth of every class in {folders['train'].name} is kept for it.")
    classes = list(found["train"])
    labels = {part: _labels(pictures, classes) for part, pictures in found.items()}
    generator = np.random.default_rng(0)
    rows = dict(zip(("train", *drawn), stratified(generator, labels["train"], len(drawn))))
    start = len(labels["train"])
    for part in folders:
        if part != "train":
            rows[part] = start + generator.permutation(len(labels[part]))
            start += len(labels[part])
    every = np.concatenate(list(labels.values()))
    parts = [(images[rows[part]], every[rows[part]]) for part in PARTS]
    data = parted_image_data(*parts, classes, f"folder {path}{note}", "the user's own")
    paths = {"data": [os.path.abspath(pathlib.Path(path).expanduser())]}
    return dataclasses.replace(data, notes=tuple(notes), packages=("pillow",), paths=paths)


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


def _unwrapped(root):
    """The folder itself, or what lies in it where that is one folder of folders, as archives are often packed."""
    while root.is_dir():
        entries = _entries(root)
        if len(entries) != 1 or entries[0].is_symlink() or not _holds_folders(entries[0]):
            break
        root = entries[0]
    return root


def _holds_folders(entry):
    """Whether it is a folder of folders, without pictures beside them."""
    inside = _entries(entry) if entry.is_dir() else []
    return any(one.is_dir() for one in inside) and not any(one.suffix.lower() in SUFFIXES for one in inside if one.is_file())


def _folders_of_parts(root):
    """{part: its folder}; `train` alone, the folder itself, where it is not parted. Folders of pictures are classes."""
    folders = [entry for entry in _entries(root) if entry.is_dir()]
    parts = [next((part for part, names in PARTS.items() if folder.name.lower() in names), None) for folder in folders]
    if not any(part and _holds_folders(folder) for part, folder in zip(parts, folders)):
        return {"train": root}
    if None in parts or len(set(parts)) < len(parts) or "train" not in parts:
        raise UsageError(
            f"{root} holds {', '.join(folder.name for folder in folders)}; expected `train`, `validation` and `test` alone, "
            "or a folder of pictures per class."
        )
    named = dict(zip(parts, folders))
    return {part: named[part] for part in PARTS if part in named}


def _pictures_by_class(folder, bad):
    """{class: files}, both sorted by name; what is not a picture is added to `bad`."""
    found = {}
    for entry in _entries(folder):
        if not entry.is_dir():
            bad[entry] = NO_CLASS
            continue
        if not entry.name.isprintable():
            raise UsageError(f"{str(entry)!r} has a name that cannot be printed; give the class another.")
        found[entry.name] = list(_pictures(entry, bad))
    return found


def _pictures(folder, bad, above=()):
    """The pictures in a folder and in those below it."""
    above = (*above, folder.resolve())
    for entry in _entries(folder):
        if entry.is_dir():
            if entry.resolve() not in above:  # a link to where it lies itself
                yield from _pictures(entry, bad, above)
        elif entry.suffix.lower() not in SUFFIXES or not entry.is_file():
            bad[entry] = NO_PICTURE
        else:
            yield entry


def _check_classes(path, folders, found):
    classes = found["train"]
    if len(classes) < 2:
        raise UsageError(f"{path} holds {len(classes)} class folders; expected at least two, with pictures in {FORM}.")
    for part, pictures in found.items():
        unknown = [name for name in pictures if name not in classes]
        if unknown:
            raise UsageError(
                f"{folders[part] / unknown[0]} is a class that {folders['train']} has not; expected the classes of train."
            )
        if not pictures:
            raise UsageError(f"{folders[part]} holds no class folder; expected those of train.")


def _check_counts(folders, found, drawn):
    for part, pictures in found.items():
        for name, files in pictures.items():
            if not files:
                raise UsageError(f"{folders[part] / name} holds no picture; expected the pictures of a class.")
    for name, files in found["train"].items():
        if len(files) <= len(drawn):
            expected = " and ".join(["one to train", *(f"one for {part}" for part in drawn)])
            raise UsageError(
                f"the class {name!r} has {len(files)} pictures in {folders['train'] / name}; expected at least "
                f"{1 + len(drawn)}, {expected}."
            )


def _labels(pictures, classes):
    return np.array([classes.index(name) for name, files in pictures.items() for _ in files])


def _read_all(path, found, folders, size, skip_bad, bad, drawn):
    """The images of all parts, what was done to them, and notes; leaves in `found` what can be read, and the rest in `bad`."""
    while True:
        _check_counts(folders, found, drawn)
        files = [file for pictures in found.values() for one in pictures.values() for file in one]
        images, note, notes, unreadable = _read(path, files, size)
        bad.update(unreadable)
        if bad and not skip_bad:
            raise UsageError(f"{_told(bad)}. Repair or move what is named, or leave it out with skip_bad=true.")
        if not unreadable:
            return images, note, notes
        for pictures in found.values():
            for name, one in pictures.items():
                pictures[name] = [file for file in one if file not in unreadable]


def _told(bad):
    """What is wrong with which files, in a line."""
    groups = [f"{file} cannot be read as a picture ({what})" for file, what in bad.items() if what not in EXPECTED]
    for what, (plural, expected) in EXPECTED.items():
        files = [str(file) for file, found in bad.items() if found == what]
        if files:
            groups.append(f"{', '.join(files)} {f'is {what}' if len(files) == 1 else f'are {plural}'}; expected {expected}")
    return "; ".join(groups)


def _read(path, files, size):
    """uint8 (examples, height, width, channels), what was done to the pictures, notes, and {file: why it cannot be read}."""
    unreadable, shapes, all_grey = {}, {}, True
    for file in files:
        looked = _looked(file, lambda picture: (_shape(picture), _is_grey(picture)), unreadable)
        if looked is not None:
            shapes.setdefault(looked[0], file)
            all_grey = all_grey and looked[1]
    files = [file for file in files if file not in unreadable]
    if not files:
        return None, "", [], unreadable
    square, note, notes = None, "", []
    if size or len(shapes) > 1:
        smallest = min(shapes, key=min)
        square = size or min(LARGEST_SIDE, *smallest)
        note = f", the middle square of each picture resized to {square} x {square} pixels"
        chosen = (
            f"the largest that is chosen, {LARGEST_SIDE}" if min(smallest) > square else f"the smallest, of {shapes[smallest]}"
        )
        why = "" if size else f"; that side is {chosen}, and size=... sets another"
        notes.append(f"{path}: the middle square of each picture was resized to {square} x {square} pixels{why}.")
    height_width = (square, square) if square else next(iter(shapes))
    shape = (len(files), *height_width, 1 if all_grey else 3)
    check_memory(path, np.prod(shape, dtype=float))
    images = np.empty(shape, "uint8")
    for image, file in zip(images, files):
        read = _looked(file, lambda picture: pixels(picture, "L" if all_grey else "RGB", square and (square, square)), unreadable)
        if read is not None:
            image[:] = read.reshape(image.shape)
    return images, note, notes, unreadable


def _shape(picture):
    """Height and width once it is turned as its EXIF data say."""
    turned = picture.getexif().get(0x0112, 1) >= 5  # the orientations that swap the sides
    return picture.size if turned else picture.size[::-1]


def _is_grey(picture):
    """Whether it can have no colour: by its mode, or by a palette of greys."""
    if picture.mode != "P":
        return picture.mode in GREY_MODES
    return not np.ptp(np.reshape(picture.getpalette(), (-1, 3)), axis=1).any()


def _looked(file, look, unreadable):
    """What `look` makes of a picture; None, with the reason in `unreadable`, where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as picture:
                return look(picture)
    except Exception as error:  # the readers of Pillow's formats, some of them libraries in C, raise errors of many kinds
        unreadable[file] = (str(error) or type(error).__name__).splitlines()[0]
        return None
