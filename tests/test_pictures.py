"""Whatever picture a person has at hand takes the form of the training images, or is refused in one line."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageDraw, ImageOps

from zoo.data.pictures import light_on_dark
from zoo.datasets import digits, fashion_mnist, mnist
from zoo.errors import UsageError

SEVEN = ((0, 0), (50, 0), (22, 75))
every_set = pytest.mark.parametrize(("data_set", "box"), [(mnist, 20), (digits, 20), (fashion_mnist, 28)])


def stroke(points=SEVEN, size=(110, 130), at=(25, 30), width=10):
    """White on black."""
    picture = Image.new("L", size)
    ImageDraw.Draw(picture).line([(x + at[0], y + at[1]) for x, y in points], fill=255, width=width)
    return picture


def coloured(ink, paper):
    return ImageOps.colorize(stroke(), paper, ink)


def transparent(ink):
    picture = Image.new("RGBA", stroke().size, ink)
    picture.putalpha(stroke())
    return picture


def palette():
    """Number 1 is black ink, number 0 a transparent pixel that looks black too."""
    picture = Image.fromarray(np.asarray(stroke()) // 255).convert("P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    return picture


def sixteen_bits():
    return Image.fromarray(np.asarray(ImageOps.invert(stroke())).astype("uint16") * 257)


def deeper(white):
    """In floating point, or in 32 bits, up to a white."""
    ink = np.asarray(ImageOps.invert(stroke())) / 255 * white
    return Image.fromarray(ink.astype("float32" if white < 70000 else "int32"))


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn clockwise
    return {"picture": ImageOps.invert(stroke()).transpose(Image.Transpose.ROTATE_90), "exif": exif, "quality": 95}


FORMS = {
    "dark on light.png": lambda: {"picture": ImageOps.invert(stroke())},
    "light on dark.png": lambda: {"picture": stroke()},
    "low contrast.png": lambda: {"picture": coloured("#808080", "#a0a0a0")},
    "blue on yellow.png": lambda: {"picture": coloured("darkblue", "yellow")},
    "yellow on blue.webp": lambda: {"picture": coloured("yellow", "darkblue"), "lossless": True},
    "dark ink on nothing.png": lambda: {"picture": transparent("black")},
    "light ink on nothing.png": lambda: {"picture": transparent("white")},
    "grey ink on nothing.png": lambda: {"picture": transparent("black").convert("LA")},
    "palette.png": lambda: {"picture": palette(), "transparency": 0},
    "palette.gif": lambda: {"picture": ImageOps.invert(stroke())},
    "16 bits.png": lambda: {"picture": sixteen_bits()},
    "16 bits.tiff": lambda: {"picture": sixteen_bits()},
    "16 bits of faint ink.png": lambda: {"picture": Image.fromarray((40000 - np.asarray(stroke()) * 39.0).astype("uint16"))},
    "16 bits, dark.png": lambda: {"picture": Image.fromarray((np.asarray(stroke()) * 100.0).astype("uint16"))},
    "float to 1.tiff": lambda: {"picture": deeper(1)},
    "float to 255.tiff": lambda: {"picture": deeper(255)},
    "float to 65535.tiff": lambda: {"picture": deeper(65535)},
    "32 bits.tiff": lambda: {"picture": deeper(2**24)},
    "1 bit.png": lambda: {"picture": ImageOps.invert(stroke()).convert("1")},
    "print.jpg": lambda: {"picture": coloured("black", "white").convert("CMYK"), "quality": 95},
    "photo.jpg": lambda: {"picture": coloured("#303040", "#d8d0c8"), "quality": 90},
    "turned.jpg": turned,
}
MODES = {
    "palette.png": "P",
    "palette.gif": "P",
    "16 bits.png": "I;16",
    "16 bits.tiff": "I;16",
    "16 bits of faint ink.png": "I;16",
    "16 bits, dark.png": "I;16",
    "float to 1.tiff": "F",
    "float to 255.tiff": "F",
    "float to 65535.tiff": "F",
    "32 bits.tiff": "I",
    "1 bit.png": "1",
    "print.jpg": "CMYK",
}


def saved(folder, name, picture, **arguments):
    picture.save(folder / name, **arguments)
    return folder / name


def ink_box(image):
    rows, columns = np.nonzero(image[..., 0])
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def centre_of_mass(image):
    return [float((position * image[..., 0]).sum() / image.sum()) for position in np.indices((28, 28))]


def assert_is_an_image(image, box):
    assert image.shape == (28, 28, 1) and image.dtype == np.float32
    assert image.min() >= 0 and image.max() == 1
    top, bottom, left, right = ink_box(image)
    assert max(bottom - top, right - left) <= box


@every_set
@pytest.mark.parametrize("name", FORMS)
def test_the_same_stroke_in_any_form_is_the_same_image(tmp_path, data_set, box, name):
    path = saved(tmp_path, name, **FORMS[name]())
    with Image.open(path) as file:
        assert file.mode == MODES.get(name, file.mode)
    expected, _ = light_on_dark(saved(tmp_path, "expected.png", stroke()), **data_set.PICTURE)
    image, notes = light_on_dark(path, **data_set.PICTURE)
    assert_is_an_image(image, box)
    np.testing.assert_allclose(image, expected, rtol=0, atol=0.08 if name.endswith(".jpg") else 1e-6)
    assert notes[0].startswith("110 x 130 pixels")
    top, bottom, _, _ = ink_box(image)
    assert bottom - top == box


def test_a_rectangle_becomes_the_rectangle_of_that_shape_in_the_middle(tmp_path):
    picture = Image.new("L", (300, 200), 255)
    picture.paste(0, (200, 20, 240, 180))
    image, _ = light_on_dark(saved(tmp_path, "bar.png", picture))
    expected = np.zeros((28, 28, 1))
    expected[4:24, 11:16] = 1  # 40 x 160 fitted into 5 x 20
    shifts = [np.roll(expected, shift, axis=1) for shift in (0, 1)]
    assert any(np.array_equal(image, shifted) for shifted in shifts)


@every_set
def test_ink_of_the_right_size_keeps_its_values(tmp_path, data_set, box):
    pixels = np.random.default_rng(0).integers(60, 256, (box, box)).astype("uint8")
    pixels[0, 0] = 255
    picture = np.zeros((70, 50), "uint8")
    picture[40 : 40 + box, 3 : 3 + box] = pixels
    image, _ = light_on_dark(saved(tmp_path, "pixels.png", Image.fromarray(picture)), **data_set.PICTURE)
    top, bottom, left, right = ink_box(image)
    np.testing.assert_allclose(image[top:bottom, left:right, 0], pixels / 255, atol=1e-6)


@every_set
def test_an_image_of_the_training_form_is_not_touched(tmp_path, data_set, box):
    image = digits.load().test.inputs["image"][7]
    path = saved(tmp_path, "digit.png", Image.fromarray(np.round(image[..., 0] * 255).astype("uint8")))
    np.testing.assert_array_equal(light_on_dark(path, **data_set.PICTURE)[0], image)


def test_mass_is_in_the_middle_for_mnist_and_the_box_for_the_others(tmp_path):
    path = saved(tmp_path, "seven.png", stroke())
    assert np.abs(np.subtract(centre_of_mass(light_on_dark(path, **mnist.PICTURE)[0]), 13.5)).max() < 0.51
    for data_set in (digits, fashion_mnist):
        top, bottom, left, right = ink_box(light_on_dark(path, **data_set.PICTURE)[0])
        assert abs(top + bottom - 28) <= 1 and abs(left + right - 28) <= 1


POINTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=5, unique=True)


@settings(max_examples=30, deadline=None)
@given(POINTS, st.integers(10, 200), st.integers(10, 200))
def test_where_a_thing_is_in_the_picture_does_not_matter(tmp_path_factory, points, left, top):
    folder = tmp_path_factory.mktemp("pictures")
    thing = stroke(points, (80, 80), (10, 10))  # drawn once: Pillow's lines differ by a pixel from place to place
    here, there = Image.new("L", (300, 300)), Image.new("L", (100, 90))
    here.paste(thing, (left, top))
    there.paste(thing, (14, 9))
    image, _ = light_on_dark(saved(folder, "here.png", here))
    other, _ = light_on_dark(saved(folder, "there.png", ImageOps.invert(there)))
    np.testing.assert_allclose(image, other, atol=1e-6)
    assert_is_an_image(image, 20)
    top, bottom, left, right = ink_box(image)
    for position, start, stop in zip(centre_of_mass(image), (top, left), (bottom, right)):
        assert abs(position - 13.5) < 0.51 or start == 0 or stop == 28


@pytest.mark.parametrize(("size", "fitted"), [((3000, 16), (1, 20)), ((16, 3000), (20, 1))])
def test_a_very_long_picture_becomes_a_line(tmp_path, size, fitted):
    picture = Image.new("L", size, 255)
    picture.paste(0, (6, 6, size[0] - 6, size[1] - 6))
    image, _ = light_on_dark(saved(tmp_path, "long.png", picture))
    top, bottom, left, right = ink_box(image)
    assert (bottom - top, right - left) == fitted and image.sum() == 20


def test_specks_far_apart_leave_finite_values(tmp_path):
    picture = Image.new("L", (3000, 3000), 255)
    picture.putpixel((100, 100), 0)
    picture.putpixel((2900, 2900), 0)
    assert_is_an_image(light_on_dark(saved(tmp_path, "specks.png", picture))[0], 20)


BLANK = {
    "white": Image.new("L", (50, 60), 255),
    "black": Image.new("RGB", (50, 60)),
    "of the right size and black": Image.new("L", (28, 28)),
    "of the right size and white": Image.new("L", (28, 28), 255),
    "transparent": Image.new("RGBA", (50, 60), (0, 0, 0, 0)),
    "nearly grey": Image.fromarray(np.random.default_rng(0).integers(120, 124, (50, 60)).astype("uint8")),
    "one pixel": Image.new("L", (1, 1)),
}


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_picture_is_refused(tmp_path, name):
    path = saved(tmp_path, "blank.png", BLANK[name])
    with pytest.raises(UsageError) as refusal:
        light_on_dark(path)
    assert f"{path} is blank" in str(refusal.value) and "\n" not in str(refusal.value)


def missing(path):
    pass


def text(path):
    path.write_text("no\npicture\n")


def empty(path):
    path.touch()


def folder(path):
    path.mkdir()


def truncated(path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60)).astype("uint8")
    Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[:2000])


def colours_without_a_grey(path):
    Image.new("LAB", (60, 80)).save(path, format="TIFF")


def not_finite(path):
    Image.fromarray(np.full((60, 80), np.nan, "float32")).save(path, format="TIFF")


@pytest.mark.parametrize("make", [missing, text, empty, folder, truncated, colours_without_a_grey, not_finite])
@every_set
def test_what_is_no_picture_is_refused(tmp_path, data_set, box, make):
    path = tmp_path / "picture.png"
    make(path)
    with pytest.raises(UsageError) as refusal:
        light_on_dark(path, **data_set.PICTURE)
    expected = "there is no file" if make is missing else "cannot be read as a picture"
    assert expected in str(refusal.value) and str(path) in str(refusal.value) and "\n" not in str(refusal.value)
