"""The page of `zoo serve` in a headless browser, over a real server with the packaged networks."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo import data, datasets
from zoo import finder as recipes
from zoo.data.pictures import fitted, light_on_dark
from zoo.endpoints import default_endpoint

pytestmark = pytest.mark.real

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright: pip install playwright")
BROWSERS = "chromium", "chromium-browser", "google-chrome", "chrome"
NAMES = (
    "mnist_cnn",
    "vae",
    "stacked_autoencoder",
    "seq2seq",
    "char_rnn",
    "stacked_lstm",
    "resnet20",
    *(("siamese_network", "multitask_mlp", "perceptron", "xo_convnet")),
)
THREE = pathlib.Path(__file__).parent.parent / "examples/three.png"
UNKNOWN = "odd"  # a model of which the page knows nothing
SERVER = """
import socket, sys
from zoo.serve.models import models_in
from zoo.serve.rest import Limits
from zoo.serve.server import Options, serve
options = Options(limits=Limits(key=(sys.argv[2:] or [None])[0]), poll=0.2)
listening = socket.create_server(("127.0.0.1", 0))
serve(models_in(sys.argv[1]), options, [listening], ready=lambda: print("port", listening.getsockname()[1], flush=True))
"""
# Strokes on a pad that is 1 wide and 1 high.
STROKES = {
    "7": [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]],
    "1": [[(0.52, 0.15), (0.5, 0.85)]],
    "X": [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]],
    "O": [[(0.5 + 0.35 * np.sin(turn), 0.5 - 0.35 * np.cos(turn)) for turn in np.linspace(0, 2 * np.pi, 17)]],
    "3": [
        [(0.3, 0.2), (0.5, 0.13), (0.68, 0.22), (0.66, 0.38), (0.48, 0.48), (0.68, 0.58), (0.7, 0.75), (0.5, 0.87), (0.28, 0.8)],
    ],
}
REDS = """(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
    .filter((_, index) => index % 4 === 0).join()"""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"the page runs in a browser, and none of {', '.join(BROWSERS)} is installed: install Debian's chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def exported(browser, packaged_export, tmp_path_factory):
    """A folder of the packaged networks, with their LiteRT files alone and what these answer."""
    models = tmp_path_factory.mktemp("served") / "saved_models"
    for name in NAMES:
        others = shutil.ignore_patterns("*.onnx", "*.pb", "variables")  # the page names the engine that answers
        shutil.copytree(packaged_export(name) / "saved_models" / name, models / name, ignore=others)
        with signatures(models / name) as every:
            for signature in [key for key, value in every.items() if "litert" not in value["formats"]]:
                del every[signature]
    shutil.copytree(models / "stacked_lstm", models / UNKNOWN)
    with signatures(models / UNKNOWN) as every:  # reading one frame is all that is left, and no panel is made of it
        del every["serving_default"]
    for name in ("mnist_cnn", "resnet20"):
        with signatures(models / name) as every:  # as an export of all formats has it
            inputs = {"image_bytes": {"dtype": "string", "shape": [None]}}
            every["classify_bytes"] = {**every["serving_default"], "formats": ["saved_model"], "inputs": inputs}
    return models


@contextlib.contextmanager
def serving(folder, *key):
    """A server of a folder of exports, in a process of its own: its address."""
    command = [sys.executable, "-c", SERVER, str(folder), *key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stdout if line.startswith("port "))
            yield f"http://127.0.0.1:{line.split()[1]}"
        finally:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def server(exported):
    """The address of a server of the packaged networks."""
    with serving(exported) as address:
        yield address


@contextlib.contextmanager
def signatures(folder):
    """The signatures of an export's contract, to be changed."""
    path = folder / "1/contract.json"
    contract = json.loads(path.read_text())
    yield contract["signatures"]
    path.write_text(json.dumps(contract))


@pytest.fixture
def page(browser, server):
    """A page in a browser of its own, which must end without errors and without a request to anybody else."""
    context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 900})
    page, errors, asked = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.expected = []  # what the console may say
    yield page
    context.close()
    assert not [error for error in errors if not any(allowed in error for allowed in page.expected)]
    assert not [url for url in asked if not url.startswith((server, "data:", "blob:"))]


def opened(page, name):
    page.goto(f"/#{name}")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    return page


def pad(page, of=""):
    return page.get_by_label(f"Drawing pad{of and ': '}{of}", exact=True)


def draw(page, thing, of=""):
    """Draws with the mouse."""
    pad(page, of).scroll_into_view_if_needed()
    box = pad(page, of).bounding_box()
    for stroke in STROKES[thing]:
        (x, y), *others = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in stroke]
        page.mouse.move(x, y)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(x, y, steps=6)
        page.mouse.up()


def says(page, answer):
    """Waits until the verdict is this one."""
    playwright.expect(page.get_by_test_id("verdict").locator("b")).to_have_text(answer)


def pixels(canvas):
    size = canvas.evaluate("canvas => [canvas.height, canvas.width]")
    return np.array(canvas.evaluate(REDS).split(","), "uint8").reshape(size)


def changes(page, canvas, before):
    """Waits until a canvas shows something else, and gives it."""
    arguments = [canvas.element_handle(), ",".join(map(str, before.ravel()))]
    page.wait_for_function(f"([canvas, before]) => ({REDS})(canvas) !== before", arg=arguments)
    return pixels(canvas)


def eventually(page, is_true):
    """Asks again and again, for ten seconds."""
    for _ in range(200):
        if is_true():
            return
        page.wait_for_timeout(50)
    pytest.fail("it never came true")


@pytest.mark.parametrize("name", ["mnist_cnn", "stacked_lstm"])
def test_a_drawn_digit_is_read(page, name):
    opened(page, name)
    says(page, "–")
    for digit in "713":
        draw(page, digit)
        says(page, digit)
        page.get_by_role("button", name="Clear").click()
        says(page, "–")


def test_a_photograph_is_told(page, data_folder, monkeypatch, tmp_path):
    """A test picture enlarged, with more beside it, which the network does not see."""
    monkeypatch.setenv("ZOO_DATA_DIR", str(data_folder))
    test, classes = datasets.cifar10.load().test, datasets.cifar10.CLASSES
    probabilities = default_endpoint(recipes.find("resnet20"), zoo.load("resnet20"), data.Contract({}, classes)).predict(
        {"image": test.inputs["image"][:50]}
    )["probabilities"]
    surest = int(probabilities.max(axis=1).argmax())
    picture = Image.fromarray((test.inputs["image"][surest] * 255).round().astype("uint8"))
    wide = Image.new("RGB", (400, 256), "magenta")
    wide.paste(picture.resize((256, 256), Image.Resampling.NEAREST), (72, 0))
    wide.save(tmp_path / "photo.png")
    opened(page, "resnet20")
    says(page, "–")
    page.get_by_label("Picture").set_input_files(tmp_path / "photo.png")
    says(page, classes[int(probabilities[surest].argmax())])
    assert page.get_by_label("photo.png").bounding_box()["width"] > 200
    (tmp_path / "text.png").write_text("no picture")
    page.get_by_label("Picture").set_input_files(tmp_path / "text.png")
    playwright.expect(page.get_by_role("alert").first).to_contain_text("cannot be read as a picture")
    says(page, "–")


def test_two_pictures_are_compared(page):
    opened(page, "siamese_network")
    says(page, "–")
    draw(page, "7", "Image a")
    says(page, "–")
    draw(page, "7", "Image b")
    says(page, "same")
    same = float(page.locator(".numbers .number").inner_text())
    page.get_by_role("button", name="Clear").nth(1).click()
    says(page, "–")
    draw(page, "1", "Image b")
    says(page, "different")
    assert float(page.locator(".numbers .number").inner_text()) > same


def test_every_task_answers_with_its_classes(page):
    opened(page, "multitask_mlp")
    for digit, answers in {"7": ["7", "odd", "5 to 9"], "1": ["1", "odd", "0 to 4"]}.items():
        page.get_by_role("button", name="Clear").click()
        draw(page, digit)
        playwright.expect(page.get_by_test_id("verdict").locator("b")).to_have_text(answers)
    playwright.expect(page.get_by_role("list", name="Parity probabilities").locator("li")).to_have_count(2)


def test_two_numbers_are_classified(page):
    """By hand, from the weights."""
    weights, bias = (np.asarray(one, "float64") for one in zoo.load("perceptron").get_weights())
    opened(page, "perceptron")
    for features in ([0.9, -0.4], [-0.7, 0.25]):
        for number, feature in enumerate(features, start=1):
            page.get_by_label(f"features {number}, in digits").fill(str(feature))
            page.keyboard.press("Enter")
        score = (np.dot(features, weights) + bias).item()
        says(page, "positive" if score > 0 else "negative")
        playwright.expect(page.locator(".numbers .number")).to_have_text(f"{score:.4g}")
    page.get_by_role("slider").first.fill("0.5")
    playwright.expect(page.get_by_label("features 1, in digits")).to_have_value("0.50")
    playwright.expect(page.locator(".numbers .number")).to_have_text(f"{(np.dot([0.5, 0.25], weights) + bias).item():.4g}")


def test_a_drawing_is_given_in_the_range_of_the_training_images(page):
    opened(page, "xo_convnet")
    for thing in "XO":
        with page.expect_request(lambda request: request.url.endswith("xo_convnet:predict")) as asked:
            draw(page, thing)
        given = np.array(asked.value.post_data_json["inputs"]["image"])
        assert given.shape == (1, 9, 9, 1) and given.min() == -1 and given.max() <= 1
        says(page, thing)
        page.get_by_role("button", name="Clear").click()


def test_probabilities_are_shown_while_drawing(page):
    opened(page, "mnist_cnn")
    box = pad(page).bounding_box()
    page.mouse.move(box["x"] + 70, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 55, steps=5)
    playwright.expect(page.get_by_test_id("verdict").locator("b")).to_have_text(re.compile(r"\d"))
    page.mouse.up()
    shares = page.get_by_role("list", name="Probabilities").locator(".number").all_inner_texts()
    assert len(shares) == 10 and sum(float(share.split()[0]) for share in shares) == pytest.approx(100, abs=1)


def test_the_network_is_given_what_python_would_give_it(page, tmp_path):
    """The same strokes through `light_on_dark`, and pictures as people have them through the page's own copy of it."""
    opened(page, "mnist_cnn")
    draw(page, "3")
    says(page, "3")
    drawn = Image.fromarray(pixels(pad(page)))
    generator = np.random.default_rng(0)
    dark = np.full((90, 70), 220, "uint8")
    dark[20:60, 30:37] = 40
    dark[20:26, 30:60] = 90
    noisy = (dark + generator.integers(0, 9, dark.shape)).astype("uint8")
    tiny = np.zeros((12, 9), "uint8")
    tiny[2:9, 4:6] = 255
    for picture in (drawn, *map(Image.fromarray, (dark, noisy, tiny))):
        for form in ({"box": 20, "center": "mass"}, {"box": 20, "center": "box"}, {"box": 28, "center": "box"}):
            picture.save(tmp_path / "picture.png")
            expected = light_on_dark(tmp_path / "picture.png", **form)[0][..., 0]
            given = page.evaluate(
                "async ([grey, form]) => (await import('/page/pictures.js')).lightOnDark(grey, form)",
                [np.asarray(picture).tolist(), form],
            )
            np.testing.assert_allclose(given, expected, atol=2e-6)


def test_a_photograph_is_given_the_form_that_python_gives_it(page, tmp_path):
    """Also a grey one, and one that is smaller than what the network takes."""
    opened(page, "resnet20")
    generator = np.random.default_rng(0)
    for height, width, shape in [(60, 90, (32, 32, 3)), (50, 41, (20, 16, 1)), (12, 9, (32, 32, 3))]:
        picture = generator.integers(0, 256, (height, width, 3), "uint8")
        Image.fromarray(picture).save(tmp_path / "picture.png")
        expected, _ = fitted(tmp_path / "picture.png", shape)
        given = page.evaluate(
            "async ([colours, shape]) => (await import('/page/pictures.js')).fitted(colours, shape)",
            [picture.tolist(), shape],
        )
        np.testing.assert_allclose(given, expected, atol=1.01 / 255)  # Pillow adds in another order
        assert np.mean(np.abs(given - expected) > 1e-6) < 0.01


# What no packaged network takes or gives yet, {signature: (inputs, outputs)}.
FIELD = {"minimum": None, "maximum": None, "vocabulary": None, "max_length": None, "classes": None, "picture": None}
MADE_UP = {
    "forecast": (
        {"load": {"dtype": "float32", "shape": [None, None, 2], "kind": "series"}},
        {"next": {"dtype": "float32", "shape": [None, 3, 1], "kind": "series"}},
    ),
    "detect": (
        {"scene": {"dtype": "float32", "shape": [None, 8, 8, 1], "kind": "image", "picture": {"size": 8, "box": 6}}},
        {"boxes": {"dtype": "float32", "shape": [None, 3, 4], "kind": "boxes"}},
    ),
    "draw": (
        {"species": {"dtype": "int32", "shape": [None], "kind": "label", "classes": ["cat", "dog"]}},
        {"picture": {"dtype": "float32", "shape": [None, 2, 2, 3], "kind": "image", "minimum": -1, "maximum": 1}},
    ),
    "add": (
        {
            name: {"dtype": "int32", "shape": [None, None], "kind": "bits", "minimum": 0, "maximum": 1}
            for name in ("left", "right")
        },
        {
            "total": {"dtype": "int32", "shape": [None, None], "kind": "bits"},
            "carries": {"dtype": "int32", "shape": [None, None], "kind": "label", "classes": ["none", "one"]},
            "shares": {"dtype": "float32", "shape": [None, None, 2], "kind": "label", "classes": ["low", "high"]},
        },
    ),
    "other": (  # of a file made elsewhere, which does not tell the shape
        {"anything": {"dtype": "float32", "shape": None, "kind": "vector"}},
        {"answer": {"dtype": "float32", "shape": [None, 2], "kind": "vector"}},
    ),
}
ANSWERS = {"forecast": [[[1], [3], [2]]], "detect": [[[1, 2, 5, 6], [0, 0, 0, 0]]], "draw": [[[[1, -1, 0]] * 2] * 2]}
ANSWERS["add"] = {"total": [[0, 0, 1, 0, 1]], "carries": [[0, 1, 0]], "shares": [[[0.2, 0.8], [0.9, 0.1]]]}


def test_every_kind_has_its_panel(page):
    """Series, boxes, bits and labels as inputs, of a made-up model behind made-up answers."""
    signatures = {
        name: {
            key: {one: {**FIELD, **field} for one, field in fields.items()} for key, fields in zip(("inputs", "outputs"), both)
        }
        for name, both in MADE_UP.items()
    }
    contract = {"name": "new", "classes": None, "vocabularies": {}, "signatures": signatures}
    asked = {}

    def answer(route):
        request = route.request.post_data_json
        asked[request["signature_name"]] = request["inputs"]
        route.fulfill(json={"outputs": ANSWERS[request["signature_name"]]})

    models = [{"name": "new", "version": 1, "engine": "litert", "contract": contract}]
    page.route("**/v1/zoo", lambda route: route.fulfill(json={"models": models}))
    page.route("**/v1/models/new", lambda route: route.fulfill(json={"model_version_status": []}))
    page.route("**/v1/models/new:predict", answer)
    opened(page, "new")
    playwright.expect(page.locator("section h3")).to_have_count(4)
    page.get_by_text("Ask with JSON").click()
    page.get_by_label("Signature").select_option("other")
    page.get_by_text("float32 · any shape", exact=True).wait_for()
    page.get_by_label("Load 2 numbers").fill("1 2\n3, 4\n5")
    playwright.expect(page.get_by_role("alert")).to_have_text("Step 3 has 1 numbers; expected 2.")
    page.get_by_label("Load 2 numbers").fill("1 2\n3, 4.5")
    playwright.expect(page.get_by_role("img", name="Next").locator("polyline")).to_have_count(1)
    playwright.expect(page.get_by_role("img", name="Load, as given").locator("polyline")).to_have_count(2)
    page.get_by_text("3 steps, 1 to 3").wait_for()
    assert asked["forecast"] == {"load": [[[1, 2], [3, 4.5]]]}
    draw(page, "7")
    rect = page.get_by_role("img", name="Boxes").locator("rect")
    playwright.expect(rect).to_have_count(1)
    assert [rect.get_attribute(one) for one in ("x", "y", "width", "height")] == ["1", "2", "4", "4"]
    page.get_by_text("1, 2, 5, 6").wait_for()
    page.get_by_label("Species").select_option("dog")
    eventually(page, lambda: asked["draw"] == {"species": [1]})
    colours = page.get_by_label("Picture, draw").evaluate(
        "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    assert colours == [255, 0, 128, 255]
    page.get_by_label("Left 0 and 1").fill("12")
    playwright.expect(page.get_by_role("alert").filter(has_text="Left is 12")).to_contain_text("expected 0 and 1 only")
    page.get_by_label("Left 0 and 1").fill("011")
    page.get_by_label("Right 0 and 1").fill("10")
    for name, text in (("Total", "101"), ("Carries", "none one none"), ("Shares", "high low")):
        playwright.expect(page.get_by_label(name, exact=True)).to_have_text(text)
    assert asked["add"] == {"left": [[0, 1, 1]], "right": [[1, 0]]}


def test_the_keyboard_can_draw(page):
    opened(page, "mnist_cnn")
    pad(page).focus()
    for key in ("Space", *["ArrowDown"] * 16):
        page.keyboard.press(key)
    says(page, "1")
    playwright.expect(page.locator(".pen")).to_be_visible()
    page.keyboard.press("Space")
    before = pixels(pad(page))
    page.keyboard.press("ArrowLeft")
    assert (pixels(pad(page)) == before).all()
    page.keyboard.press("Delete")
    says(page, "–")


def test_a_finger_can_draw(browser, server):
    context = browser.new_context(base_url=server, viewport={"width": 380, "height": 800}, has_touch=True, is_mobile=True)
    page = opened(context.new_page(), "mnist_cnn")
    pad(page).scroll_into_view_if_needed()
    box, session = pad(page).bounding_box(), context.new_cdp_session(page)
    points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in STROKES["7"][0]]
    path = [tuple(np.add(a, np.subtract(b, a) * step / 5)) for a, b in zip(points, points[1:]) for step in range(6)]
    for kind, point in [("touchStart", path[0]), *(("touchMove", point) for point in path), ("touchEnd", None)]:
        touched = [] if point is None else [{"x": float(point[0]), "y": float(point[1])}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})
    says(page, "7")
    context.close()


def test_a_picture_file_is_read(page, tmp_path):
    opened(page, "mnist_cnn")
    with page.expect_request("**/v1/models/mnist_cnn:predict") as asked:
        page.get_by_label("or choose a picture").set_input_files(THREE)
    says(page, "3")
    assert asked.value.headers["content-type"] == "image/png"
    opened(page, "stacked_lstm")
    page.get_by_label("or choose a picture").set_input_files(THREE)
    says(page, "3")
    opened(page, "siamese_network")  # takes arrays only: the page gives them the form
    for name in ("Image a", "Image b"):
        page.get_by_label(f"or choose a picture: {name}").set_input_files(THREE)
    says(page, "same")
    opened(page, "mnist_cnn")
    (tmp_path / "none.png").write_bytes(b"no picture")
    page.get_by_label("or choose a picture").set_input_files(tmp_path / "none.png")
    playwright.expect(page.get_by_role("alert")).to_contain_text("none.png cannot be read as a picture")


@pytest.mark.parametrize("name", ["stacked_autoencoder", "vae"])
def test_the_reconstruction_is_drawn_beside_the_drawing(page, name):
    opened(page, name)
    shown = page.get_by_label("Reconstruction", exact=True)
    blank = pixels(shown)
    assert not blank.any()
    draw(page, "1")
    one = changes(page, shown, blank)
    page.get_by_role("button", name="Clear").first.click()  # of several pads: an interpolation takes two drawings more
    changes(page, shown, one)
    draw(page, "7")
    # It reconstructs what it sees: the ink is where the drawing's is.
    seen = page.get_by_label("What the network sees", exact=True)
    eventually(page, lambda: pixels(shown).any() and np.corrcoef(pixels(seen).ravel(), pixels(shown).ravel())[0, 1] > 0.7)


def test_latent_sliders_change_the_picture(page):
    opened(page, "vae")
    sliders, shown = page.get_by_role("slider"), page.get_by_label("Reconstruction, decode")
    zero = changes(page, shown, np.zeros((28, 28), "uint8"))
    sliders.first.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    moved = changes(page, shown, zero)
    page.get_by_role("button", name="Random").click()
    changes(page, shown, moved)
    page.get_by_role("button", name="All zero").click()
    page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(14, 14, 1, 1).data[3] === 255", arg=shown.element_handle()
    )
    assert sliders.count() == 10
    page.get_by_role("button", name="Show all 50").click()
    assert sliders.count() == 50


def test_the_first_sliders_are_those_that_matter(page):
    """Codings that the network leaves unused change nothing, and stand last."""
    opened(page, "vae")
    shown = page.get_by_label("Reconstruction, decode")
    zero = changes(page, shown, np.zeros((28, 28), "uint8"))
    page.get_by_role("slider").first.fill("2.5")
    eventually(page, lambda: np.abs(pixels(shown).astype(int) - zero).max() > 100)
    moved = pixels(shown).astype(int)
    page.get_by_role("button", name="All zero").click()
    eventually(page, lambda: (pixels(shown) == zero).all())
    page.get_by_role("button", name="Show all 50").click()
    page.get_by_role("slider").last.fill("2.5")
    page.get_by_role("slider").first.fill("2.5")
    eventually(page, lambda: np.abs(pixels(shown) - moved).max() < 30)


def test_a_drawing_moves_the_sliders(page):
    opened(page, "vae")
    draw(page, "7")
    page.wait_for_function("[...document.querySelectorAll('.slider input')].some((slider) => Math.abs(slider.value) > 0.5)")


def test_samples_follow_their_seed(page):
    opened(page, "vae")
    seed, samples = page.get_by_label("Seed"), page.get_by_role("group", name="Image, sample").get_by_role("img")
    page.get_by_role("button", name="Sample").click()
    playwright.expect(samples).to_have_count(20)
    playwright.expect(seed).to_have_value("2")
    one = pixels(samples.first)
    page.get_by_role("button", name="Sample").click()
    page.get_by_text("count 20, seed 2").wait_for()
    assert (pixels(samples.first) != one).any()
    seed.fill("1")
    page.get_by_role("button", name="Sample").click()
    page.get_by_text("count 20, seed 1").wait_for()
    assert (pixels(samples.first) == one).all()


def test_a_translation_streams(page):
    opened(page, "seq2seq")
    page.evaluate(
        """() => {
          window.seen = new Set();
          const answer = document.querySelector('.answer');
          new MutationObserver(() => window.seen.add(answer.textContent)).observe(answer, { childList: true });
        }"""
    )
    page.get_by_label("Text").fill("Samstag, 21. November 2026")
    page.keyboard.press("Enter")
    playwright.expect(page.get_by_label("Answer", exact=True).first).to_have_text("2026-11-21")
    assert {"2", "2026-", "2026-11-21"} <= set(page.evaluate("[...window.seen]"))
    page.get_by_text("10 tokens in").wait_for()
    with urllib.request.urlopen(page.url.partition("#")[0] + "v1/models/seq2seq/metadata") as told:
        signatures = json.load(told)["metadata"]["signature_def"]["signature_def"]
    assert page.locator("table.attention").count() == ("attention" in signatures["decode_step"]["outputs"])


def test_a_text_is_written_and_the_likeliest_next_letters_are_shown(page):
    opened(page, "char_rnn")
    written = page.locator("section.card", has=page.get_by_role("button", name="Write"))
    written.get_by_label("Text").fill("ROMEO:")
    written.get_by_label("Length").fill("40")
    written.get_by_label("Seed").fill("3")
    written.get_by_role("button", name="Write").click()
    page.get_by_text("40 tokens in").wait_for()
    asked = {"length": 40, "temperature": 0.8, "top_k": 0, "seed": 3}
    assert written.get_by_label("Answer").text_content() == zoo.predict("char_rnn", "ROMEO:", inputs=asked)["text"]
    following = page.locator("section.card", has=page.get_by_role("heading", name="Next"))
    following.get_by_label("Text").fill("ROME")
    likely = zoo.predict("char_rnn", "ROME", endpoint="next")["probabilities"]
    playwright.expect(following.get_by_test_id("verdict").locator("b")).to_have_text(max(likely, key=likely.get))


def test_attention_is_drawn(page):
    """Events that carry attention become a table of source and answer."""
    events = [
        {"text": "2", "token": 8, "attention": [0.1, 0.7, 0.1, 0.1]},
        {"text": "20", "token": 6, "attention": [0.0, 0.0, 0.9, 0.1]},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    page.route("**/v1/models/seq2seq:generate", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    opened(page, "seq2seq")
    page.get_by_label("Text").fill("abc")
    page.get_by_role("button", name="Translate").click()
    table = page.get_by_role("table")
    playwright.expect(table.locator("thead th")).to_have_text(["a", "b", "c", "⏎"])
    playwright.expect(table.locator("tbody th")).to_have_text(["2", "0"])
    playwright.expect(table.locator("tbody tr").nth(1).locator("td")).to_have_text(["0.0 %", "0.0 %", "90.0 %", "10.0 %"])
    colours = table.locator("td").evaluate_all("cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)")
    assert len(set(colours[1:])) == 4
    events[0]["source"] = ["\u2581Ein", "\u2581Hund", "en", "<end>"]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    page.route("**/v1/models/seq2seq:generate", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.get_by_role("button", name="Translate").click()
    playwright.expect(table.locator("thead th")).to_have_text(["Ein", "Hund", "en", "⏎"])


def test_unknown_models_get_a_form_that_answers(page):
    opened(page, UNKNOWN)
    page.get_by_role("button", name="Ask").click()
    answer = page.get_by_role("region", name="Answer")
    answer.wait_for()
    outputs = json.loads(answer.inner_text())
    assert np.shape(outputs["logits"]) == (1, 10) and "next_h1" in outputs


def test_errors_stand_beside_what_caused_them(page):
    page.expected = ["400 (Bad Request)"]  # Chromium notes every answer of that kind
    opened(page, UNKNOWN)
    page.get_by_label("frame").fill("[[1, 2]]")
    page.get_by_role("button", name="Ask").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("input `frame` has shape (1, 2); expected (batch, 28)")
    page.get_by_label("frame").fill("[[1, ")
    page.get_by_role("button", name="Ask").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("frame is no JSON")
    opened(page, "seq2seq")
    page.get_by_label("Text").fill("x" * 300)
    page.keyboard.press("Enter")
    playwright.expect(page.get_by_role("alert")).to_contain_text("expected at most 200")


def test_every_signature_has_an_example_that_answers(page):
    for name in NAMES:
        opened(page, name)
        page.get_by_text("Ask with JSON").click()
        select = page.get_by_label("Signature")
        for signature in select.locator("option").all_inner_texts():
            if select.is_visible():
                select.select_option(signature)
            page.get_by_role("button", name="Ask", exact=True).click()
            page.get_by_text(re.compile(r"^Answered in \d+ ms")).wait_for()


def test_what_is_served_and_its_health(page):
    page.goto("/")
    playwright.expect(page.get_by_role("status").first).to_have_text("ready")
    links = page.get_by_role("navigation", name="Models").get_by_role("link")
    playwright.expect(links).to_have_count(len(NAMES) + 1)
    assert "version 1 · litert" in links.first.inner_text()
    links.filter(has_text="vae").click()
    page.get_by_role("heading", name="vae", exact=True).wait_for()
    assert page.url.endswith("#vae") and page.title() == "vae · zoo serve"
    playwright.expect(page.get_by_text("version 1 · available · litert")).to_be_visible()
    page.get_by_text("Signatures", exact=True).click()
    playwright.expect(page.get_by_text("takes coding: float32 · (batch, 50)")).to_be_visible()


def test_a_key_is_asked_for_and_versions_come_and_go(browser, exported, tmp_path):
    folder = tmp_path / "served" / UNKNOWN
    shutil.copytree(exported / UNKNOWN, folder)
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(serving(folder.parent, "open sesame"))
        page = stack.enter_context(browser.new_context(base_url=address)).new_page()
        page.goto("/")
        status = page.get_by_role("status").first
        playwright.expect(status).to_contain_text("an API key is needed")
        page.get_by_label("API key").fill("open sesame")
        page.get_by_role("button", name="Use it").click()
        playwright.expect(status).to_have_text("ready")
        playwright.expect(page.get_by_label("API key")).to_be_hidden()
        page.get_by_text("version 1 · available · litert").wait_for()
        shutil.copytree(folder / "1", tmp_path / "2")
        (tmp_path / "2").rename(folder / "2")
        page.get_by_text("version 2 · available · litert").wait_for()
        (folder / "3").mkdir()
        page.get_by_text("version 3 · refused").wait_for()
        page.get_by_text("version 2 · litert · 1 refused").wait_for()
        page.get_by_role("button", name="Ask").click()
        page.get_by_role("region", name="Answer").wait_for()
        page.goto("/#nobody")
        page.get_by_text("There is no such model here").wait_for()


def test_nothing_that_is_listed_is_a_path(server):
    with urllib.request.urlopen(f"{server}/v1/zoo") as answer:
        text = answer.read().decode()
    models = json.loads(text)["models"]
    assert {model["name"] for model in models} == {*NAMES, UNKNOWN} and len(text) < 50_000
    for model in models:
        for signature in model["contract"]["signatures"].values():
            for field in signature["inputs"].values():
                field.pop("examples", None)  # dates have slashes
    assert "/" not in json.dumps(models)


@pytest.mark.parametrize("path", ["panels/../../rest.py", "panels/%2e%2e/%2e%2e/rest.py", "panels", "panels/", "/etc/passwd"])
def test_the_page_sends_its_own_files_only(server, path):
    with urllib.request.urlopen(f"{server}/page/panels/image.js") as answer:
        assert answer.headers.get_content_type() == "text/javascript" and b"export" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server}/page/{path}")


@pytest.mark.parametrize("name", [*NAMES, UNKNOWN])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_the_page_fits_a_phone(page, name, scheme):
    page.set_viewport_size({"width": 380, "height": 800})
    page.emulate_media(color_scheme=scheme)
    opened(page, name)
    for summary in page.locator("summary").all():
        if not summary.locator("..").get_attribute("open"):
            summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 380
    nameless = page.locator("a, button, input, select, textarea, canvas, [tabindex], [role]").evaluate_all(
        """elements => elements.filter((element) => element.checkVisibility()
             && !(element.getAttribute('aria-label') || element.labels?.length || element.textContent.trim()
             || ['status', 'alert'].includes(element.role)))
           .map((element) => element.outerHTML)"""
    )
    assert nameless == []
    twice = page.evaluate(
        "[...document.querySelectorAll('[id]')].map((one) => one.id).filter((id, at, all) => all.indexOf(id) !== at)"
    )
    assert twice == [] and page.locator("html").get_attribute("lang") == "en"
    assert page.evaluate(CONTRASTS) == []


# Texts with less than 4.5 : 1 to what lies behind them.
CONTRASTS = """
() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => numbers(colour).slice(0, 3).map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((numbers(colour)[3] ?? 1) > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
    .map((element) => [element, [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a)])
    .filter(([, [light, dark]]) => (light + 0.05) / (dark + 0.05) < 4.5)
    .map(([element]) => element.outerHTML.slice(0, 200));
}
"""
