"""The published networks layer by layer, and what residual blocks and normalisation compute."""

import re

import keras
import numpy as np
import pytest
from small import SMALL

import zoo
from zoo import data
from zoo import finder as recipes
from zoo.errors import UsageError


def shapes(model, *names):
    return {name: tuple(model.get_layer(name).output.shape[1:]) for name in names}


def counts(model):
    """Number of trained weights of each layer that has any."""
    return {layer.name: sum(int(np.prod(w.shape)) for w in layer.trainable_weights) for layer in model.layers if layer.weights}


def test_alexnet_has_the_published_shapes_and_weights():
    model = zoo.alexnet()
    published = {
        "conv1": (55, 55, 96),
        "pool1": (27, 27, 96),
        "conv2": (27, 27, 256),
        "pool2": (13, 13, 256),
        "conv3": (13, 13, 384),
        "conv4": (13, 13, 384),
        "conv5": (13, 13, 256),
        "pool5": (6, 6, 256),
        "flatten": (9216,),
        "dense6": (4096,),
        "dense7": (4096,),
        "logits": (1000,),
    }
    assert shapes(model, *published) == published
    assert counts(model) == {
        "conv1": 34_944,
        "conv2": 614_656,
        "conv3": 885_120,
        "conv4": 1_327_488,
        "conv5": 884_992,
        "dense6": 37_752_832,
        "dense7": 16_781_312,
        "logits": 4_097_000,
    }
    assert model.count_params() == 62_378_344


def test_resnet34_has_the_published_shapes_and_weights():
    """Table 1 of the paper; the counts are those of the authors' network without biases: 21.8 million."""
    model = zoo.resnet34()
    assert model.count_params() == 21_814_696
    trained = counts(model)
    assert sum(trained.values()) == 21_797_672
    published = {"stem": (112, 112, 64), "stem_pool": (56, 56, 64), "pool": (512,), "logits": (1000,)}
    blocks, filters, sizes = (3, 4, 6, 3), (64, 128, 256, 512), (56, 28, 14, 7)
    before = 64
    for stage, (count, width, size) in enumerate(zip(blocks, filters, sizes), start=1):
        for block in range(1, count + 1):
            name = f"stage{stage}_block{block}"
            published |= {f"{name}_{layer}": (size, size, width) for layer in ("conv1", "conv2", "add")}
            assert (trained[f"{name}_conv1"], trained[f"{name}_conv2"]) == (9 * before * width, 9 * width * width)
            assert trained[f"{name}_conv1_norm"] == trained[f"{name}_conv2_norm"] == 2 * width
            if before != width:
                assert trained[f"{name}_projection"] == before * width
            before = width
    assert shapes(model, *published) == published
    assert (trained["stem"], trained["logits"]) == (7 * 7 * 3 * 64, 512 * 1000 + 1000)
    assert sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers) == 33 + 3  # and the dense layer makes 34


def test_resnet20_is_the_papers_network_for_cifar():
    model = zoo.resnet20()
    published = {"stem": (32, 32, 16), "stage1_block3_add": (32, 32, 16), "stage2_block1_add": (16, 16, 32)}
    published |= {"stage3_block1_add": (8, 8, 64), "pool": (64,), "logits": (10,)}
    assert shapes(model, *published) == published
    assert sum(counts(model).values()) == 269_722  # "0.27M", table 6
    assert sum(isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)) for layer in model.layers) == 20
    for blocks, millions in ((5, 0.46), (7, 0.66), (9, 0.85)):
        assert round(sum(counts(zoo.resnet20(blocks=blocks)).values()) / 1e6, 2) == millions
    plain = zoo.resnet20(residual=False)
    assert plain.count_params() == model.count_params(), "option A adds no weights"
    assert not any(isinstance(layer, keras.layers.Add) for layer in plain.layers)


def test_a_block_adds_its_input_to_what_two_convolutions_make_of_it():
    keras.utils.set_random_seed(0)
    model = zoo.resnet((6, 8, 3), 2, blocks=(1, 1), filters=(4, 6), small_images=True)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])

    def normalised(x, name):
        gamma, beta, mean, variance = model.get_layer(f"{name}_norm").get_weights()
        return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    def convolved(x, name, strides=1):
        kernel = model.get_layer(name).get_weights()[0]
        batch, height, width, _ = x.shape
        # A stride of 2 over even sizes pads the far side only.
        near, far = (1, 1) if strides == 1 else (0, 1)
        padded = np.pad(x, ((0, 0), (near, far), (near, far), (0, 0)))
        out = np.zeros((batch, height // strides, width // strides, kernel.shape[-1]))
        for row in range(out.shape[1]):
            for column in range(out.shape[2]):
                window = padded[:, row * strides : row * strides + 3, column * strides : column * strides + 3]
                out[:, row, column] = np.einsum("bhwc,hwcf->bf", window, kernel)
        return normalised(out, name)

    image = generator.random((2, 6, 8, 3))
    x = np.maximum(convolved(image, "stem"), 0)
    y = convolved(np.maximum(convolved(x, "stage1_block1_conv1"), 0), "stage1_block1_conv2")
    x = np.maximum(x + y, 0)
    y = convolved(np.maximum(convolved(x, "stage2_block1_conv1", 2), 0), "stage2_block1_conv2")
    shortcut = np.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, 2)))
    x = np.maximum(shortcut + y, 0).mean(axis=(1, 2))
    kernel, bias = model.get_layer("logits").get_weights()
    np.testing.assert_allclose(model(image.astype("float32")), x @ kernel + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: zoo.resnet20((3, 8, 3)),
            r"resnet20 needs images of 4 x 4 or larger for 3 stages, got the input shape \(3, 8, 3\)",
        ),
        (
            lambda: zoo.resnet34((32, 31, 3)),
            r"resnet34 needs images of 32 x 32 or larger for 4 stages, got the input shape \(32, 31, 3\)",
        ),
        (lambda: zoo.resnet20((None, 3, 3)), r"resnet20 needs images of 4 x 4 .*\(None, 3, 3\)"),
        (lambda: zoo.resnet(blocks=(1, 2)), r"one number per stage, got \(1, 2\) and \(64, 128, 256, 512\)"),
        (
            lambda: zoo.alexnet((66, 227, 3)),
            r"alexnet needs images of 67 x 67 or larger with these strides, got the input shape \(66, 227, 3\)",
        ),
        (lambda: zoo.alexnet_small((18, 32, 3)), "alexnet_small needs images of 19 x 19 or larger"),
        (lambda: zoo.alexnet(filters=(1, 2)), r"five numbers, got \(1, 2\)"),
    ],
)
def test_what_cannot_be_built_is_said(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("name", ["resnet", "resnet, small images", "resnet, plain"])
def test_images_of_any_size_give_what_a_network_of_their_size_gives(name):
    generator = np.random.default_rng(0)
    free = SMALL[name].build(input_shape=(None, None, 1))
    assert free.input_shape == (None, None, None, 1)
    for height, width in ((8, 8), (11, 24)):
        fixed = SMALL[name].build(input_shape=(height, width, 1))
        fixed.set_weights(free.get_weights())
        images = generator.random((2, height, width, 1), "float32")
        np.testing.assert_allclose(free(images), fixed(images), rtol=1e-5, atol=1e-6)


def test_the_smallest_images_that_are_taken_are_seen_whole():
    assert zoo.resnet20((4, 4, 1)).get_layer("stage3_block3_add").output.shape == (None, 1, 1, 64)
    assert zoo.resnet34((32, 32, 1)).get_layer("stage4_block3_add").output.shape == (None, 1, 1, 512)
    assert zoo.alexnet((67, 67, 1)).get_layer("pool5").output.shape == (None, 1, 1, 256)
    assert zoo.alexnet_small((19, 19, 1)).get_layer("pool5").output.shape == (None, 1, 1, 80)


def test_images_too_small_for_a_recipe_are_one_line():
    recipe = recipes.find("alexnet_small")
    field = data.Field("float32", (12, 12, 3), 0.0, 1.0)
    line = "alexnet_small needs images of 19 x 19 or larger with these strides, got the input shape (12, 12, 3)."
    with pytest.raises(UsageError, match=f"^the network cannot be built: {re.escape(line)}$"):
        recipe.build_model(recipe.settings(), data.Contract({"image": field}, ("a", "b")))
