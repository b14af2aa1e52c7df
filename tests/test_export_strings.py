"""Inside a TensorFlow graph, also one saved and loaded, texts and pictures are read as Python reads them."""

import functools
import io
import itertools
import json
import pathlib

import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from PIL import Image, ImageDraw, ImageOps
from test_pictures import BLANK, FORMS, saved, stroke

import zoo
from zoo.data.pictures import fitted, light_on_dark
from zoo.data.text import SPACE, SPECIAL, UNKNOWN, Vocabulary, padded
from zoo.datasets import digits, fashion_mnist, mnist
from zoo.errors import UsageError
from zoo.export import pictures
from zoo.export.pictures import decode_photos, decode_picture, decode_pictures
from zoo.export.text import TextGraph

SAVED_MODELS = pathlib.Path(__file__).parents[1] / "saved_models"
FAMILY = "\U0001f469\u200d\U0001f467"
ODD = [
    "",
    " ",
    "  ",
    " a  man ",
    "ein Mann",
    SPACE,
    f"a{SPACE}{SPACE} man",
    "<end> of <start>",
    "<padding><unknown>",
    "zwei\n\tMänner\r\n",
    f"{FAMILY} e\u0301 \ufeff \ufffd \uffff \U0010ffff",
    "null\0byte",
    "a man in an orange hat starring at something " * 9,
]
few = settings(max_examples=40, deadline=None)


def vocabulary(name, part):
    contract = json.loads((SAVED_MODELS / name / "contract.json").read_text())
    return Vocabulary(contract["inputs"][part]["vocabulary"])


def assert_encodes(graph, vocabulary, texts):
    np.testing.assert_array_equal(graph.encode(tf.constant(texts)), padded([vocabulary.encode(text) for text in texts]))


def assert_decodes(graph, vocabulary, rows):
    known = [[number if 0 <= number < len(vocabulary) else UNKNOWN for number in row] for row in rows]
    texts = [text.decode() for text in graph.decode(tf.constant(padded(rows))).numpy()]
    assert texts == [vocabulary.decode(row) for row in known]


LETTERS = ["a", "b", "é", SPACE, " ", "\u0301", FAMILY]
CAPITALS = ["A", "É", "\u0130", "\u212a"]  # the last two have no small letter of one character, and that of another capital
PIECES = st.lists(st.lists(st.sampled_from([*LETTERS, "k"]), max_size=4).map("".join), unique=True, max_size=25)
TEXTS = st.lists(
    st.lists(st.sampled_from([*LETTERS, *CAPITALS, "x", "<end>"]), max_size=20).map("".join), min_size=1, max_size=30
)


@given(PIECES, TEXTS)
@example(["", " ", "a ", f"a{SPACE}", f"{SPACE}a", f"{SPACE}a{SPACE}b", f"{SPACE} "], ["a b", f" a{SPACE}b a b", f"a{SPACE} b"])
@example([], ["", "a", "A"])
@example(["a", "A", "b"], ["aAbB"])
@settings(max_examples=8, deadline=None)
def test_any_vocabulary_cuts_as_in_python(pieces, texts):
    vocabulary = Vocabulary([*SPECIAL, *pieces])
    graph = TextGraph(vocabulary.pieces)
    assert_encodes(graph, vocabulary, texts)
    assert_decodes(graph, vocabulary, [vocabulary.encode(text) for text in texts])


TRAINED = list(itertools.product(["seq2seq", "translation"], ["source", "target"]))


@pytest.fixture(scope="module", params=TRAINED, ids="-".join)
def trained(request):
    found = vocabulary(*request.param)
    return TextGraph(found.pieces), found


def test_a_trained_vocabulary_reads_odd_texts(trained):
    graph, vocabulary = trained
    assert_encodes(graph, vocabulary, ODD)
    for text in ODD:
        assert_encodes(graph, vocabulary, [text])
    assert graph.encode(tf.constant([""])).numpy().tolist() == [[2]]


@given(st.data())
@few
def test_a_trained_vocabulary_reads_any_text(trained, data):
    graph, vocabulary = trained
    some = st.lists(st.sampled_from(vocabulary.pieces) | st.sampled_from([" ", SPACE]), max_size=30).map("".join)
    assert_encodes(graph, vocabulary, data.draw(st.lists(st.text() | some, min_size=1, max_size=20)))


@given(st.data())
@few
def test_a_trained_vocabulary_writes_any_numbers(trained, data):
    graph, vocabulary = trained
    number = st.integers(-2, len(vocabulary) + 1) | st.integers(0, 4) | st.integers(-(2**31), 2**31 - 1)
    assert_decodes(graph, vocabulary, data.draw(st.lists(st.lists(number, max_size=20), min_size=1, max_size=8)))


BYTES = st.lists(st.sampled_from([b"a", b" ", b"\xe2\x96\x81", *(bytes([byte]) for byte in range(128, 256))]), max_size=9)


@given(st.lists(BYTES.map(b"".join), min_size=1, max_size=20))
@few
def test_bytes_that_are_no_utf8_are_unknown_characters(trained, contents):
    graph, vocabulary = trained
    expected = padded([vocabulary.encode(content.decode(errors="replace")) for content in contents])
    np.testing.assert_array_equal(graph.encode(tf.constant(contents)), expected)


def test_no_texts_and_no_numbers(trained):
    graph, _ = trained
    assert graph.encode(tf.zeros((0,), tf.string)).shape == (0, 0)
    assert graph.decode(tf.zeros((0, 3), tf.int32)).shape == (0,)
    assert graph.decode(tf.zeros((2, 0), tf.int32)).numpy().tolist() == [b"", b""]


def test_a_long_text_is_cut_in_one_go(trained):
    graph, vocabulary = trained
    assert_encodes(graph, vocabulary, ["".join(vocabulary.pieces[4:]).replace(SPACE, " ") * 5, "a"])


def png_or_jpeg(name):
    return name.endswith(("png", "jpg")) and name != "turned.jpg"


def sixteen_colours():
    return {"picture": coloured_stroke().quantize(16), "bits": 4}


def coloured_stroke():
    return ImageOps.colorize(stroke().resize((220, 260), Image.Resampling.BICUBIC), "#e0d8b0", "#302050")


def rough_paper():
    noise = np.random.default_rng(0).integers(0, 40, (260, 220, 3))
    return Image.fromarray(np.clip(np.asarray(coloured_stroke()) + noise, 0, 255).astype("uint8"))


def transparent(least):
    alpha = np.random.default_rng(0).integers(least, 256, (260, 220)).astype("uint8")
    picture = rough_paper()
    picture.putalpha(Image.fromarray(alpha))
    return picture


def two_papers():
    """As many pixels of the border are of 100 as of 200."""
    picture = Image.new("L", (60, 60), 100)
    picture.paste(200, (30, 0, 60, 60))
    picture.paste(20, (10, 10, 20, 45))
    return picture


def of_the_right_size():
    return Image.fromarray(np.round(digits.load().test.inputs["image"][7, ..., 0] * 255).astype("uint8"))


PICTURES = {name: make for name, make in FORMS.items() if png_or_jpeg(name)} | {
    "sixteen colours.png": sixteen_colours,
    "four colours.png": lambda: {"picture": coloured_stroke().quantize(4), "bits": 2},
    "colours.png": lambda: {"picture": coloured_stroke()},
    "half transparent.png": lambda: {"picture": transparent(60)},
    "hardly transparent.png": lambda: {"picture": transparent(140)},
    "two papers.png": lambda: {"picture": two_papers()},
    "rough.jpg": lambda: {"picture": rough_paper(), "quality": 40},
    "progressive.jpg": lambda: {"picture": rough_paper(), "progressive": True, "subsampling": 0},
    "grey.jpg": lambda: {"picture": rough_paper().convert("L")},
    "right size.png": lambda: {"picture": of_the_right_size()},
    "right size, dark on light.png": lambda: {"picture": ImageOps.invert(of_the_right_size())},
    "right size.jpg": lambda: {"picture": of_the_right_size().convert("RGB")},
    "long.png": lambda: {"picture": ImageOps.expand(Image.new("L", (900, 6), 255), 9)},
    "small.png": lambda: {"picture": of_the_right_size().resize((9, 7))},
}
SETS = {"mnist": mnist, "digits": digits, "fashion_mnist": fashion_mnist}


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A folder with the signatures `encode` and `decode`, and one for each data set that takes pictures."""
    served = tf.Module()
    served.text = TextGraph(vocabulary("translation", "source").pieces)
    calls = {name: functools.partial(decode_pictures, **data_set.PICTURE) for name, data_set in SETS.items()}
    calls |= {"encode": served.text.encode, "decode": served.text.decode}
    folder = tmp_path_factory.mktemp("served")
    tf.saved_model.save(served, folder, {name: traced(name, call) for name, call in calls.items()})
    return folder


def traced(name, call):
    """Without autograph, as a signature that runs a Keras model is traced."""
    given = tf.TensorSpec((None, None), tf.int32, "given") if name == "decode" else tf.TensorSpec((None,), tf.string, "given")
    return tf.function(lambda given: call(given), [given], autograph=False)


def loaded(folder):
    module = tf.saved_model.load(folder)
    return lambda name, given: module.signatures[name](given=tf.constant(given))["output_0"].numpy()


def in_a_session(folder):
    """As TensorFlow Serving runs it."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(folder)).signature_def
    return lambda name, given: session.run(
        signatures[name].outputs["output_0"].name, {signatures[name].inputs["given"].name: given}
    )


@pytest.fixture(scope="module", params=[loaded, in_a_session])
def answer(saved_model, request):
    """A function of a signature's name and its input."""
    return request.param(saved_model)


def test_a_saved_graph_reads_and_writes_text(answer):
    words = vocabulary("translation", "source")
    numbers = padded([words.encode(text) for text in ODD])
    np.testing.assert_array_equal(answer("encode", ODD), numbers)
    assert [text.decode() for text in answer("decode", numbers)] == [words.decode(row) for row in numbers]


@pytest.mark.parametrize("data_set", SETS)
def test_a_saved_graph_reads_pictures_as_python_does(answer, tmp_path, data_set):
    paths = [saved(tmp_path, name, **make()) for name, make in PICTURES.items()]
    images = answer(data_set, [path.read_bytes() for path in paths])
    for path, image in zip(paths, images, strict=True):
        expected, _ = light_on_dark(path, **SETS[data_set].PICTURE)
        np.testing.assert_allclose(image, expected, rtol=0, atol=1e-4, err_msg=path.name)


read = tf.function(decode_picture, input_signature=[tf.TensorSpec((), tf.string)])
POINTS = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=2, max_size=5, unique=True)
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(POINTS, COLOURS, COLOURS, st.sampled_from(["png", "jpg"]))
@settings(max_examples=60, deadline=None)
def test_a_stroke_of_any_colours_is_the_same_image(tmp_path_factory, points, ink, paper, form):
    # The curl keeps the centre of mass off the line between two pixels, where rounding decides.
    picture = stroke(points, (260, 240), (20, 15), width=9)
    ImageDraw.Draw(picture).line([(31, 20), (47, 21), (50, 33)], fill=255, width=4)
    path = saved(tmp_path_factory.mktemp("pictures"), f"stroke.{form}", ImageOps.colorize(picture, paper, ink))
    try:
        expected, _ = light_on_dark(path)
    except UsageError:
        with pytest.raises(tf.errors.InvalidArgumentError, match="input `image_bytes` is blank"):
            read(path.read_bytes())
    else:
        np.testing.assert_allclose(read(path.read_bytes()), expected, rtol=0, atol=1e-4)


def test_no_pictures(answer):
    assert answer("mnist", np.zeros((0,), "S1")).shape == (0, 28, 28, 1)


def content(picture, form="PNG"):
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("name", BLANK)
def test_a_blank_picture_is_refused(name):
    with pytest.raises(tf.errors.InvalidArgumentError, match="input `image_bytes` is blank; expected a picture of one thing"):
        read(content(BLANK[name]))


NO_PICTURES = {
    "nothing": b"",
    "one byte": b"\x89",
    "text": b"no\npicture\n",
    "the beginning of PNG": content(stroke())[:8],
    "the header of PNG": content(stroke())[:33],
    "half a PNG": content(rough_paper())[:60_000],
    "the beginning of JPEG": b"\xff\xd8\xff",
    "half a JPEG": content(rough_paper(), "JPEG")[:5_000],
    "damaged": content(stroke()).replace(b"IDAT", b"DATA"),
    "GIF": content(stroke(), "GIF"),
}


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused(name):
    with pytest.raises(tf.errors.InvalidArgumentError, match="input `image_bytes` cannot be read as a picture; expected PNG"):
        read(NO_PICTURES[name])


@pytest.mark.parametrize("refused", [content(BLANK["white"]), b"rubbish"], ids=["blank", "rubbish"])
def test_one_bad_picture_refuses_the_batch_also_when_saved(answer, refused):
    with pytest.raises(tf.errors.InvalidArgumentError, match="input `image_bytes` (is blank|cannot be read)"):
        answer("mnist", [content(stroke()), refused])


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch, form):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 110 * 130)
    assert decode_picture(content(stroke(), form)).shape == (28, 28, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected PNG or JPEG, at most 14,300 pixels"):
        decode_picture(content(stroke(size=(111, 130)), form))


@pytest.mark.real
def test_a_trained_network_gives_the_same_labels(tmp_path, data_folder, monkeypatch):
    """MNIST's test digits as dark ink somewhere on a larger light sheet, as in tests/test_real.py."""
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    generator, model, images, others = np.random.default_rng(0), zoo.load("mnist_cnn"), [], []
    for index, image in enumerate(mnist.load().test.inputs["image"][:200]):
        digit = Image.fromarray((image[..., 0] * 255).astype("uint8")).resize((140, 140), Image.Resampling.BICUBIC)
        sheet = Image.new("L", (200, 260), 230)
        sheet.paste(30, (int(generator.integers(0, 60)), int(generator.integers(0, 120))), digit)
        path = saved(tmp_path, f"{index}.png", sheet)
        images.append(read(path.read_bytes()))
        others.append(light_on_dark(path, **mnist.PICTURE)[0])
    np.testing.assert_allclose(images, others, rtol=0, atol=1e-4)
    labels = [np.asarray(model(np.stack(batch))).argmax(axis=-1) for batch in (images, others)]
    np.testing.assert_array_equal(*labels)


def colour_pictures():
    """PNG and JPEG of many forms, {name: bytes}."""
    generator = np.random.default_rng(0)
    coarse = Image.fromarray(generator.integers(0, 256, (9, 7, 3), "uint8"))
    wide, tall = coarse.resize((90, 61), Image.Resampling.BICUBIC), coarse.resize((33, 120), Image.Resampling.BICUBIC)
    transparent = wide.convert("RGBA")
    transparent.putalpha(Image.fromarray(generator.integers(0, 256, (61, 90), "uint8")))
    pictures = {
        "wide.png": wide,
        "tall.png": tall,
        "tiny.png": coarse,
        "right size.png": wide.resize((32, 24)),
        "grey.png": wide.convert("L"),
        "palette.png": wide.quantize(16),
        "transparent.png": transparent,
        "photo.jpg": wide,
        "grey.jpg": tall.convert("L"),
    }
    found = {}
    for name, picture in pictures.items():
        file = io.BytesIO()
        picture.save(file, "PNG" if name.endswith("png") else "JPEG", **({} if name.endswith("png") else {"quality": 95}))
        found[name] = file.getvalue()
    return found


@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_is_read_in_the_graph_as_pillow_reads_it(channels):
    shape = (24, 32, channels)
    decode = tf.function(functools.partial(decode_photos, shape=shape), input_signature=[tf.TensorSpec((None,), tf.string)])
    pictures = colour_pictures()
    images = decode(list(pictures.values())).numpy()
    for (name, file), image in zip(pictures.items(), images):
        expected, _ = fitted(io.BytesIO(file), shape)
        assert image.shape == expected.shape == shape and image.dtype == "float32"
        # Both round to 256 values, sums in another order.
        np.testing.assert_allclose(image, expected, atol=1.01 / 255, err_msg=name)
        assert (np.abs(image - expected) < 1e-6).mean() > 0.97, name
    whole, _ = fitted(io.BytesIO(pictures["right size.png"]), shape)
    np.testing.assert_allclose(images[3], whole, atol=1e-6)


def test_bytes_that_are_no_photo_are_refused_in_the_graph():
    with pytest.raises(tf.errors.InvalidArgumentError, match="cannot be read as a picture"):
        decode_photos(tf.constant([b"no picture"]), (8, 8, 3))
