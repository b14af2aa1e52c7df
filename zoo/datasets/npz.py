"""A person's own images in one .npz file, in the form of keras.datasets: `data=npz:FILE.npz`."""

import dataclasses
import math
import os
import zipfile

import numpy as np

from zoo.data.classified_images import image_data
from zoo.datasets.folder import check_memory
from zoo.errors import UsageError

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
FORM = "the arrays x_train, y_train, x_test and y_test, as in keras.datasets"
# Not `read_array`, which would make room for whatever a damaged header claims.
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def load(path=None):
    """The images of a file: a tenth of the training images, at most 5 000, is kept for validation.

    Images, `x_train` and `x_test`, are (examples, height, width) or (examples, height, width, channels) with 1 or 3 channels,
    integers from 0 to 255 or floating point in [0, 1]. Labels, `y_train` and `y_test`, are integers from 0, (examples,) or
    (examples, 1). A further array `classes` may name them; without it they are called as they are numbered. All images are in
    memory as float32, at most 4 GiB.

    Other forms are taken too where they can mean one thing only, and the notes say so: channels in the second place, if the
    last one cannot be channels; floating point from 0 to 255, if all values are whole or one is above 127; one-hot labels,
    (examples, classes) with a single 1 in each row; labels from 1, if none is 0 and every one up to the largest occurs.

    Args:
        path: The file, as `numpy.savez` or `numpy.savez_compressed` writes it; `~` is the user's own folder.

    Returns:
        A `zoo.data.Data` with `image` (height, width, channels), float32 in [0, 1], and int32 targets.

    Raises:
        UsageError: If the file is missing, damaged or too large, or an array is missing or has another form.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/images.npz"
        >>> images, labels = np.zeros((20, 8, 8), "uint8"), np.arange(20) % 2
        >>> np.savez(name, x_train=images, y_train=labels, x_test=images, y_test=labels, classes=["cat", "dog"])
        >>> data = load(name)
        >>> len(data.train), len(data.validation), data.contract["image"].shape, data.contract.classes
        (18, 2, (8, 8, 1), ('cat', 'dog'))
    """
    if not path:
        raise UsageError(f"`data=npz` came without a file; write data=npz:FILE.npz, a file of {FORM}.")
    path = os.path.expanduser(path)
    if not os.path.isfile(path):
        raise UsageError(f"{path} is not a file; expected an .npz file of {FORM}.")
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = _arrays(archive, path)
    except UsageError:
        raise
    except Exception as error:  # zipfile, its decompressors and NumPy's reader raise errors of many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path} cannot be read as an .npz file ({reason}); save it again with numpy.savez.") from error
    notes = []
    images = _pixels({part: arrays[f"x_{part}"] for part in ("train", "test")}, path, notes)
    labels = {part: _numbers(arrays[f"y_{part}"], f"{path}: y_{part}", notes) for part in ("train", "test")}
    labels, first = _from_zero(labels, path, notes)
    classes = _classes(labels, arrays.get("classes"), path, first)
    count = len(images["train"])
    if count < 10:
        raise UsageError(f"{path}: x_train holds {count} images; expected at least 10, of which a tenth is for validation.")
    data = image_data(
        (images["train"], labels["train"]),
        (images["test"], labels["test"]),
        validation_examples=min(5000, count // 10),
        seed=0,
        classes=classes,
        source=f"file {path}",
        licence="the user's own",
    )
    left = np.bincount(data.train.targets, minlength=len(classes))
    if not left.all():
        few = int(left.argmin())
        raise UsageError(
            f"{path}: class {few} has {(labels['train'] == few).sum()} of the {count} training examples, and all of them were "
            "drawn for validation; expected more examples of it."
        )
    return dataclasses.replace(data, notes=tuple(notes), paths={"data": [os.path.abspath(path)]})


def _arrays(archive, path):
    """Every array by its name, after the headers were found to fit together."""
    names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    missing = [name for name in ARRAYS if name not in names]
    if missing:
        raise UsageError(
            f"{path} has no {', '.join(missing)} (it holds {', '.join(sorted(names)) or 'nothing'}); expected {FORM}."
        )
    wanted = [*ARRAYS, *(name for name in names if name == "classes")]
    headers = {name: _header(archive, path, name) for name in wanted}
    for part in ("train", "test"):
        _check_part(path, part, headers)
    train, test = (_shape(headers[name][0]) for name in ("x_train", "x_test"))
    if train != test:
        raise UsageError(f"{path}: the images of x_train are {train}, those of x_test {test}; expected images of one shape.")
    check_memory(path, sum(math.prod(headers[name][0]) for name in ("x_train", "x_test")))
    arrays = {}
    for name in wanted:
        with archive.open(f"{name}.npy") as member:
            arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def _header(archive, path, name):
    """(shape, dtype) of an array, after its size was found to be what the header says."""
    with archive.open(f"{name}.npy") as member:
        version = np.lib.format.read_magic(member)
        if version not in HEADERS:
            raise UsageError(f"{path}: {name} is of the format {version}; expected numbers as numpy.savez writes them.")
        shape, _, dtype = HEADERS[version](member)
        held = archive.getinfo(f"{name}.npy").file_size - member.tell()
    if dtype.hasobject:
        raise UsageError(f"{path}: {name} holds Python objects; expected an array of numbers, and text for `classes`.")
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != held:
        raise UsageError(f"{path}: {name} is damaged, it holds {held} bytes for {dtype} of shape {shape}; save the file again.")
    return shape, dtype


def _check_part(path, part, headers):
    (shape, dtype), (label_shape, label_dtype) = headers[f"x_{part}"], headers[f"y_{part}"]
    images, labels = f"{path}: x_{part}", f"{path}: y_{part}"
    if len(shape) not in (3, 4):
        raise UsageError(
            f"{images} has shape {shape}; expected (examples, height, width) or (examples, height, width, channels)."
        )
    if len(shape) == 4 and shape[3] not in (1, 3) and shape[1] not in (1, 3):
        raise UsageError(f"{images} has {shape[3]} channels; expected 1 or 3, in the last place of {shape}.")
    if not all(shape):
        raise UsageError(f"{images} is empty, of shape {shape}; expected images to train and to test.")
    if dtype.kind not in "uif":
        raise UsageError(f"{images} is {dtype}; expected integers from 0 to 255, or floating point in [0, 1].")
    if len(label_shape) not in (1, 2):
        raise UsageError(f"{labels} has shape {label_shape}; expected (examples,) or (examples, 1), the number of each class.")
    if label_dtype.kind not in ("ui" if label_shape[1:] in ((), (1,)) else "uifb"):
        raise UsageError(f"{labels} is {label_dtype}; expected integers, the number of each class.")
    if label_shape[0] != shape[0]:
        raise UsageError(f"{labels} has {label_shape[0]} labels for {shape[0]} images; expected one for each.")


def _channels_first(shape):
    """Whether images have their channels in the second place, which the last one cannot hold then."""
    return len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3)


def _shape(shape):
    """(height, width, channels) of an array of images."""
    return (*shape[2:], shape[1]) if _channels_first(shape) else (*shape[1:], 1)[:3]


def _pixels(images, path, notes):
    """{part: array}, uint8 or float32 in [0, 1]; (examples, height, width, channels)."""
    if any(_channels_first(array.shape) for array in images.values()):
        notes.append(f"{path}: the images have their channels in the second place; they were moved to the last.")
    images = {
        part: np.moveaxis(array, 1, 3) if _channels_first(array.shape) else array.reshape(*array.shape[:3], -1)
        for part, array in images.items()
    }
    for part, array in images.items():
        if not np.isfinite(array).all():
            raise UsageError(f"{path}: x_{part} holds NaN or infinity; expected finite values.")
    to_255 = _reach_255([array for array in images.values() if array.dtype.kind == "f"])
    if to_255:
        notes.append(f"{path}: the images are floating point from 0 to 255; they were divided by 255.")
    return {part: _as_pixels(array, f"{path}: x_{part}", to_255) for part, array in images.items()}


def _reach_255(arrays):
    """Whether floating point lies in [0, 255] and cannot be meant for [0, 1]."""
    if not arrays or min(array.min() for array in arrays) < 0:
        return False
    largest = max(array.max() for array in arrays)
    return 127 < largest <= 255 or 1 < largest <= 255 and all((array == np.round(array)).all() for array in arrays)


def _as_pixels(array, name, to_255):
    is_float = array.dtype.kind == "f"
    if array.min() < 0 or array.max() > (1 if is_float and not to_255 else 255):
        raise UsageError(
            f"{name} is {array.dtype} in [{array.min():g}, {array.max():g}]; expected integers from 0 to 255, "
            "or floating point in [0, 1]."
        )
    if is_float and to_255 and not (array == np.round(array)).all():
        return array.astype("float32") / np.float32(255)
    return array.astype("float32" if is_float and not to_255 else "uint8", copy=False)


def _numbers(labels, name, notes):
    """The number of each class, (examples,), out of one-hot labels too."""
    if labels.ndim == 1 or labels.shape[1] == 1:
        return labels.reshape(-1)
    if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
        raise UsageError(
            f"{name} has shape {labels.shape} and is not one-hot, a single 1 in each row; expected (examples,) or (examples, 1), "
            "the number of each class."
        )
    notes.append(f"{name} is one-hot; the place of the 1 was taken for the class.")
    return labels.argmax(axis=1)


def _from_zero(labels, path, notes):
    """The labels counted from 0, and the first of them as it was."""
    present = np.unique(labels["train"])
    from_one = present[0] == 1 and len(present) == present[-1] > 1 and labels["test"].min() >= 1
    if not from_one:
        return labels, 0
    notes.append(f"{path}: the labels are 1 to {present[-1]}; they were taken for the classes in this order.")
    return {part: numbers.astype("int64") - 1 for part, numbers in labels.items()}, 1


def _classes(labels, names, path, first):
    """The names of the classes, after every label was found to have one."""
    for part, numbers in labels.items():
        if numbers.min() < 0:
            raise UsageError(f"{path}: y_{part} has the label {numbers.min()}; expected classes from 0.")
    present = np.unique(labels["train"])
    count = int(present[-1]) + 1
    if names is not None:
        if names.ndim != 1 or names.dtype.kind != "U" or len(set(names.tolist())) != len(names):
            raise UsageError(
                f"{path}: classes is {names.dtype} of shape {names.shape}; expected a different text for each class."
            )
        if not all(name.strip() and name.isprintable() for name in names.tolist()):
            raise UsageError(f"{path}: classes holds names that are blank or cannot be printed; expected a text for each class.")
        if first == 1 and len(names) != count:
            raise UsageError(
                f"{path}: y_train has the labels 1 to {count}, and classes holds {len(names)} names; expected {count}."
            )
        if count > len(names):
            raise UsageError(
                f"{path}: y_train has the label {count - 1}, and classes holds {len(names)} names; expected one for each."
            )
        count = len(names)
    if count < 2:
        raise UsageError(f"{path}: y_train has one class alone; expected at least two.")
    if len(present) < count:
        gaps = np.flatnonzero(present != np.arange(len(present)))
        raise UsageError(
            f"{path}: class {gaps[0] if len(gaps) else len(present)} has no example in y_train; expected every label from 0 "
            f"to {count - 1}."
        )
    if labels["test"].max() >= count:
        raise UsageError(f"{path}: y_test has the label {labels['test'].max()}; expected those of y_train, 0 to {count - 1}.")
    return [str(first + number) for number in range(count)] if names is None else names.tolist()
