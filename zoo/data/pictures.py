"""Brings a picture that a person has at hand to the form of the training images."""

import os

import numpy as np
from PIL import Image, ImageOps

from zoo.errors import UsageError

# Of the way from the background to the darkest ink: what is fainter is paper, not ink.
INK = 0.2
# Grey in more than 8 bits.
DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
# What white can be in a picture of floating point, or of 32 bits: the least that holds all of its values.
WHITES = (1, 255, 65535)


def light_on_dark(path, size=28, box=20, center="mass"):
    """Reads any picture of one dark or light thing and gives it the form of MNIST.

    Transparency is laid on white, or on black if the ink is light; colours become grey; dark on light is inverted; the ink is cut
    out, fitted into a box and put into the middle. A picture that has the right size already, light on dark, stays as it is.

    Source: the form is that of LeCun et al. 1998: a 20 x 20 box, its centre of mass in the middle of 28 x 28 pixels.

    Args:
        path: A file of any format that Pillow reads, its path or the open file.
        size: Height and width of the result.
        box: The longer side of the ink in the result.
        center: "mass" puts the centre of mass into the middle, "box" the middle of the ink's box.

    Returns:
        (image, notes): `(size, size, 1)` float32 in [0, 1], and a list of what was done.

    Raises:
        UsageError: If the file is missing, no picture, too large or blank.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/stroke.png"
        >>> picture = Image.new("RGB", (60, 80), "white")
        >>> picture.paste("black", (25, 10, 35, 70))
        >>> picture.save(name)
        >>> image, notes = light_on_dark(name)
        >>> image.shape, float(image.max())
        ((28, 28, 1), 1.0)
        >>> notes[1]
        'dark on light: inverted'
    """
    grey, notes = _read_grey(path)
    path = path if isinstance(path, (str, os.PathLike)) else "the picture"
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(border))
    dark_on_light = background > (float(grey.min()) + float(grey.max())) / 2
    ink = np.clip(background - grey if dark_on_light else grey - background, 0, None)
    if ink.max() < 8:
        raise UsageError(f"{path} is blank; expected a picture of one thing, dark on light or light on dark.")
    if grey.shape == (size, size) and not dark_on_light:
        return grey[..., None] / np.float32(255), [*notes, "light on dark and of the right size: taken as it is"]
    if dark_on_light:
        notes.append("dark on light: inverted")
    ink /= ink.max()
    ink[ink < INK] = 0
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = box / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    fitted = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.LANCZOS)).clip(0, 1)
    fitted /= fitted.max()
    middle = (height - 1) / 2, (width - 1) / 2
    if center == "mass":
        middle = tuple(float((fitted.sum(axis=1 - axis) * np.arange(fitted.shape[axis])).sum() / fitted.sum()) for axis in (0, 1))
    # Rounded twice, lest the noise of the last digit decide where the middle lies exactly between two pixels.
    corner = [round(round((size - 1) / 2 - position, 3)) for position in middle]
    top, left = (int(np.clip(start, 0, size - side)) for start, side in zip(corner, fitted.shape))
    image = np.zeros((size, size, 1), "float32")
    image[top : top + height, left : left + width, 0] = fitted
    notes.append(f"ink of {ink.shape[1]} x {ink.shape[0]} pixels fitted into {width} x {height}, centred by its {center}")
    return image, notes


def fitted(path, shape):
    """Reads any picture and gives it a shape: the largest middle part with the same ratio of the sides, resized.

    Args:
        path: A file of any format that Pillow reads, its path or the open file.
        shape: Height, width and channels, 1 or 3.

    Returns:
        (image, notes): `shape` float32 in [0, 1], and a list of what was done.

    Raises:
        UsageError: If the file is missing, no picture or too large.

    Example:
        >>> import tempfile
        >>> name = tempfile.mkdtemp() + "/wide.png"
        >>> Image.new("RGB", (60, 40), "red").save(name)
        >>> image, notes = fitted(name, (32, 32, 3))
        >>> image.shape, image[0, 0].tolist()
        ((32, 32, 3), [1.0, 0.0, 0.0])
        >>> notes[1]
        'the middle 40 x 40 pixels resized to 32 x 32'
    """
    height, width, channels = shape
    name = path if isinstance(path, (str, os.PathLike)) else "the picture"
    try:
        with Image.open(path) as file:
            notes = [f"{file.width} x {file.height} pixels, {file.mode}"]
            image = pixels(file, "L" if channels == 1 else "RGB", (height, width))
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; expected a picture.") from None
    except Exception as error:  # as in `_read_grey`
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{name} cannot be read as a picture ({reason}).") from error
    scale = min(file.width / width, file.height / height)
    if scale != 1 or file.width * height != file.height * width:
        notes.append(f"the middle {round(width * scale)} x {round(height * scale)} pixels resized to {width} x {height}")
    return image.reshape(shape) / np.float32(255), notes


def pixels(picture, mode, size=None):
    """An open picture turned upright, laid on white, in its mode and size.

    Args:
        picture: A `PIL.Image.Image`.
        mode: "L" or "RGB".
        size: Height and width that the middle of the picture is resized to; None keeps it whole.

    Returns:
        uint8 `(height, width)`, or `(height, width, 3)`.

    Raises:
        ValueError: If it holds values that are below zero or not finite.
    """
    picture = _upright(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert(mode)
    if size is not None and size != (picture.height, picture.width):
        scale = min(picture.height / size[0], picture.width / size[1])
        height, width = (max(1, round(side * scale)) for side in size)
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        bands = picture.crop((left, top, left + width, top + height)).split()
        # As floats, because Pillow rounds 8 bits after each of its two passes.
        resized = [np.asarray(band.convert("F").resize(size[::-1], Image.Resampling.LANCZOS)) for band in bands]
        return np.round(np.stack(resized, axis=-1).clip(0, 255)).astype("uint8").reshape(*size, *([] if mode == "L" else [3]))
    return np.asarray(picture)


def _upright(picture):
    """A picture turned as its EXIF data say, in 8 bits.

    By hand where it has more, because Pillow cuts off what is above 255; a value that stands for transparency becomes white.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode not in DEEP_MODES:
        return picture
    grey = np.array(picture, "float64")
    if not np.isfinite(grey).all() or grey.min() < 0:
        raise ValueError("it holds values that are below zero or not finite")
    whites = WHITES if picture.mode in ("I", "F") else (65535,)  # nothing in the file says how bright those two can be
    white = next((white for white in whites if grey.max() <= white), grey.max())
    grey[grey == picture.info.get("transparency")] = white
    return Image.fromarray(np.round(grey * (255 / white)).astype("uint8"))


def _read_grey(path):
    """(height, width) float32 from 0 to 255, and notes."""
    name = path if isinstance(path, (str, os.PathLike)) else "the picture"
    try:
        with Image.open(path) as file:
            mode, picture = file.mode, _upright(file)
            notes = [f"{picture.width} x {picture.height} pixels, {mode}"]
            picture = picture.convert("RGBA" if picture.has_transparency_data else "L")
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}; expected a picture.") from None
    except Exception as error:  # the readers of Pillow's formats, some of them libraries in C, raise errors of many kinds
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{name} cannot be read as a picture ({reason}).") from error
    if picture.mode == "RGBA":
        alpha = np.asarray(picture.getchannel("A"), "float32")
        grey = np.asarray(picture.convert("RGB").convert("L"), "float32")
        paper = "black" if alpha.any() and (grey * alpha).sum() / alpha.sum() > 127 and alpha.min() < 128 else "white"
        notes.append(f"transparent: laid on {paper}")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, paper), picture)
    return np.asarray(picture.convert("L"), "float32"), notes
