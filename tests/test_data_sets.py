"""Data sets of a person's own images, and those that are generated or made of others."""

import io
import os
import zipfile

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from zoo.data import Contract, Data, Field, Part, forms
from zoo.data.batches import Batches
from zoo.data.contract import unequal
from zoo.datasets import digits, folder, mnist, mnist_multitask, mnist_pairs, npz, points, xo
from zoo.errors import UsageError

few = settings(max_examples=40, deadline=None)


def parts(data):
    return data.train, data.validation, data.test


def refused(load, path):
    """The message of a refusal."""
    with pytest.raises(UsageError) as refusal:
        load(path)
    message = str(refusal.value)
    assert "\n" not in message
    return message


def numbered_images(labels, shape=(2, 3, 1)):
    """A part whose image i is filled with i / 1000."""
    numbers = np.arange(len(labels), dtype="float32") / 1000
    return Part({"image": np.ones((len(labels), *shape), "float32") * numbers[:, None, None, None]}, np.array(labels, "int32"))


def images_data(*labels, classes=tuple("abcdefghij")):
    return Data(
        *map(numbered_images, labels),
        Contract({"image": Field("float32", (2, 3, 1), 0.0, 1.0, kind="image")}, classes),
        "some set",
        "",
    )


# .npz files


def arrays_of(examples=40, classes=4, shape=(5, 6)):
    """Arrays in the form of keras.datasets; pixel (0, 0) of each image is its label, (0, 1) its number."""
    made = {}
    for part, count in (("train", examples), ("test", 12)):
        images = np.random.default_rng(count).integers(0, 256, (count, *shape)).astype("uint8")
        labels = np.arange(count) % classes
        images[:, 0, 0] = labels if len(shape) == 2 else labels[:, None]
        images[:, 0, 1] = np.arange(count) if len(shape) == 2 else np.arange(count)[:, None]
        made |= {f"x_{part}": images, f"y_{part}": labels}
    return made


@pytest.fixture
def saved(tmp_path):
    """Writes arrays to a file, without those that are None."""

    def save(save_with=np.savez, **arrays):
        path = str(tmp_path / "images.npz")
        save_with(path, **{name: array for name, array in arrays.items() if array is not None})
        return path

    return save


def test_the_images_of_a_file_come_whole_and_with_their_labels(saved):
    arrays = arrays_of()
    data = npz.load(saved(**arrays))
    assert [len(part) for part in parts(data)] == [36, 4, 12]
    assert data.contract == Contract({"image": Field("float32", (5, 6, 1), 0.0, 1.0, kind="image")}, ("0", "1", "2", "3"))
    for part in parts(data):
        data.contract.check(part.inputs)
        assert part.targets.dtype == np.int32
        np.testing.assert_array_equal(np.round(part.inputs["image"][:, 0, 0, 0] * 255), part.targets)
    np.testing.assert_array_equal(data.test.inputs["image"], (arrays["x_test"] / np.float32(255))[..., None])
    numbers = np.concatenate([part.inputs["image"][:, 0, 1, 0] for part in (data.train, data.validation)]) * 255
    assert sorted(np.round(numbers)) == list(range(40))


def test_the_same_images_in_other_forms_are_the_same_data(saved):
    arrays = arrays_of()
    fingerprint = npz.load(saved(**arrays)).fingerprint()
    others = [
        {"save_with": np.savez_compressed},
        {name: arrays[name][..., None] for name in arrays},
        {name: arrays[name].astype(">i8") for name in arrays},
        {name: np.asfortranarray(arrays[name]) for name in arrays},
        {name: arrays[name].astype("float32") / np.float32(255) for name in ("x_train", "x_test")},
        {"further": np.zeros(3)},
        {name: np.eye(4, dtype=kind)[arrays[name]] for name, kind in (("y_train", "float32"), ("y_test", "int64"))},
        {"y_train": np.eye(4, dtype=bool)[arrays["y_train"]]},
        {name: arrays[name].astype(kind) for name, kind in (("x_train", "float32"), ("x_test", "float64"))},
        {name: arrays[name][:, None] for name in ("x_train", "x_test")},
        {name: arrays[name][:, None].astype("float16") for name in ("x_train", "x_test")},
    ]
    assert [npz.load(saved(**{**arrays, **other})).fingerprint() for other in others] == [fingerprint] * len(others)
    named = npz.load(saved(**arrays, classes=["a", "b", "c", "d"]))
    assert unequal(fingerprint, named.fingerprint()) == "names"
    one = npz.load(saved(**{**arrays, "y_train": arrays["y_train"] + 1, "y_test": arrays["y_test"] + 1}, classes=list("abcd")))
    assert one.fingerprint() == named.fingerprint()


def test_other_forms_are_said(saved):
    """One-hot labels, labels from 1, floating point from 0 to 255, channels first: as keras and torch leave them."""
    plain = arrays_of(shape=(5, 6, 3))
    moved = {name: np.moveaxis(plain[name], 3, 1) / 1.0 for name in ("x_train", "x_test")}
    path = saved(**moved, y_train=plain["y_train"] + 1, y_test=(plain["y_test"] + 1)[:, None])
    data = npz.load(path)
    assert data.contract.classes == ("1", "2", "3", "4") and data.contract["image"].shape == (5, 6, 3)
    np.testing.assert_array_equal(data.test.inputs["image"], plain["x_test"] / np.float32(255))
    np.testing.assert_array_equal(data.test.targets, plain["y_test"])
    assert data.notes == (
        f"{path}: the images have their channels in the second place; they were moved to the last.",
        f"{path}: the images are floating point from 0 to 255; they were divided by 255.",
        f"{path}: the labels are 1 to 4; they were taken for the classes in this order.",
    )
    hot = npz.load(saved(**{**GOOD, "y_train": np.eye(4)[GOOD["y_train"]]}))
    assert hot.notes == (f"{path}: y_train is one-hot; the place of the 1 was taken for the class.",)
    resized = {name: GOOD[name] * np.float32(0.9) for name in ("x_train", "x_test")}
    np.testing.assert_allclose(npz.load(saved(**{**GOOD, **resized})).test.inputs["image"][..., 0], resized["x_test"] / 255)
    assert npz.load(saved(**GOOD)).notes == () and npz.load(path).paths == {"data": [path]}


def test_where_a_form_could_mean_two_things_it_is_taken_as_before(saved):
    square = np.zeros((40, 3, 4, 3), "uint8")
    assert npz.load(saved(**{**GOOD, "x_train": square, "x_test": square[:12]})).contract["image"].shape == (3, 4, 3)
    assert npz.load(saved(**GOOD, classes=["a", "b", "c", "d"])).contract.classes == ("a", "b", "c", "d")


def test_colour_images_and_the_names_of_classes_are_kept(saved):
    data = npz.load(saved(**arrays_of(shape=(5, 6, 3)), classes=["kot", "pies", "žába", "4"]))
    assert data.contract["image"].shape == (5, 6, 3)
    assert data.contract.classes == ("kot", "pies", "žába", "4")


def test_validation_takes_a_tenth_and_at_most_5000(saved):
    images, labels = np.zeros((50_010, 1, 1), "uint8"), np.arange(50_010) % 2
    path = saved(x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    assert [len(part) for part in parts(npz.load(path))] == [45_010, 5000, 2]


def replaced(array, value, index=0):
    array = array.copy()
    array.flat[index] = value
    return array


GOOD = arrays_of()
FLOATS = {name: GOOD[name] / 255 for name in ("x_train", "x_test")}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_test": None}, "has no x_test (it holds x_train, y_test, y_train); expected the arrays x_train, y_train"),
        ({"x_train": None, "y_train": None}, "has no x_train, y_train (it holds"),
        ({"x_train": GOOD["x_train"].astype(object)}, "x_train holds Python objects; expected an array of numbers"),
        ({"classes": np.array(["a", 1, "c", "d"], object)}, "classes holds Python objects"),
        ({"x_train": GOOD["x_train"][:, 0]}, "x_train has shape (40, 6); expected (examples, height, width)"),
        ({"x_test": GOOD["x_test"][..., None, None]}, "x_test has shape (12, 5, 6, 1, 1); expected"),
        ({"x_train": np.float32(3)}, "x_train has shape (); expected"),
        ({"x_train": np.repeat(GOOD["x_train"][..., None], 4, 3)}, "x_train has 4 channels; expected 1 or 3"),
        ({"x_test": GOOD["x_test"].transpose(0, 2, 1)}, "x_train are (5, 6, 1), those of x_test (6, 5, 1); expected"),
        ({"x_test": np.repeat(GOOD["x_test"][..., None], 3, 3)}, "x_train are (5, 6, 1), those of x_test (5, 6, 3)"),
        ({"x_train": GOOD["x_train"][:0], "y_train": GOOD["y_train"][:0]}, "x_train is empty, of shape (0, 5, 6)"),
        ({"x_test": GOOD["x_test"][:0], "y_test": GOOD["y_test"][:0]}, "x_test is empty, of shape (0, 5, 6)"),
        ({"x_train": GOOD["x_train"][:, :0], "x_test": GOOD["x_test"][:, :0]}, "x_train is empty, of shape (40, 0, 6)"),
        ({"x_train": GOOD["x_train"] > 100}, "x_train is bool; expected integers from 0 to 255"),
        ({"x_train": GOOD["x_train"].astype("complex64")}, "x_train is complex64; expected"),
        ({"x_train": GOOD["x_train"].astype(str)}, "x_train is <U3; expected"),
        ({"y_train": GOOD["y_train"].astype("float32")}, "y_train is float32; expected integers"),
        ({"y_test": GOOD["y_test"] > 1}, "y_test is bool; expected integers"),
        (
            {"y_train": np.eye(4, dtype=int)[GOOD["y_train"]] * 2},
            "y_train has shape (40, 4) and is not one-hot, a single 1 in each",
        ),
        ({"y_train": np.ones((40, 2))}, "y_train has shape (40, 2) and is not one-hot"),
        ({"y_train": np.eye(4)[GOOD["y_train"]] - 1e-3}, "y_train has shape (40, 4) and is not one-hot"),
        ({"y_train": np.eye(4)[GOOD["y_train"]].astype(str)}, "y_train is <U32; expected integers"),
        ({"y_test": np.eye(5)[GOOD["y_test"] + 1]}, "y_test has the label 4; expected those of y_train, 0 to 3"),
        ({"y_train": GOOD["y_train"] + 1}, "class 0 has no example in y_train"),
        (
            {"y_train": GOOD["y_train"] + 1, "y_test": GOOD["y_test"] + 1, "classes": list("abcde")},
            "y_train has the labels 1 to 4, and classes holds 5 names; expected 4",
        ),
        ({"y_test": GOOD["y_test"][:, None, None]}, "y_test has shape (12, 1, 1); expected"),
        ({"y_test": np.int64(3)}, "y_test has shape (); expected"),
        ({"y_train": GOOD["y_train"][1:]}, "y_train has 39 labels for 40 images; expected one for each"),
        ({"y_test": GOOD["y_test"][:, None][1:]}, "y_test has 11 labels for 12 images"),
        ({"y_train": replaced(GOOD["y_train"], -1)}, "y_train has the label -1; expected classes from 0"),
        ({"y_test": replaced(GOOD["y_test"], -3)}, "y_test has the label -3; expected classes from 0"),
        ({"y_test": replaced(GOOD["y_test"], 4)}, "y_test has the label 4; expected those of y_train, 0 to 3"),
        ({"y_train": replaced(GOOD["y_train"], 2**62)}, "class 4 has no example in y_train; expected every label from 0 to 4611"),
        ({"y_train": np.maximum(GOOD["y_train"], 1)}, "class 0 has no example in y_train"),
        ({"y_train": np.where(GOOD["y_train"] == 2, 3, GOOD["y_train"])}, "class 2 has no example in y_train"),
        ({"y_train": GOOD["y_train"] * 0}, "y_train has one class alone; expected at least two"),
        ({"classes": ["a", "b", "c"]}, "y_train has the label 3, and classes holds 3 names"),
        ({"classes": ["a", "b", "c", "d", "e"]}, "class 4 has no example in y_train; expected every label from 0 to 4"),
        ({"classes": np.arange(4)}, "classes is int64 of shape (4,); expected a different text for each class"),
        ({"classes": [["a", "b", "c", "d"]]}, "classes is <U1 of shape (1, 4); expected a different text"),
        ({"classes": ["a", "b", "c", "a"]}, "classes is <U1 of shape (4,); expected a different text"),
        ({"classes": ["a", "b", " ", "d"]}, "classes holds names that are blank or cannot be printed"),
        ({"classes": ["a", "b", "c\ud800", "d"]}, "classes holds names that are blank or cannot be printed"),
        ({"x_train": replaced(FLOATS["x_train"], np.nan)}, "x_train holds NaN or infinity; expected finite values"),
        ({"x_test": replaced(FLOATS["x_test"], -np.inf)}, "x_test holds NaN or infinity"),
        ({"x_train": replaced(FLOATS["x_train"], 1.5)}, "x_train is float64 in [0, 1.5]; expected integers from 0 to 255, or"),
        ({"x_test": replaced(FLOATS["x_test"], -0.5)}, "x_test is float64 in [-0.5, 0."),
        ({"x_train": GOOD["x_train"].astype("float32") + 0.5}, "x_train is float32 in [0.5, 255.5]; expected"),
        ({"x_train": GOOD["x_train"].astype("float32") - 127}, "x_train is float32 in [-127, 128]; expected"),
        ({"x_train": FLOATS["x_train"] * 3}, "x_train is float64 in [0, 3]; expected"),
        ({"x_train": replaced(GOOD["x_train"].astype(int), 256)}, "x_train is int64 in [0, 256]; expected"),
        ({"x_train": replaced(GOOD["x_train"].astype("int16"), -1)}, "x_train is int16 in [-1, 255]; expected"),
        ({"x_train": GOOD["x_train"][:9], "y_train": GOOD["y_train"][:9]}, "x_train holds 9 images; expected at least 10"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(saved, change, said):
    path = saved(**{**GOOD, **change})
    message = refused(npz.load, path)
    assert message.startswith(path) and said in message


def test_a_class_that_is_drawn_for_validation_whole_is_named(saved):
    generator = np.random.default_rng(0).permutation(40)
    message = refused(npz.load, saved(**{**GOOD, "y_train": replaced(GOOD["y_train"], 4, index=generator[0])}))
    assert "class 4 has 1 of the 40 training examples, and all of them were drawn for validation" in message


@pytest.mark.parametrize(
    ("path", "said"), [(None, "came without a file"), ("", "came without a file"), ("no.npz", "no.npz is not a file")]
)
def test_a_file_must_be_there(path, said):
    assert said in refused(npz.load, path) and "expected" in refused(npz.load, "no.npz")


def header(shape, descr="|u1", version=b"\x01\x00"):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


def zipped(path, **members):
    """An .npz file of whole arrays, and of members given as bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if not isinstance(content, bytes):
                file = io.BytesIO()
                np.save(file, content)
                content = file.getvalue()
            archive.writestr(f"{name}.npy", content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header((10**18, 28, 28)), "x_train is damaged, it holds 0 bytes for uint8 of shape (1000000000000000000, 28, 28)"),
        (header((10**30, 28, 28)), "x_train is damaged"),
        (header((40, 5, 6)) + bytes(1199), "x_train is damaged, it holds 1199 bytes for uint8 of shape (40, 5, 6)"),
        (header((-40, -5, 6)) + bytes(1200), "x_train is damaged"),
        (header((40, 5, 6), "|O") + bytes(100), "x_train holds Python objects"),
        (header((40, 5, 6), version=b"\x03\x00") + bytes(1200), "x_train is of the format (3, 0)"),
        (header("1"), "cannot be read as an .npz file"),
        (header("(" * 5000), "cannot be read as an .npz file"),
        (b"no array at all", "cannot be read as an .npz file"),
        (b"", "cannot be read as an .npz file"),
    ],
)
def test_a_member_that_lies_is_refused(tmp_path, content, said):
    path = zipped(tmp_path / "images.npz", **{**GOOD, "x_train": content})
    message = refused(npz.load, path)
    assert message.startswith(path) and said in message


@pytest.mark.parametrize("save_with", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_or_damaged_file_is_refused(saved, save_with, share):
    path = saved(save_with, **GOOD)
    with open(path, "rb") as file:
        content = file.read()
    cut = int(share * len(content))
    for wrong in (content[:cut], content[: cut - 8] + bytes(16) + content[cut + 8 :] if 0 < share < 0.9 else b"PK"):
        with open(path, "wb") as file:
            file.write(wrong)
        message = refused(npz.load, path)
        assert message.startswith(path) and ("cannot be read" in message or "damaged" in message)


def test_other_files_are_no_npz(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("x_train", "text")
    assert "array.npy cannot be read as an .npz file" in refused(npz.load, str(tmp_path / "array.npy"))
    assert "text.zip has no x_train, y_train, x_test, y_test" in refused(npz.load, str(tmp_path / "text.zip"))


def test_no_object_is_ever_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "unpickled"),)

    trap = np.empty((40, 5, 6), object)
    trap[:] = Evil()
    np.savez(tmp_path / "images.npz", **{**GOOD, "x_train": trap, "further": trap})
    refused(npz.load, str(tmp_path / "images.npz"))
    np.savez(tmp_path / "images.npz", **GOOD, further=trap)
    npz.load(str(tmp_path / "images.npz"))
    assert not (tmp_path / "unpickled").exists()


def test_what_takes_more_than_4_gib_is_refused(saved, tmp_path, monkeypatch):
    folder.check_memory("here", 2**30)
    with pytest.raises(UsageError, match="here takes 6.0 GiB of memory as float32; expected at most 4 GiB. Use fewer or smaller"):
        folder.check_memory("here", 1.5 * 2**30)
    path, pictures = saved(**GOOD), str(folder_of(tmp_path / "pictures", {"a": 10, "b": 10}))
    for load, source, values in ((npz.load, path, 52 * 30), (folder.load, pictures, 20 * 8 * 6)):
        monkeypatch.setattr(folder, "LARGEST_SIZE", 4 * values)
        load(source)
        monkeypatch.setattr(folder, "LARGEST_SIZE", 4 * values - 1)
        assert source + " takes" in refused(load, source)


# Folders of pictures


def picture(value=0, size=(8, 6), mode="L"):
    return Image.new(mode, size, value)


def folder_of(root, counts, name="{}.png", make=picture):
    """A folder for each class, with so many pictures; picture i is filled with i."""
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            make(number).save(root / label / name.format(number))
    return root


def values(part):
    """The fill of each picture, as an integer."""
    return np.round(part.inputs["image"][:, 0, 0, 0] * 255).astype(int)


def test_a_tenth_of_each_class_is_for_validation_and_a_tenth_for_test(tmp_path):
    root = folder_of(tmp_path, {"b": 39, "a": 10, "c": 20})
    data = folder.load(str(root))
    assert data.contract == Contract({"image": Field("float32", (6, 8, 1), 0.0, 1.0, kind="image")}, ("a", "b", "c"))
    assert [np.bincount(part.targets).tolist() for part in parts(data)] == [[8, 33, 16], [1, 3, 2], [1, 3, 2]]
    for label, count in enumerate((10, 39, 20)):
        found = np.concatenate([values(part)[part.targets == label] for part in parts(data)])
        assert sorted(found) == list(range(count))
    for part in parts(data):
        data.contract.check(part.inputs)
        assert part.targets.dtype == np.int32
    assert (np.diff(data.train.targets) != 0).sum() > 10  # the classes are mixed


def test_train_and_test_folders_stay_what_they_are(tmp_path):
    folder_of(tmp_path / "train", {"a": 10, "b": 25})
    folder_of(tmp_path / "test", {"b": 3}, make=lambda number: picture(200 + number))
    data = folder.load(str(tmp_path))
    assert [np.bincount(part.targets, minlength=2).tolist() for part in parts(data)] == [[9, 23], [1, 2], [0, 3]]
    assert sorted(values(data.test)) == [200, 201, 202]
    assert max(values(data.train)) < 200 > max(values(data.validation))
    assert data.contract.classes == ("a", "b")


def test_classes_may_be_named_train_and_test(tmp_path):
    data = folder.load(str(folder_of(tmp_path, {"bus": 10, "train": 10, "test": 10})))
    assert data.contract.classes == ("bus", "test", "train")


def test_the_order_in_which_a_system_lists_files_decides_nothing(tmp_path, monkeypatch):
    root = str(folder_of(tmp_path, {"a": 12, "b": 12}))
    fingerprint = folder.load(root).fingerprint()
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(listdir(path), reverse=True))
    assert folder.load(root).fingerprint() == fingerprint


def test_hidden_files_and_folders_are_ignored(tmp_path):
    root = folder_of(tmp_path, {"a": 10, "b": 10})
    fingerprint = folder.load(str(root)).fingerprint()
    (root / ".git").mkdir()
    for name in (".DS_Store", "a/.DS_Store", "a/Thumbs.db", "desktop.ini", "b/._0.png"):
        (root / name).write_text("no picture")
    assert folder.load(str(root)).fingerprint() == fingerprint


@pytest.mark.parametrize(
    ("suffix", "mode", "value", "expected"),
    [
        ("png", "L", 100, [100]),
        ("PNG", "1", 1, [255]),
        ("png", "I;16", 257 * 100, [100]),
        ("png", "I;16", 65535, [255]),
        ("png", "LA", (100, 255), [100]),
        ("png", "LA", (100, 0), [255]),
        ("png", "LA", (55, 51), [215]),
        ("jpg", "L", 100, [100]),
        ("JPEG", "L", 100, [100]),
        ("bmp", "L", 100, [100]),
        ("gif", "L", 100, [100]),
        ("png", "RGB", (10, 20, 30), [10, 20, 30]),
        ("bmp", "RGB", (10, 20, 30), [10, 20, 30]),
        ("gif", "RGB", (10, 20, 30), [10, 20, 30]),
        ("png", "RGBA", (10, 20, 30, 0), [255, 255, 255]),
        ("png", "RGBA", (10, 20, 30, 51), [206, 208, 210]),
        ("jpg", "CMYK", (0, 0, 0, 0), [255, 255, 255]),
    ],
)
def test_every_kind_of_picture_comes_with_its_values(tmp_path, suffix, mode, value, expected):
    def make(number):
        return picture(value, mode=mode)

    root = folder_of(tmp_path, {"a": 10, "b": 10}, name="{}." + suffix, make=make)
    image = folder.load(str(root)).train.inputs["image"]
    assert image.shape[1:] == (6, 8, len(expected))
    np.testing.assert_allclose(image[0] * 255, np.broadcast_to(expected, image.shape[1:]), atol=1)


def test_webp_and_palettes_are_colour_and_keep_their_transparency(tmp_path):
    root = folder_of(tmp_path, {"a": 10, "b": 10})
    Image.new("RGB", (8, 6), (10, 200, 30)).save(root / "a" / "0.webp", lossless=True)
    palette = Image.new("P", (8, 6), 1)
    palette.putpalette([0, 0, 0, 200, 0, 0])
    palette.save(root / "a" / "1.png", transparency=1)
    palette.save(root / "a" / "2.gif")
    Image.new("I;16", (8, 6), 5).save(root / "a" / "3.png", transparency=5)
    data = folder.load(str(root))
    assert data.contract["image"].shape == (6, 8, 3)
    found = {tuple(pixel) for part in parts(data) for pixel in np.round(part.inputs["image"][:, 0, 0] * 255).astype(int).tolist()}
    grey = {(value,) * 3 for value in (0, 4, 5, 6, 7, 8, 9)}
    assert {(10, 200, 30), (255, 255, 255), (200, 0, 0)} <= found and grey < found


def test_pictures_are_turned_as_their_exif_data_say(tmp_path):
    upright = np.zeros((6, 8), "uint8")
    upright[0] = 255
    exif = Image.Exif()

    def make(number):
        exif[0x0112] = 6  # turn it clockwise
        return Image.fromarray(np.rot90(upright))

    root = tmp_path / "pictures"
    for label in "ab":
        (root / label).mkdir(parents=True)
        for number in range(10):
            make(number).save(root / label / f"{number}.{'png' if number % 2 else 'jpg'}", exif=exif, **{"quality": 100})
        Image.fromarray(upright).save(root / label / "without.png")
    data = folder.load(str(root))
    assert "square" not in data.source
    np.testing.assert_allclose(data.train.inputs["image"] * 255, np.broadcast_to(upright[..., None], (18, 6, 8, 1)), atol=3)


def test_pictures_of_other_sizes_become_the_middle_square_of_the_smallest_side(tmp_path):
    """Black with a white middle square: whatever lies outside of the square would darken the result."""

    def make(number):
        height, width = [(8, 40), (30, 10), (20, 20), (8, 8)][number % 4]
        image, side = np.zeros((height, width), "uint8"), min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image[top : top + side, left : left + side] = 255
        return Image.fromarray(image)

    data = folder.load(str(folder_of(tmp_path, {"a": 12, "b": 12}, make=make)))
    assert data.contract["image"].shape == (8, 8, 1)
    assert data.source.endswith(", the middle square of each picture resized to 8 x 8 pixels")
    assert all((part.inputs["image"] == 1).all() for part in parts(data))


def test_resizing_averages_instead_of_picking_pixels(tmp_path):
    stripes = np.tile(np.array([0, 255], "uint8"), (64, 32))

    def make(number):
        return Image.fromarray(stripes) if number else picture(128, (16, 16))

    data = folder.load(str(folder_of(tmp_path, {"a": 10, "b": 10}, make=make)))
    assert np.abs(data.train.inputs["image"] - 0.5).max() < 0.05


def test_pictures_are_resized_to_224_pixels_at_most_and_kept_where_all_are_alike(tmp_path):
    sizes = {"mixed": lambda number: picture(0, (230 + number, 300)), "alike": lambda number: picture(0, (230, 300))}
    mixed, alike = (folder.load(str(folder_of(tmp_path / name, {"a": 10, "b": 10}, make=make))) for name, make in sizes.items())
    assert mixed.contract["image"].shape == (224, 224, 1) and alike.contract["image"].shape == (300, 230, 1)
    assert "224 x 224" in mixed.source and "square" not in alike.source


def test_of_an_animation_the_first_picture_is_taken(tmp_path):
    def save(path):
        picture(10).save(path, save_all=True, append_images=[picture(200)])

    root = folder_of(tmp_path, {"a": 10, "b": 10}, make=lambda number: picture(10))
    save(root / "a" / "0.gif")
    save(root / "b" / "0.gif")
    assert all((values(part) == 10).all() for part in parts(folder.load(str(root))))


def one_folder(root):
    folder_of(root, {"a": 10})


def a_picture_at_the_top(root):
    folder_of(root, {"a": 10, "b": 10})
    picture().save(root / "c.png")


def text_in_a_class(root):
    folder_of(root, {"a": 10, "b": 10})
    (root / "b" / "notes.txt").write_text("notes")


def text_named_as_a_picture(root):
    folder_of(root, {"a": 10, "b": 10})
    (root / "b" / "4.jpg").write_text("notes")


def another_format_under_the_name(root):
    folder_of(root, {"a": 10, "b": 10})
    with open(root / "b" / "4.png", "wb") as file:
        picture().save(file, "PPM")


def a_truncated_picture(root):
    folder_of(root, {"a": 10, "b": 10})
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8)).astype("uint8")).save(root / "a" / "3.png")
    content = (root / "a" / "3.png").read_bytes()
    (root / "a" / "3.png").write_bytes(content[: len(content) - 30])


def a_broken_link(root):
    folder_of(root, {"a": 10, "b": 10})
    (root / "a" / "x.png").symlink_to(root / "nowhere.png")


def a_pipe(root):
    folder_of(root, {"a": 10, "b": 10})
    os.mkfifo(root / "a" / "x.png")


def text_in_a_nested_folder(root):
    folder_of(root, {"a": 10, "b": 10})
    (root / "a" / "more" / "still").mkdir(parents=True)
    (root / "a" / "more" / "still" / "labels.xml").write_text("labels")


def an_empty_class(root):
    folder_of(root, {"a": 10, "b": 0})


def two_pictures(root):
    folder_of(root, {"a": 3, "b": 2})


def one_training_picture(root):
    folder_of(root / "train", {"a": 1, "b": 2})
    folder_of(root / "test", {"a": 9, "b": 10})


def a_new_class_in_test(root):
    folder_of(root / "train", {"a": 10, "b": 10})
    folder_of(root / "test", {"a": 10, "c": 10})


def an_empty_class_in_test(root):
    folder_of(root / "train", {"a": 10, "b": 10})
    folder_of(root / "test", {"a": 10, "b": 0})


def an_empty_test(root):
    folder_of(root / "train", {"a": 10, "b": 10})
    (root / "test").mkdir()


def no_train(root):
    for part in ("Testing", "validation"):
        folder_of(root / part, {"a": 10, "b": 10})


def a_fourth_part(root):
    for part in ("train", "test", "val", "extra"):
        folder_of(root / part, {"a": 10, "b": 10})


def two_training_folders(root):
    for part in ("train", "Training", "test"):
        folder_of(root / part, {"a": 10, "b": 10})


def a_new_class_in_validation(root):
    folder_of(root / "train", {"a": 10, "b": 10})
    folder_of(root / "val", {"A": 10, "b": 10})


def one_training_class(root):
    folder_of(root / "train", {"a": 10})
    folder_of(root / "test", {"a": 10})


def a_bomb(root):
    folder_of(root, {"a": 10, "b": 10})
    picture(0, (10_000, 9_000), "1").save(root / "a" / "5.png")


def a_name_that_is_none(root):
    folder_of(root, {"a": 10, "b\udcff": 10})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: root.mkdir(), "{root} holds 0 class folders; expected at least two"),
        (one_folder, "{root} holds 1 class folders; expected at least two"),
        (a_picture_at_the_top, "{root}/c.png is not a class folder; expected pictures in FOLDER/CLASS/PICTURE"),
        (text_in_a_class, "{root}/b/notes.txt is not a picture; expected .bmp"),
        (text_named_as_a_picture, "{root}/b/4.jpg cannot be read as a picture (cannot identify"),
        (another_format_under_the_name, "{root}/b/4.png cannot be read as a picture (cannot identify"),
        (a_truncated_picture, "{root}/a/3.png cannot be read as a picture"),
        (a_broken_link, "{root}/a/x.png is not a picture"),
        (a_pipe, "{root}/a/x.png is not a picture"),
        (text_in_a_nested_folder, "{root}/a/more/still/labels.xml is not a picture; expected .bmp"),
        (an_empty_class, "{root}/b holds no picture"),
        (
            two_pictures,
            "the class 'b' has 2 pictures in {root}/b; expected at least 3, one to train and one for validation and one for test",
        ),
        (one_training_picture, "the class 'a' has 1 pictures in {root}/train/a; expected at least 2, one to train and one for"),
        (a_new_class_in_test, "{root}/test/c is a class that {root}/train has not"),
        (an_empty_class_in_test, "{root}/test/b holds no picture"),
        (an_empty_test, "{root}/test holds no class folder; expected those of train"),
        (no_train, "{root} holds Testing, validation; expected `train`, `validation` and `test` alone, or a folder of pictures"),
        (a_fourth_part, "{root} holds extra, test, train, val; expected `train`, `validation` and `test` alone"),
        (two_training_folders, "{root} holds Training, test, train; expected `train`, `validation` and `test` alone"),
        (a_new_class_in_validation, "{root}/val/A is a class that {root}/train has not"),
        (one_training_class, "{root} holds 1 class folders; expected at least two"),
        (a_bomb, "{root}/a/5.png cannot be read as a picture (Image size (90000000 pixels) exceeds limit"),
        (a_name_that_is_none, "has a name that cannot be printed"),
    ],
)
def test_what_is_wrong_with_a_folder_is_named(tmp_path, make, said):
    root = tmp_path / "pictures"
    make(root)
    assert said.format(root=root) in refused(folder.load, str(root))


def shares(data):
    return [np.bincount(part.targets, minlength=len(data.contract.classes)).tolist() for part in parts(data)]


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Train", "Validation", "Test"), ("training", "valid", "testing"), ("TRAIN", "dev", "TEST")],
)
def test_the_parts_are_known_by_the_names_that_people_give_them(tmp_path, names):
    for start, (name, counts) in enumerate(zip(names, ({"a": 12, "b": 5}, {"a": 2, "b": 3}, {"b": 4}))):
        folder_of(tmp_path / name, counts, make=lambda number, start=start: picture(100 * start + number))
    data = folder.load(str(tmp_path))
    assert shares(data) == [[12, 5], [2, 3], [0, 4]] and data.notes == ()
    for start, part in enumerate(parts(data)):
        assert 100 * start <= min(values(part)) and max(values(part)) < 100 * start + 12


def test_what_is_missing_of_the_parts_is_drawn_and_said(tmp_path):
    folder_of(tmp_path / "Train", {"a": 20, "b": 5})
    assert shares(folder.load(str(tmp_path))) == [[16, 3], [2, 1], [2, 1]], "passed through: one folder of folders"
    folder_of(tmp_path / "valid", {"a": 3}, make=lambda number: picture(200))
    data = folder.load(str(tmp_path))
    assert shares(data) == [[18, 4], [3, 0], [2, 1]] and (values(data.validation) == 200).all()
    assert data.notes == (f"{tmp_path} has no folder for test: a tenth of every class in Train is kept for it.",)


def test_what_systems_leave_and_how_archives_are_packed(tmp_path):
    """A zip made by macOS, unpacked on a Synology: __MACOSX and @eaDir beside, and one folder around the classes."""
    plain = folder.load(str(folder_of(tmp_path / "plain", {"a": 10, "b": 10})))
    folder_of(tmp_path / "packed" / "pets" / "pets", {"a": 10, "b": 10})
    for place, name in (("", "__MACOSX"), ("pets", "@eaDir"), ("pets/pets/a", "@eaDir"), ("pets/pets", "lost+found")):
        (tmp_path / "packed" / place / name / "a").mkdir(parents=True)
        (tmp_path / "packed" / place / name / "a" / "._0.png").write_text("no picture")
    data = folder.load(str(tmp_path / "packed"))
    assert data.fingerprint() == plain.fingerprint() and data.notes == ()
    assert data.paths == {"data": [str(tmp_path / "packed")]}


def test_nested_folders_belong_to_their_class(tmp_path):
    root = folder_of(tmp_path / "pets", {"cat": 3, "dog": 3})
    folder_of(root / "cat", {"2019": 3, "2020/may": 4}, make=lambda number: picture(100 + number))
    (root / "cat" / "empty.png").mkdir()
    (root / "cat" / "2019" / "again").symlink_to(root / "cat")
    data = folder.load(str(root))
    assert data.contract.classes == ("cat", "dog") and np.sum(shares(data), axis=0).tolist() == [10, 3]
    found = np.concatenate([values(part)[part.targets == 0] for part in parts(data)])
    assert sorted(found) == [0, 1, 2, 100, 100, 101, 101, 102, 102, 103]


def test_three_pictures_of_a_class_are_enough(tmp_path):
    data = folder.load(str(folder_of(tmp_path, {"a": 3, "b": 9, "c": 29})))
    assert shares(data) == [[1, 7, 25], [1, 1, 2], [1, 1, 2]]


@pytest.mark.parametrize(("suffix", "form"), [("jfif", "JPEG"), ("tif", "TIFF"), ("TIFF", "TIFF")])
def test_pictures_by_other_names_are_read(tmp_path, suffix, form):
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(3):
            with open(tmp_path / label / f"{number}.{suffix}", "wb") as file:
                picture(100).save(file, form)
    assert (values(folder.load(str(tmp_path)).train) == 100).all()


def test_a_folder_is_found_in_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder_of(tmp_path / "pets", {"a": 3, "b": 3})
    assert folder.load("~/pets").paths == {"data": [str(tmp_path / "pets")]}


def deep(name, dtype, white):
    """Half black, half grey, one white column, in more than 8 bits."""

    def make(number):
        grey = np.zeros((6, 8))
        grey[:, 4:] = 100 / 255
        grey[:, 7] = 1
        return Image.fromarray((grey * white).astype(dtype))

    return name, make


@pytest.mark.parametrize(
    ("name", "make"),
    [
        deep("{}.png", "uint16", 65535),
        deep("{}.tif", "uint16", 65535),
        deep("{}.tif", "float32", 1),
        deep("{}.tif", "float32", 255),
        deep("{}.tif", "float32", 65535),
        deep("{}.tif", "int32", 255),
        deep("{}.tif", "int32", 65535),
    ],
)
def test_deep_grey_pictures_keep_their_greys(tmp_path, name, make):
    image = folder.load(str(folder_of(tmp_path, {"a": 3, "b": 3}, name, make))).train.inputs["image"]
    assert image.shape[1:] == (6, 8, 1)
    np.testing.assert_allclose(image[0, 0, :, 0], np.array([0, 0, 0, 0, 100, 100, 100, 255]) / 255, atol=1 / 255)


def test_a_picture_of_no_possible_greys_is_named(tmp_path):
    root = folder_of(tmp_path, {"a": 4, "b": 4})
    Image.fromarray(np.full((6, 8), -1, "float32")).save(root / "a" / "x.tif")
    Image.fromarray(np.full((6, 8), np.nan, "float32")).save(root / "b" / "y.tif")
    message = refused(folder.load, str(root))
    for file in ("a/x.tif", "b/y.tif"):
        assert f"{root}/{file} cannot be read as a picture (it holds values that are below zero or not finite)" in message


def spoilt(root):
    """Five files of four kinds that are no pictures; returns them."""
    folder_of(root, {"a": 12, "b": 12}, make=lambda number: picture(number, (8 + number % 2, 6)))
    (root / "b" / "4.png").write_text("notes")
    (root / "b" / "notes.txt").write_text("notes")
    (root / "b" / "more.csv").write_text("notes")
    (root / "readme.md").write_text("notes")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60)).astype("uint8")).save(root / "a" / "3.png")
    content = (root / "a" / "3.png").read_bytes()
    (root / "a" / "3.png").write_bytes(content[: len(content) - 300])
    return [root / name for name in ("a/3.png", "b/4.png", "b/notes.txt", "b/more.csv", "readme.md")]


def test_all_bad_files_are_named_at_once(tmp_path):
    files = spoilt(tmp_path / "pictures")
    message = refused(folder.load, str(tmp_path / "pictures"))
    assert all(str(file) in message for file in files)
    assert f"{files[3]}, {files[2]} are not pictures; expected .bmp" in message
    assert message.endswith("Repair or move what is named, or leave it out with skip_bad=true.")


def test_bad_files_can_be_left_out(tmp_path):
    files = spoilt(tmp_path / "pictures")
    data = folder.load(str(tmp_path / "pictures"), skip_bad=True)
    assert np.sum(shares(data), axis=0).tolist() == [11, 11]
    assert all(str(file) in data.notes[-1] for file in files) and data.notes[-1].startswith("Left out: ")
    for file in files:
        file.unlink()
    assert folder.load(str(tmp_path / "pictures")).fingerprint() == data.fingerprint(), "as if they were not there"


def test_too_few_pictures_are_left_without_the_bad_ones(tmp_path):
    root = folder_of(tmp_path, {"a": 3, "b": 3})
    for number in range(2):
        (root / "b" / f"{number}.png").write_text("no picture")
    with pytest.raises(UsageError, match="the class 'b' has 1 pictures in .*; expected at least 3"):
        folder.load(str(root), skip_bad=True)
    (root / "b" / "2.png").write_text("no picture")
    with pytest.raises(UsageError, match="b holds no picture; expected the pictures of a class"):
        folder.load(str(root), skip_bad=True)


def test_a_stray_picture_that_sets_the_size_is_named(tmp_path):
    root = folder_of(tmp_path, {"a": 12, "b": 12}, make=lambda number: picture(0, (80, 60)))
    picture(0, (1, 1)).save(root / "b" / "tracker.gif")
    data = folder.load(str(root))
    assert data.contract["image"].shape == (1, 1, 1)
    assert data.notes == (
        f"{root}: the middle square of each picture was resized to 1 x 1 pixels; that side is the smallest, of "
        f"{root}/b/tracker.gif, and size=... sets another.",
    )
    sized = folder.load(str(root), size=16)
    assert sized.contract["image"].shape == (16, 16, 1)
    assert sized.notes == (f"{root}: the middle square of each picture was resized to 16 x 16 pixels.",)
    (root / "b" / "tracker.gif").unlink()
    assert folder.load(str(root), size=16).contract["image"].shape == (16, 16, 1)
    assert folder.load(str(root)).notes == () and folder.load(str(root)).contract["image"].shape == (60, 80, 1)


def test_large_pictures_of_many_sizes_say_that_224_was_chosen(tmp_path):
    data = folder.load(str(folder_of(tmp_path, {"a": 3, "b": 3}, make=lambda number: picture(0, (230 + number, 300)))))
    assert "224 x 224 pixels; that side is the largest that is chosen, 224, and size=... sets another" in data.notes[0]


@pytest.mark.parametrize(
    ("path", "said"), [(None, "came without a folder"), ("", "came without a folder"), (__file__, "is not a folder")]
)
def test_a_folder_must_be_there(path, said):
    message = refused(folder.load, path)
    assert said in message and "FOLDER/CLASS/PICTURE" in message


# Pairs

# Two examples of classes 1 and 3 at least, and as many as two of every other one.
LABELS = st.lists(st.integers(0, 4), max_size=20).map(lambda labels: [1, *labels, 3, *labels, 1, 3])


def numbers(array):
    return np.round(array[:, 0, 0, 0] * 1000).astype(int)


@given(LABELS, LABELS, LABELS, st.integers(0, 3))
@few
def test_a_pair_has_one_class_exactly_where_its_target_is_1(train, validation, test, seed):
    data = forms.pairs(images_data(train, validation, test), seed)
    assert data.contract.classes is None and list(data.contract.inputs) == ["image_a", "image_b"]
    for part, labels in zip(parts(data), map(np.array, (train, validation, test))):
        data.contract.check(part.inputs)
        a, b = numbers(part.inputs["image_a"]), numbers(part.inputs["image_b"])
        assert a.tolist() == np.repeat(np.arange(len(labels)), 2).tolist()
        assert (a != b).all() and part.targets.dtype == np.int32
        np.testing.assert_array_equal(part.targets, labels[a] == labels[b])
        assert part.targets.tolist() == [1, 0] * len(labels)


def test_every_other_image_is_as_likely_a_partner():
    labels = [0] * 3 + [2] * 4 + [1] * 2
    data = images_data(labels, labels, labels)
    drawn = np.zeros((9, 9))
    for seed in range(3000):
        part = forms.pairs(data, seed).test
        np.add.at(drawn, (numbers(part.inputs["image_a"]), numbers(part.inputs["image_b"])), 1)
    same = np.equal.outer(labels, labels)
    expected = np.where(
        same, 3000 / np.maximum(same.sum(axis=1, keepdims=True) - 1, 1), 3000 / (~same).sum(axis=1, keepdims=True)
    )
    np.fill_diagonal(expected, 0)
    assert (np.abs(drawn - expected) <= 5 * np.sqrt(expected)).all()


def test_pairs_depend_on_the_seed_only():
    labels = [0, 1] * 20
    data = images_data(labels, labels, labels)
    assert forms.pairs(data).fingerprint() == forms.pairs(data).fingerprint() != forms.pairs(data, seed=1).fingerprint()


def test_the_pairs_of_a_part_hold_its_own_images_only():
    train, validation, test = (numbered_images([0, 0, 1, 1]) for _ in range(3))
    validation.inputs["image"] += 0.1
    test.inputs["image"] += 0.2
    data = forms.pairs(Data(train, validation, test, images_data([0], [0], [0]).contract, "", ""))
    for part, start in zip(parts(data), (0, 100, 200)):
        for image in part.inputs.values():
            assert set(numbers(image)) == set(range(start, start + 4))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 0, 1], [3, 3]])
def test_what_has_no_pairs_is_refused(labels):
    good = [0, 0, 1, 1]
    for three in ((labels, good, good), (good, labels, good), (good, good, labels)):
        assert "some set has a part with one class, or a class with one image" in refused(forms.pairs, images_data(*three))


@pytest.mark.parametrize("form", [forms.pairs, forms.two_classes])
def test_images_without_classes_are_refused(form):
    assert "some set has no classes; expected classified images" in refused(form, images_data([0], [0], [0], classes=None))


# What is made of MNIST; a small set stands in for it, the real one is read elsewhere


@pytest.fixture
def small_mnist(monkeypatch):
    labels = [list(range(10)) * 2, list(range(10)) * 3, list(range(10)) * 4]
    data = images_data(*labels)
    monkeypatch.setattr(mnist, "load", lambda: data)
    return data


def test_mnist_pairs_are_the_pairs_of_mnist(small_mnist):
    data = mnist_pairs.load()
    assert [len(part) for part in parts(data)] == [40, 60, 80]
    assert data.fingerprint() == forms.pairs(small_mnist).fingerprint() == mnist_pairs.load().fingerprint()


def test_each_digit_has_a_target_for_each_task(small_mnist):
    data = mnist_multitask.load()
    assert data.contract == Contract(small_mnist.contract.inputs) and data.source == "some set"
    for part, whole in zip(parts(data), parts(small_mnist)):
        assert part.inputs is whole.inputs
        np.testing.assert_array_equal(part.targets["digit"], whole.targets)
        assert {name: target.dtype for name, target in part.targets.items()} == dict.fromkeys(part.targets, np.int32)
        assert part.head(10).targets["parity"].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
        assert part.head(10).targets["above_four"].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    _, targets = Batches(data.train, data.contract, 4, seed=0)[0]
    np.testing.assert_array_equal(targets["parity"], targets["digit"] % 2)


def test_a_picture_for_several_tasks_is_read_as_for_one(monkeypatch):
    monkeypatch.setattr(mnist, "load", digits.load)
    assert mnist_multitask.load().contract["image"].picture == digits.PICTURE


# X and O


@pytest.fixture(scope="module")
def xo_data():
    return xo.load()


def test_the_x_is_that_of_the_lectures():
    """Its diagonals reach from pixel 1 to pixel 7; the feature map of the lectures' first filter begins 0.77 0 0.11 0.33 0.55."""
    expected = np.full((9, 9), -1.0)
    for place in range(1, 8):
        expected[place, place] = expected[place, 8 - place] = 1
    np.testing.assert_array_equal(xo.SLIDES_X, expected)
    diagonal = 2 * np.eye(3) - 1
    row = [(xo.SLIDES_X[:3, column : column + 3] * diagonal).mean() for column in range(5)]
    np.testing.assert_allclose(row, [0.77, -0.11, 0.11, 0.33, 0.55], atol=0.01)
    np.testing.assert_array_equal(xo.SLIDES_O, xo.SLIDES_O[::-1])
    np.testing.assert_array_equal(xo.SLIDES_O, xo.SLIDES_O.T)


def test_every_x_and_o_is_different_and_black_and_white(xo_data):
    assert [len(part) for part in parts(xo_data)] == [2000, 500, 1000]
    images = np.concatenate([part.inputs["image"] for part in parts(xo_data)])
    assert len(np.unique(images.reshape(3500, 81), axis=0)) == 3500
    assert set(np.unique(images)) == {-1, 1}
    for part in parts(xo_data):
        xo_data.contract.check(part.inputs)
        assert part.targets.dtype == np.int32 and 0.45 < part.targets.mean() < 0.55
    assert xo.load().fingerprint() == xo_data.fingerprint()


def test_the_originals_are_there_in_all_nine_places(xo_data):
    labels = {image.tobytes(): label for part in parts(xo_data) for image, label in zip(part.inputs["image"], part.targets)}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            for label, original in enumerate((xo.SLIDES_O, xo.SLIDES_X)):
                assert labels[np.roll(original, (down, right), axis=(0, 1)).tobytes()] == label


def test_an_o_is_closed_and_an_x_is_one_piece(xo_data):
    """From its middle, no way that goes up, down or sideways leaves an O; the strokes of an X have no hole."""
    import scipy.ndimage

    for part in parts(xo_data):
        for image, label in zip(part.inputs["image"][:300, ..., 0], part.targets):
            paper, outside = scipy.ndimage.label(np.pad(image, 1, constant_values=-1) < 0)
            ink, pieces = scipy.ndimage.label(image > 0, np.ones((3, 3)))
            assert pieces == 1
            if xo.CLASSES[label] == "O":
                assert outside == 2


@given(st.sampled_from(xo.CLASSES), st.floats(0.8, 1.1), st.floats(0.8, 1.1), st.floats(-10, 10), st.floats(1, 1.5))
@few
def test_letters_turn_grow_and_move(letter, height, width, degrees, thickness):
    drawn = xo.draw(letter, (height, width), degrees, thickness)
    np.testing.assert_array_equal(drawn[::-1, ::-1], drawn)
    np.testing.assert_array_equal(xo.draw(letter, (height, width), -degrees, thickness)[:, ::-1], drawn)
    assert (xo.draw(letter, (height, width), degrees, thickness + 0.3) >= drawn).all()
    moved = xo.draw(letter, (height, width), degrees, thickness, shift=(1, -2))
    np.testing.assert_array_equal(moved[1:, :-2], drawn[:-1, 2:])


def test_letters_are_drawn_one_by_one_or_many_at_once():
    scale, degrees = np.array([[0.8, 1.0, 1.1], [1.0, 0.9, 1.1]]), np.array([0.0, 10.0, -5.0])
    for letter in xo.CLASSES:
        many = xo.draw(letter, scale, degrees, shift=(np.zeros(3), np.ones(3)))
        one = [xo.draw(letter, scale[:, row], degrees[row], shift=(0, 1)) for row in range(3)]
        np.testing.assert_array_equal(many, one)
    wide = xo.draw("O", scale=(0.7, 1.1))
    assert np.flatnonzero((wide > 0).any(axis=1)).tolist() == [2, 3, 4, 5, 6]
    assert np.flatnonzero((wide > 0).any(axis=0)).tolist() == [1, 2, 3, 4, 5, 6, 7]
    clockwise = xo.draw("X", degrees=20)
    assert clockwise[1, 3] == 1 == clockwise[7, 5] and clockwise[1, 1] == -1
    with pytest.raises(ValueError, match='`letter` must be "X" or "O", got \'A\''):
        xo.draw("A")


# Points


def test_points_keep_their_distance_from_the_line_that_parts_them():
    data = points.load()
    assert [len(part) for part in parts(data)] == [1000, 200, 1000]
    assert np.hypot(*points.NORMAL) == pytest.approx(1) and abs(points.OFFSET) > points.MARGIN
    for part in parts(data):
        data.contract.check(part.inputs)
        distance = part.inputs["features"].astype("float64") @ np.array(points.NORMAL) + points.OFFSET
        assert points.MARGIN <= np.abs(distance).min() < points.MARGIN + 0.02
        np.testing.assert_array_equal(part.targets, distance > 0)
        assert part.targets.dtype == np.int32 and 0.3 < part.targets.mean() < 0.7
        assert np.abs(part.inputs["features"]).max(axis=0).min() > 0.97
    assert len(np.unique(np.concatenate([part.inputs["features"] for part in parts(data)]), axis=0)) == 2200
    assert points.load().fingerprint() == data.fingerprint()


def test_the_perceptron_rule_ends_within_its_bound_on_the_points():
    part = points.load().train
    examples = np.pad(part.inputs["features"], ((0, 0), (0, 1)), constant_values=1) * (2 * part.targets[:, None] - 1)
    bound = (examples**2).sum(axis=1).max() * (1 + points.OFFSET**2) / points.MARGIN**2
    weights, mistakes = np.zeros(3), 0
    while (wrong := examples[examples @ weights <= 0]).size:
        weights, mistakes = weights + wrong[0], mistakes + 1
        assert mistakes <= bound


# Two classes


def test_two_classes_are_the_first_two_as_rows():
    labels = [0, 3, 1, 2, 1, 0], [1, 0], [2, 0, 0]
    images = images_data(*labels)
    data = forms.two_classes(images)
    flat = Field("float32", (6,), 0.0, 1.0, kind="image", picture={"shape": [2, 3, 1]})
    assert data.contract == Contract({"features": flat}, ("a", "b"))
    for part, whole in zip(parts(data), parts(images)):
        data.contract.check(part.inputs)
        kept = whole.targets < 2
        np.testing.assert_array_equal(part.inputs["features"], whole.inputs["image"][kept].reshape(-1, 6))
        np.testing.assert_array_equal(part.targets, whole.targets[kept])
    assert forms.two_classes(data) is data


def test_features_stay_as_they_are():
    data = points.load()
    assert forms.two_classes(data) is data


def test_rows_are_read_of_grey_images_only(tmp_path):
    colours = np.zeros((20, 4, 4, 3), "uint8")
    path = tmp_path / "colours.npz"
    np.savez(path, x_train=colours, y_train=np.arange(20) % 2, x_test=colours, y_test=np.arange(20) % 2)
    with pytest.raises(UsageError, match="images with one channel, got 3; use grey images"):
        forms.image_rows(npz.load(str(path)))
