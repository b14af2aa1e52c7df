"""Images: `(height, width, channels)`; grey ones also `(height, width)`, as the rows that a recurrent network reads, or flat."""

import math
import pathlib

import numpy as np
from PIL import Image

from zoo.data.pictures import fitted, light_on_dark
from zoo.errors import UsageError

SHADES = " .:-=+*#%@"
WIDEST = 40  # columns of a picture on a terminal, each of two characters
MARGIN = 2  # pixels between the pictures of a grid


def read(source, name, field):
    """Any picture in the form of the training images.

    Raises:
        UsageError: If the file is missing or no picture, or blank where one thing is expected on it.
    """
    if field.picture is None:
        raise UsageError(f"{source} cannot be used; `{name}` takes an array {field.batch_shape()}, as a .npy file.")
    picture, notes = form(source, field.picture)
    low, high = (0.0 if field.minimum is None else field.minimum), (1.0 if field.maximum is None else field.maximum)
    if (low, high) != (0.0, 1.0):
        picture = low + (high - low) * picture
    shape = field.shape
    if None in shape:
        shape = (-1, *shape[1:])
    elif math.prod(shape) != picture.size:
        raise UsageError(f"`{name}` has the shape {shape}, and a picture comes as {picture.shape}; give a .npy file.")
    return picture.reshape(1, *shape).astype(field.dtype), notes


def form(source, picture):
    """A person's picture in the form that `Field.picture` names.

    Args:
        source: A file of any format that Pillow reads, its path or the open file.
        picture: Keywords of `light_on_dark`, or of `fitted`.

    Returns:
        (image, notes): `(height, width, channels)` float32 in [0, 1], and a list of what was done.
    """
    return (fitted if "shape" in picture else light_on_dark)(source, **picture)


def value(row, field):
    """The array itself."""
    return row


def words(row, field):
    """The image in characters, two for each pixel; large ones are drawn smaller.

    Example:
        >>> print(words(np.array([[0.5, 0.0], [0.0, 1.0]]), None))
        ++
          @@
    """
    grey = _bytes(row, field).mean(axis=-1)
    if grey.shape[1] > WIDEST:
        height = max(1, round(grey.shape[0] * WIDEST / grey.shape[1]))
        grey = np.asarray(Image.fromarray(grey.astype("float32")).resize((WIDEST, height), Image.Resampling.BOX))
    shades = np.round(grey / 255 * (len(SHADES) - 1)).astype(int)
    return "\n".join("".join(SHADES[shade] * 2 for shade in line).rstrip() for line in shades)


def save_grid(images, field, path, side_by_side=1):
    """Writes a batch of images as one picture, in rows.

    Args:
        images: `(batch, height, width, channels)`, `(batch, height, width)` or flat square ones.
        field: Their `Field`.
        path: The file to write; its suffix says the format, such as .png.
        side_by_side: How many that follow each other belong together, and stand in one row.

    Raises:
        UsageError: If it cannot be written.
    """
    pictures = [_bytes(image, field) for image in images]
    columns = side_by_side * math.ceil(math.sqrt(len(pictures) / side_by_side))
    height, width, channels = pictures[0].shape
    rows = math.ceil(len(pictures) / columns)
    grid = np.zeros((rows * (height + MARGIN) + MARGIN, columns * (width + MARGIN) + MARGIN, channels), "uint8")
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = MARGIN + row * (height + MARGIN), MARGIN + column * (width + MARGIN)
        grid[top : top + height, left : left + width] = picture
    suffix = pathlib.Path(path).suffix.lower()
    try:
        with open(path, "wb") as file:
            Image.fromarray(grid[..., 0] if channels == 1 else grid).save(file, Image.registered_extensions()[suffix])
    except (OSError, KeyError) as error:
        raise UsageError(f"{path} cannot be written ({getattr(error, 'strerror', None) or error}); give another name.") from error


def _bytes(row, field):
    """uint8 (height, width, channels)."""
    row = np.asarray(row, "float64")
    if row.ndim == 1:
        side = math.isqrt(row.size)
        row = row.reshape(side, side) if side * side == row.size else row[None]
    if row.ndim == 2:
        row = row[..., None]
    if row.ndim != 3 or row.shape[-1] not in (1, 3):
        raise UsageError(
            f"an image of shape {row.shape} cannot be shown; expected (height, width, channels) with 1 or 3 channels."
        )
    low = 0.0 if field is None or field.minimum is None else field.minimum
    high = 1.0 if field is None or field.maximum is None else field.maximum
    return np.round(np.clip((row - low) / (high - low), 0, 1) * 255).astype("uint8")
