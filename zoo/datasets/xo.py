"""X's and O's of 9 x 9 pixels, the toy images of the lectures; generated."""

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part

# The X of Payberah 2018, "Deep Learning for Poets (Part IV)", What Computers See, and an O in its style.
_X = """
.........
.#.....#.
..#...#..
...#.#...
....#....
...#.#...
..#...#..
.#.....#.
.........
"""
_O = """
.........
...###...
..#...#..
.#.....#.
.#.....#.
.#.....#.
..#...#..
...###...
.........
"""
SLIDES_X, SLIDES_O = (
    np.array([[1.0 if c == "#" else -1.0 for c in row] for row in text.split()], "float32") for text in (_X, _O)
)
CLASSES = ("O", "X")
# How `zoo.data.pictures.light_on_dark` gives a person's picture the form of these images: ink is 1, paper -1.
PICTURE = {"size": 9, "box": 7, "center": "box"}
COUNTS = {"train": 2000, "validation": 500, "test": 1000}
# Drawn at random for each class; the first 1 750 different ones are taken.
CANDIDATES = 4000


def load():
    """2 000 images to train, 500 to validate, 1 000 to test; no image occurs twice.

    Among them are the original X and O in all nine places of the frame. The others are drawn like the "trickier cases" of the
    lectures: height and width 0.8 to 1.1 times those of the original, turned by up to 10 degrees to either side, with strokes
    of 1 to 1.5 pixels, and shifted as far as they stay in the frame, by fractions of a pixel too.

    Returns:
        A `zoo.data.Data` with `image` (9, 9, 1), float32, every pixel -1 or 1, and the classes "O" and "X".

    Example:
        >>> data = load()
        >>> data.train.inputs["image"].shape, np.unique(data.train.inputs["image"]).tolist()
        ((2000, 9, 9, 1), [-1.0, 1.0])
    """
    generator = np.random.default_rng(0)
    total = sum(COUNTS.values())
    images, targets = [], []
    for label, letter in enumerate(CLASSES):
        drawn = _drawn(generator, letter)
        _, first = np.unique(drawn, axis=0, return_index=True)
        images.append(drawn[np.sort(first)[: total // 2]])
        targets.append(np.full(total // 2, label, "int32"))
    order = generator.permutation(total)
    images, targets = np.concatenate(images)[order, ..., None], np.concatenate(targets)[order]
    parts, start = {}, 0
    for name, count in COUNTS.items():
        rows = slice(start, start + count)
        parts[name] = Part({"image": images[rows]}, targets[rows])
        start += count
    return Data(
        **parts,
        contract=Contract({"image": Field("float32", (9, 9, 1), -1.0, 1.0, kind="image", picture=PICTURE)}, CLASSES),
        source="generated, X and O of 9 x 9 pixels, seed 0",
        licence="generated",
    )


def draw(letter, scale=(1.0, 1.0), degrees=0.0, thickness=1.0, shift=(0.0, 0.0)):
    """Draws an X or an O: pixels whose middle lies on its strokes are 1, all others -1.

    Args:
        letter: "X" or "O".
        scale: Height and width, relative to the 7 x 7 pixels of the original; each a number or an array.
        degrees: How far it is turned clockwise.
        thickness: Of the strokes, in pixels.
        shift: By how many pixels it is moved down and to the right.

    Returns:
        `(9, 9)` float32 of -1 and 1; arrays of arguments give `(..., 9, 9)`.

    Raises:
        ValueError: If the letter is another.

    Example:
        >>> bool((draw("X") == SLIDES_X).all()), bool((draw("O") == SLIDES_O).all())
        (True, True)
    """
    if letter not in CLASSES:
        raise ValueError(f'`letter` must be "X" or "O", got {letter!r}.')
    axis = np.arange(-4.0, 5.0)
    (height, width), (down, right) = ([_over_pixels(value) for value in pair] for pair in (scale, shift))
    angle, half = np.radians(_over_pixels(degrees)), _over_pixels(thickness) / 2
    y, x = axis[:, None] - down, axis - right
    # The pixels are turned back, instead of the letter.
    y, x = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    height, width = 3 * height, 3 * width
    if letter == "X":
        distance = np.minimum(*(_distance_to_stroke(y, x, height, end) for end in (width, -width)))
    else:
        # Along the ray from the middle, which for nearly round O's is nearly the distance.
        ray = np.arctan2(x, y)
        distance = np.abs(np.hypot(y, x) - 1 / np.hypot(np.cos(ray) / height, np.sin(ray) / width))
    return np.where(distance <= half, 1, -1).astype("float32")


def _drawn(generator, letter):
    """The original in all nine places, then random ones; `(examples, 9, 9)`."""
    scale = generator.uniform(0.8, 1.1, (2, CANDIDATES))
    degrees = generator.uniform(-10, 10, CANDIDATES)
    thickness = generator.uniform(1, 1.5, CANDIDATES)
    # How far the middle of its strokes reaches down and to the right.
    cos, sin = np.cos(np.radians(degrees)), np.abs(np.sin(np.radians(degrees)))
    reach = 3 * (scale * cos + scale[::-1] * sin if letter == "X" else np.hypot(scale * cos, scale[::-1] * sin))
    shift = generator.uniform(-1, 1, (2, CANDIDATES)) * np.maximum(4.5 - thickness / 2 - reach, 0)
    nine_places = draw(letter, shift=np.mgrid[-1:2, -1:2].reshape(2, 9))
    return np.concatenate([nine_places, draw(letter, scale, degrees, thickness, shift)])


def _over_pixels(value):
    """With two further axes, for rows and columns."""
    return np.asarray(value, float)[..., None, None]


def _distance_to_stroke(y, x, end_y, end_x):
    """Distance to the line from (-end_y, -end_x) to (end_y, end_x)."""
    along = np.clip((y * end_y + x * end_x) / (end_y**2 + end_x**2), -1, 1)
    return np.hypot(y - along * end_y, x - along * end_x)
