"""What a person has at hand as an array, and an answer as a person reads it, kind by kind."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from zoo.data import Field
from zoo.data.contract import KINDS, Contract
from zoo.data.kinds import boxes, image, kind_of, label, series, text, vector
from zoo.data.text import SPECIAL
from zoo.errors import UsageError

FOLDER = pathlib.Path(kind_of.__code__.co_filename).parent
PETS = label.of_classes(("cat", "dog", "emu"))


def test_the_kinds_are_the_files():
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")) == KINDS
    for kind in KINDS:
        module = kind_of(Field("int32", (), kind=kind, classes=("a",), vocabulary=SPECIAL))
        assert all(callable(getattr(module, function)) for function in ("read", "value", "words"))


def test_a_field_knows_its_kind_and_keeps_it_in_json():
    fields = {
        "tokens": Field("int32", (None,), vocabulary=(*SPECIAL, "a")),
        "image": Field("float32", (9, 9, 1), -1.0, 1.0, kind="image", picture={"size": 9, "box": 7}),
        "photo": Field("float32", (8, 6, 3), 0.0, 1.0, kind="image"),
        "pet": PETS,
        "numbers": Field("float32", (2,)),
    }
    assert [field.kind for field in fields.values()] == ["text", "image", "image", "label", "vector"]
    assert fields["photo"].picture == {"shape": [8, 6, 3]}
    assert Contract.from_json(Contract(fields).to_json()) == Contract(fields)


def test_contracts_of_version_0_1_have_no_kinds_and_pictures_are_known_by_their_form():
    old = {"dtype": "float32", "minimum": 0.0, "maximum": 1.0, "vocabulary": None, "max_length": None, "batched": True}
    read = Contract.from_json({"inputs": {"a": {**old, "shape": [8, 6, 3]}, "b": {**old, "shape": [5]}}, "classes": None})
    assert read["a"].kind == "image" and read["b"].kind == "vector"


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"kind": "sound"}, "got the kind 'sound'"),
        ({"kind": "label"}, "without classes"),
        ({"kind": "text"}, "without vocabulary"),
    ],
)
def test_a_field_that_cannot_be_shown_is_refused(keywords, said):
    with pytest.raises(UsageError, match=said):
        Field("int32", (), **keywords)


def test_labels():
    assert label.read("dog", "pet", PETS)[0].tolist() == label.read("1", "pet", PETS)[0].tolist() == [1]
    assert label.value(np.int32(2), PETS) == "emu"
    shares = label.of_classes(PETS.classes, probabilities=True)
    row = np.array([0.2, 0.5, 0.3])
    assert label.value(row, shares) == {"cat": 0.2, "dog": 0.5, "emu": 0.3}
    assert label.words(row, shares) == "dog 50.0%, emu 30.0%, cat 20.0%"
    assert label.words(np.array([1.0, 0.0, 0.0]), shares) == "cat 100.0%"
    with pytest.raises(UsageError, match="`pet` is 'cow'; expected one of cat, dog, emu"):
        label.read("cow", "pet", PETS)
    with pytest.raises(UsageError, match="the label is 3, and there are 3 classes"):
        label.value(np.int32(3), PETS)
    with pytest.raises(UsageError, match=r"shape \(2,\); expected \(3,\)"):
        label.words(np.zeros(2), shares)


def test_text_of_several_answers_is_the_best_one():
    field = Field("int32", (None,), vocabulary=(*SPECIAL, "a", "b"))
    assert text.value(np.array([[4, 5, 2], [5, 5, 2]]), field) == text.words(np.array([4, 5, 2, 0]), field) == "ab"


def test_numbers_come_from_the_command_line_and_from_files(tmp_path):
    field = Field("float32", (2,), -1.0, 1.0)
    (tmp_path / "points.csv").write_text("\ufeffx;y\n0.5;-1\n\n0;1\n")
    for source, expected in (("0.5,-1", [[0.5, -1]]), ("0.5 -1", [[0.5, -1]]), (tmp_path / "points.csv", [[0.5, -1], [0, 1]])):
        array, _ = vector.read(source, "features", field)
        assert array.dtype == "float32" and array.tolist() == expected
    (tmp_path / "damaged.csv").write_text("x,y\n1,2\n1,two\n")
    for source, said in (
        ("1,2,3", "has 3 numbers"),
        ("one", "expected numbers such as 0.5,-1"),
        ("", "holds no numbers"),
        (tmp_path / "damaged.csv", "damaged.csv, line 3, is '1,two'; expected numbers"),
        (tmp_path, "expected"),
    ):
        with pytest.raises(UsageError, match=said):
            vector.read(str(source), "features", field)
    with pytest.raises(UsageError, match="whole numbers"):
        vector.read("1.5", "count", Field("int32", (1,)))
    assert vector.words(np.float32(0.25), field) == "0.25" and vector.value(np.float32(0.25), field) == 0.25


def test_a_series_has_a_step_on_each_line(tmp_path):
    (tmp_path / "two.csv").write_text("open,close\n1,2\n3,4\n5,6\n")
    field = Field("float32", (None, 2), kind="series")
    array, notes = series.read(str(tmp_path / "two.csv"), "series", field)
    assert array.tolist() == [[[1, 2], [3, 4], [5, 6]]] and notes == [f"3 steps of {tmp_path / 'two.csv'}"]
    assert series.words(array[0], field).splitlines() == ["▁▅█ 1 to 5", "▁▅█ 2 to 6"]
    assert series.read("1 2 3", "series", Field("float32", (None,), kind="series"))[0].tolist() == [[1, 2, 3]]
    with pytest.raises(UsageError, match="has 3 numbers in step 1"):
        series.read("1 2 3", "series", field)


def test_boxes_without_an_area_are_none():
    field = Field("float32", (None, 4), kind="boxes")
    row = np.array([[1, 2, 3, 4], [5, 5, 5, 9], [0, 0, 0, 0]])
    assert boxes.value(row, field).tolist() == [[1, 2, 3, 4]] and boxes.words(row, field) == "1,2 to 3,4"
    assert boxes.words(row[1:], field) == "none"
    with pytest.raises(UsageError, match="four numbers a box"):
        boxes.read("1,2,3", "boxes", field)


def test_a_picture_takes_the_range_of_its_field(tmp_path):
    cross = Image.new("L", (90, 90), 255)
    for step in range(70):
        for width in range(10):
            cross.putpixel((10 + step, min(89, 10 + step + width)), 0)
            cross.putpixel((10 + step, max(0, 79 - step - width)), 0)
    cross.save(tmp_path / "x.png")
    field = Field("float32", (9, 9, 1), -1.0, 1.0, kind="image", picture={"size": 9, "box": 7, "center": "box"})
    array, _ = image.read(tmp_path / "x.png", "image", field)
    assert array.shape == (1, 9, 9, 1) and array.min() == -1 and array.max() == 1
    assert (array[0, 0] == -1).all() and (array[0, :, 8] == -1).all() and array[0, 4, 4, 0] > 0
    rows = Field("float32", (None, 9), -1.0, 1.0, kind="image", picture=field.picture)
    np.testing.assert_array_equal(image.read(tmp_path / "x.png", "rows", rows)[0], array[..., 0])
    flat = Field("float32", (81,), -1.0, 1.0, kind="image", picture=field.picture)
    np.testing.assert_array_equal(image.read(tmp_path / "x.png", "flat", flat)[0], array.reshape(1, 81))
    assert image.words(array[0], field) == image.words(array[0].reshape(81), flat)
    with pytest.raises(UsageError, match="the shape"):
        image.read(tmp_path / "x.png", "flat", Field("float32", (80,), -1.0, 1.0, kind="image", picture=field.picture))


@pytest.mark.parametrize(("shape", "mode"), [((5, 3, 1), "L"), ((5, 3), "L"), ((5, 3, 3), "RGB")])
def test_a_grid_of_pictures(tmp_path, shape, mode):
    images = np.random.default_rng(0).random((5, *shape))
    image.save_grid(images, None, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.mode == mode and grid.size == (3 * (3 + 2) + 2, 2 * (5 + 2) + 2)
        pixels = np.asarray(grid).reshape(16, 17, -1)
    np.testing.assert_allclose(pixels[2:7, 2:5] / 255, images[0].reshape(5, 3, -1), atol=0.002)
    np.testing.assert_allclose(pixels[9:14, 7:10] / 255, images[4].reshape(5, 3, -1), atol=0.002)
    assert not pixels[9:14, 12:15].any()
    for path, said in ((tmp_path / "none/grid.png", "cannot be written"), (tmp_path / "grid.txt", "cannot be written")):
        with pytest.raises(UsageError, match=said):
            image.save_grid(images, None, path)
    with pytest.raises(UsageError, match=r"an image of shape \(5, 3, 2\) cannot be shown"):
        image.save_grid(np.zeros((1, 5, 3, 2)), None, tmp_path / "other.png")
