"""Autoencoders against NumPy and closed forms: their layers, their noise, their penalties, their numbers."""

import json
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image
from small import SMALL, with_random_weights

import zoo
from zoo import saved
from zoo.data import Contract, Field, Part
from zoo.data.autoencoders import coding_numbers, reconstruction_errors
from zoo.data.forms import damage
from zoo.data.pictures import light_on_dark
from zoo.datasets import mnist
from zoo.errors import UsageError
from zoo.layers import CodingGrid, FixedGaussianSamples, Interpolation, MaskingNoise, NegativeELBO, SeededNormal, Sparsity
from zoo.models import stacked_autoencoder, vae
from zoo.training.evaluate import with_noise

THREE = pathlib.Path(__file__).parent.parent / "examples/three.png"


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, "float64")))


# Noise


def test_masking_switches_off_its_share_in_training_and_scales_nothing(generator):
    inputs = generator.uniform(0.5, 1, (100, 1000)).astype("float32")
    layer = MaskingNoise(0.3, seed=1)
    noisy = np.asarray(layer(inputs, training=True))
    off = noisy == 0
    assert abs(off.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / off.size)
    np.testing.assert_array_equal(noisy[~off], inputs[~off])
    np.testing.assert_array_equal(layer(inputs), inputs)
    assert (np.asarray(layer(inputs, training=True)) != noisy).any()
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"at least 0 and less than 1, got {rate}"):
            MaskingNoise(rate)


@pytest.mark.parametrize("corruption", ["gaussian", "masking"])
def test_the_denoising_autoencoder_sees_noise_in_training_only(corruption):
    model = zoo.denoising_autoencoder((30, 30, 1), (3, 2), corruption, 0.4)
    seen = keras.Model(model.input, model.get_layer("noise").output)
    image = np.full((20, 30, 30, 1), 0.5, "float32")
    np.testing.assert_array_equal(seen(image, training=False), image)
    change = np.asarray(seen(image, training=True)) - image
    # Of 18 000 pixels: the standard deviation of the noise, or of pixels that are 0 with probability 0.4.
    expected = (0.0, 0.4) if corruption == "gaussian" else (-0.2, 0.5 * np.sqrt(0.4 * 0.6))
    np.testing.assert_allclose([change.mean(), change.std()], expected, atol=0.01)


def test_the_denoising_autoencoder_is_its_equations(generator):
    model, images = SMALL["denoising_autoencoder"].build(), SMALL["denoising_autoencoder"].inputs(3, 6)["image"]
    with_random_weights(model, generator)
    x = images.reshape(3, -1)
    for index, (kernel, bias) in enumerate(zip(*[iter(model.get_weights()[-8:])] * 2)):
        x = x @ kernel + bias
        x = np.maximum(x, 0) if index < 3 else sigmoid(x)
    np.testing.assert_allclose(np.reshape(model(images), (3, -1)), x, atol=1e-6)


def test_damage_is_what_it_says_and_the_same_for_the_same_seed(generator):
    images = generator.random((50, 20, 20, 1), "float32")
    noise = damage(images, "gaussian", 0.5) - images
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 0.5], atol=0.02)
    off = damage(images, "masking", 0.25) == 0
    assert abs(off.mean() - 0.25) < 0.02
    for corruption in ("gaussian", "masking"):
        np.testing.assert_array_equal(damage(images, corruption, 0.3), damage(images, corruption, 0.3))
        assert (damage(images, corruption, 0.3) != damage(images, corruption, 0.3, seed=1)).any()
        np.testing.assert_array_equal(damage(images, corruption, 0), images)
    for corruption, amount in (("gaussian", -1), ("gaussian", float("nan")), ("masking", 1.5)):
        with pytest.raises(UsageError, match="expected a s"):
            damage(images, corruption, amount)


def test_noise_is_added_to_the_whole_picture(generator):
    clean, given = generator.random((2, 9, 8, 8, 1)).astype("float32")
    contract = Contract({"image": Field("float32", (8, 8, 1), kind="image")})
    part = Part({"image": given}, clean)
    restoring = with_noise(part, contract, 0.5)
    np.testing.assert_array_equal(restoring.inputs["image"], damage(clean, "gaussian", 0.5))
    np.testing.assert_array_equal(restoring.targets, clean)
    classifying = with_noise(Part({"image": given}, np.arange(9)), contract, 0.5)
    np.testing.assert_array_equal(classifying.inputs["image"], damage(given, "gaussian", 0.5))
    with pytest.raises(UsageError, match="judged by its own inputs"):
        with_noise(Part({"image": given}), contract, 0.5)
    with pytest.raises(UsageError, match="reads features"):
        with_noise(Part({"features": given}, clean), Contract({"features": Field("float32", (8,))}), 0.5)


# Sparsity


def test_sparsity_is_the_divergence_from_the_target_rate(generator):
    activations = generator.uniform(0.01, 0.9, (7, 4)).astype("float32")
    layer = Sparsity("kl", strength=0.5, rate=0.1)
    np.testing.assert_array_equal(layer(activations), activations)
    mean = activations.mean(axis=0, dtype="float64")
    coins = np.stack([0.1 * np.log(0.1 / mean), 0.9 * np.log(0.9 / (1 - mean))])
    np.testing.assert_allclose(layer.losses[0], 0.5 * coins.sum(), rtol=1e-5)
    for silent in (np.zeros((7, 4), "float32"), np.ones((7, 4), "float32")):
        layer(silent)
        assert np.isfinite(layer.losses[-1])


def test_sparsity_by_l1_is_the_mean_over_examples_of_the_sum(generator):
    activations = generator.normal(size=(7, 4)).astype("float32")
    layer = Sparsity("l1", strength=0.5)
    layer(activations)
    np.testing.assert_allclose(layer.losses[0], 0.5 * np.abs(activations).sum() / 7, rtol=1e-5)


@pytest.mark.parametrize("arguments", [{"penalty": "l2"}, {"strength": -1}, {"rate": 0}, {"rate": 1}, {"strength": float("nan")}])
def test_sparsity_refuses_what_is_out_of_range(arguments):
    with pytest.raises(ValueError, match=f"`{next(iter(arguments))}` of Sparsity must be"):
        Sparsity(**arguments)


def test_the_loss_of_the_sparse_autoencoder_is_error_and_penalty(generator):
    model, images = zoo.sparse_autoencoder((8, 8, 1), 5, strength=0.3, rate=0.2), generator.random((6, 8, 8, 1), "float32")
    with_random_weights(model, generator)
    model.compile("sgd", "mse", jit_compile=False)
    kernel, bias, back, bias_back = model.get_weights()
    coding = sigmoid(images.reshape(6, -1) @ kernel + bias)
    restored = sigmoid(coding @ back + bias_back)
    mean = coding.mean(axis=0)
    divergence = (0.2 * np.log(0.2 / mean) + 0.8 * np.log(0.8 / (1 - mean))).sum()
    expected = np.square(restored - images.reshape(6, -1)).mean() + 0.3 * divergence
    np.testing.assert_allclose(model.evaluate(images, images, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(stacked_autoencoder.encoder(model)(images)["coding"], coding, atol=1e-6)


# Codings


def test_fixed_samples_have_the_mean_and_the_variance_exactly(generator):
    mean, log_variance = generator.normal(size=(2, 3, 5)).astype("float32")
    samples = np.asarray(FixedGaussianSamples(8, seed=4)(mean, log_variance), "float64")
    assert samples.shape == (3, 8, 5)
    np.testing.assert_allclose(samples.mean(axis=1), mean, atol=1e-6)
    np.testing.assert_allclose(samples.var(axis=1), np.exp(log_variance), rtol=1e-5)
    np.testing.assert_array_equal(samples, FixedGaussianSamples(8, seed=4)(mean, log_variance))
    assert np.abs(samples - FixedGaussianSamples(8, seed=5)(mean, log_variance)).max() > 0.1
    for count in (2, 5):
        with pytest.raises(ValueError, match=f"even number of at least 4, got {count}"):
            FixedGaussianSamples(count)


def test_the_grid_of_codings_is_read_like_a_page():
    expected = [[x, y] for y in np.linspace(1.5, -1.5, 4) for x in np.linspace(-1.5, 1.5, 4)]
    np.testing.assert_allclose(CodingGrid(1.5)(np.int32(4)), expected, atol=1e-6)
    np.testing.assert_array_equal(CodingGrid()(np.int32(1)), [[0, 0]])
    with pytest.raises(ValueError, match="above 0, got 0"):
        CodingGrid(0)


def test_an_interpolation_decodes_the_line_and_lays_the_pictures_side_by_side(generator):
    coding = keras.Input((3,), name="coding")
    pictures = keras.layers.Reshape((2, 4, 1))(keras.layers.Dense(8)(coding))
    decoder = keras.Model(coding, {"picture": pictures})
    first, last = generator.normal(size=(2, 5, 3)).astype("float32")
    strips = np.asarray(Interpolation(decoder)(first, last, np.int32(6)))
    assert strips.shape == (5, 2, 24, 1)
    for step, share in enumerate(np.linspace(0, 1, 6)):
        expected = decoder(((1 - share) * first + share * last).astype("float32"))["picture"]
        np.testing.assert_allclose(strips[:, :, 4 * step : 4 * step + 4], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["stacked_autoencoder", "stacked_autoencoder, untied", "denoising_autoencoder", "vae"])
def test_an_interpolation_begins_and_ends_with_the_reconstructions(name, generator):
    small = SMALL[name]
    model, (image_a, image_b) = small.build(), generator.random((2, 3, 8, 8, 1)).astype("float32")
    with_random_weights(model, generator)
    made = vae if name == "vae" else stacked_autoencoder
    strip = made.interpolator(model)({"image_a": image_a, "image_b": image_b, "steps": np.int32(4)})["interpolation"]
    for image, columns in ((image_a, slice(8)), (image_b, slice(-8, None))):
        np.testing.assert_allclose(strip[:, :, columns], made.reconstructor(model)(image)["reconstruction"], atol=1e-6)


def test_the_map_decodes_the_grid(generator):
    model = SMALL["conv_vae"].build()
    with_random_weights(model, generator)
    answer = vae.latent_map(model, extent=1.0)({"columns": np.int32(3)})
    np.testing.assert_allclose(answer["coding"], CodingGrid(1.0)(np.int32(3)))
    expected = sigmoid(model.get_layer("decoder")(answer["coding"]))
    np.testing.assert_allclose(answer["image"], expected, atol=1e-6)
    with pytest.raises(ValueError, match="a coding of 2 dimensions, got 3"):
        vae.latent_map(SMALL["vae"].build())


def test_the_anomaly_of_an_image_is_its_negative_bound(generator):
    """Against the bound in NumPy with the same noise, and with noise of its own, a thousand times as many samples."""
    model, images = SMALL["conv_vae"].build(), generator.integers(0, 2, (5, 8, 8, 1)).astype("float32")
    with_random_weights(model, generator)
    answer = np.asarray(vae.anomaly(model)(images)["negative_elbo"])
    mean, log_variance = (np.asarray(value, "float64") for value in model.get_layer("encoder")(images))
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    half = np.asarray(SeededNormal(2)(np.int32(4), np.int32(0)), "float64")
    half /= np.sqrt(np.square(half).mean(axis=0))
    noises = {1e-5: np.concatenate([half, -half]), 0.01: generator.normal(size=(4000, 2))}
    for tolerance, noise in noises.items():
        codings = mean[:, None] + np.exp(log_variance / 2)[:, None] * noise  # (5, samples, 2)
        logits = np.asarray(model.get_layer("decoder")(codings.reshape(-1, 2)), "float64").reshape(5, len(noise), -1)
        nll = (np.logaddexp(0, logits) - images.reshape(5, 1, -1) * logits).sum(axis=2).mean(axis=1)
        np.testing.assert_allclose(answer, nll + divergence, rtol=tolerance)


def test_the_likelihood_of_a_linear_gaussian_model_is_the_closed_form(generator):
    """Pixels W z + b with noise of variance 1 have the covariance W W' + I."""
    image = keras.Input((6,), name="image")
    flat = keras.layers.Dense(2, name="mean")(image)
    encoder = keras.Model(image, [flat, keras.layers.Dense(2, name="log_variance")(image)], name="encoder")
    coding = keras.Input((2,), name="coding")
    decoder = keras.Model(coding, keras.layers.Dense(6, name="pixels")(coding), name="decoder")
    mean, log_variance = encoder(image)
    outputs = NegativeELBO("gaussian", name="logits")(decoder(mean), image, decoder(mean), mean, log_variance)
    model = keras.Model(image, outputs)
    weights, bias = generator.normal(size=(2, 6)), generator.normal(size=6)
    decoder.set_weights([weights, bias])
    # The encoder is right about the mean and too wide by half: so the weights of the samples matter, and do not run wild.
    precision = np.eye(2) + weights @ weights.T
    to_mean = weights.T @ np.linalg.inv(precision)
    spread = np.log(1.5 * np.linalg.eigvalsh(np.linalg.inv(precision)).max())
    for name, kernel, shift in (("mean", to_mean, -bias @ to_mean), ("log_variance", np.zeros((6, 2)), np.full(2, spread))):
        encoder.get_layer(name).set_weights([kernel, shift])
    pixels = (generator.normal(size=(8, 2)) @ weights + bias + generator.normal(size=(8, 6))).astype("float32")
    covariance = weights.T @ weights + np.eye(6)
    away = pixels - bias
    exact = 0.5 * (
        np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away) + np.linalg.slogdet(covariance)[1] + 6 * np.log(2 * np.pi)
    )
    estimate = np.asarray(vae.negative_log_likelihood(model, pixels, samples=20_000, chunk=2000))
    np.testing.assert_allclose(estimate, exact, atol=0.03)
    one = np.mean([vae.negative_log_likelihood(model, pixels, samples=1, seed=seed) for seed in range(20)])
    assert one > exact.mean() + 0.1


def test_the_reconstruction_errors_are_those_of_numpy(generator):
    train, images = generator.random((40, 6)), generator.random((9, 6))
    read, restored = images + 0.1, images * 0.5
    numbers = reconstruction_errors(restored, images, read, train, 2)
    axes = np.linalg.svd(train - train.mean(axis=0))[2][:2]
    projected = (read - train.mean(axis=0)) @ axes.T @ axes + train.mean(axis=0)
    expected = {
        "mse": np.mean((restored - images) ** 2),
        "error_per_picture": np.mean(np.sum((restored - images) ** 2, axis=1)),
        "pca_mse": np.mean((projected - images) ** 2),
    }
    assert numbers == pytest.approx(expected)


def test_dead_codings_are_counted_and_the_divergences_are_those_of_the_model(generator):
    small = SMALL["vae"]
    model, images = small.compiled(), small.inputs(50, 6)["image"]
    kernel, bias = model.get_layer("encoder").get_layer("mean").get_weights()
    kernel[:, 1] = 0  # this dimension has the same mean for every image
    model.get_layer("encoder").get_layer("mean").set_weights([kernel, bias])
    numbers = coding_numbers(**{name: np.asarray(value) for name, value in vae.encoder(model)(images).items()})
    assert (numbers["active_codings"], numbers["dead_codings"]) == (2, 1)
    kl = model.evaluate(images, batch_size=50, return_dict=True, verbose=0)["kl"]
    assert numbers["kl_of_codings"].sum() == pytest.approx(kl, rel=1e-5)


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="halves its images 2 times, got 30 x 28 pixels; give multiples of 4"):
        zoo.conv_vae((30, 28, 1))


# What people ask


def test_an_anomaly_is_told_beside_what_is_usual(zoo, tmp_path):
    """Of the packaged network: checkers are less likely than a digit."""
    checkers = (np.indices((28, 28)).sum(axis=0) % 2 * 255).astype("uint8")
    Image.fromarray(checkers).save(tmp_path / "odd.png")
    code, out, err = zoo(f"predict vae {tmp_path / 'odd.png'} --endpoint anomaly --json")
    answer = json.loads(out)
    (odd,), (low, high) = answer["answers"]["negative_elbo"], answer["ranges"]["negative_elbo"]
    assert code == 0 and err == "" and low < high < odd
    code, out, err = zoo(f"predict vae {THREE} --endpoint anomaly")
    assert code == 0 and out.endswith(f"(negative_elbo of 98 % of the test examples: {low:.4g} to {high:.4g})\n")


def test_pictures_are_saved_beside_their_reconstructions_and_maps_and_ways_as_pictures(zoo, tmp_path):
    pictures = f"{THREE} {THREE} --folder {saved.packaged_folder()}"
    assert zoo(f"predict vae {pictures} --save {tmp_path / 'both.png'}")[0] == 0
    assert zoo(f"predict conv_vae --endpoint map columns=3 --save {tmp_path / 'map.png'}")[0] == 0
    assert zoo(f"predict vae {pictures} --endpoint interpolate steps=5 --save {tmp_path / 'way.png'}")[0] == 0
    sizes = {name: Image.open(tmp_path / f"{name}.png").size for name in ("both", "map", "way")}
    # Pictures of 28 pixels, with two pixels around each: two pairs in a row; three by three; one of five together.
    assert sizes == {"both": (122, 32), "map": (92, 92), "way": (144, 32)}
    both = np.asarray(Image.open(tmp_path / "both.png"))
    np.testing.assert_array_equal(both[:, :60], both[:, 60:120])
    seen = light_on_dark(THREE, **mnist.PICTURE)[0]
    np.testing.assert_array_equal(both[2:30, 2:30], np.round(seen[..., 0] * 255).astype("uint8"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("predict vae small.npy", "shape (1, 20, 28, 1); expected (batch, 28, 28, 1)"),
        ("predict vae nan.npy --endpoint anomaly", "holds NaN or infinity"),
        ("predict vae --endpoint decode coding=1,2,3", "`coding` has 3 numbers"),
        ("predict vae --endpoint decode coding=coding.npy", "shape (1, 5); expected (batch, 50)"),
        ("predict vae --endpoint sample count=0 seed=1", "expected a value in [1, 1000]"),
        ("predict vae --endpoint sample count=1001 seed=1", "expected a value in [1, 1000]"),
        ("predict vae --endpoint sample count=4 seed=-1", "expected a value in [0, "),
        ("predict conv_vae --endpoint map columns=0", "expected a value in [1, 30]"),
        ("predict conv_vae --endpoint map columns=31", "expected a value in [1, 30]"),
        ("predict vae whole.npy --endpoint interpolate", "takes image_a and image_b in turn for each example; got 1 in all"),
        ("predict vae whole.npy whole.npy --endpoint interpolate steps=1", "expected a value in [2, 100]"),
        ("predict vae whole.npy whole.npy --endpoint interpolate steps=101", "expected a value in [2, 100]"),
        ("evaluate vae --noise -1", "got --noise -1; expected a standard deviation of 0 or more"),
        ("evaluate vae --noise nan", "got --noise nan; expected a standard deviation of 0 or more"),
        ("evaluate vae --noise inf", "got --noise inf; expected a standard deviation of 0 or more"),
        ("evaluate vae --noise 1 --probe", "got --probe and --noise; expected one of them"),
        ("evaluate vae --probe --part train", "got --probe --part train"),
        ("evaluate mnist_cnn --probe", "answers with probabilities, label; --probe is for networks that give a coding"),
        ("train denoising_autoencoder data=digits corruption=masking amount=2", "got masking noise of 2; expected a share"),
        ("train denoising_autoencoder data=digits corruption=masking amount=1", "less than 1, got 1"),
        ("train denoising_autoencoder data=digits amount=-1", "expected float, at least 0"),
        ('train conv_vae data=digits "filters=(2, 2, 2)"', "give multiples of 8"),
    ],
)
def test_what_cannot_be_used_is_one_line(zoo, tmp_path, monkeypatch, command, message):
    monkeypatch.chdir(tmp_path)
    whole = np.zeros((28, 28, 1), "float32")
    np.save("whole.npy", whole)
    np.save("small.npy", whole[:20])
    np.save("nan.npy", whole * np.float32("nan"))
    np.save("coding.npy", np.zeros(5, "float32"))
    code, _, err = zoo(command)
    assert code == 2 and err.startswith("zoo: ") and err.count("\n") == 1 and message in err, err


# What the cards say


def test_the_cards_hold_the_errors_beside_those_of_principal_components():
    for name in ("conv_vae", "denoising_autoencoder", "sparse_autoencoder", "stacked_autoencoder", "vae"):
        scores = saved.read_card(saved.packaged_folder() / name)["scores"]["test"]
        assert scores["error_per_picture"] == pytest.approx(784 * scores["mse"], rel=1e-4), name
        assert scores["pca_mse"] > 0, name


def test_the_codings_of_the_sparse_autoencoder_are_sparse():
    """The other half of its target."""
    assert saved.read_card(saved.packaged_folder() / "sparse_autoencoder")["scores"]["test"]["mean_activation"] <= 0.07


def test_the_cards_tell_the_divergence_of_each_coding():
    for name, codings in (("conv_vae", 2), ("vae", 50)):
        card = saved.read_card(saved.packaged_folder() / name)
        scores = card["scores"]["test"]
        assert len(scores["kl_of_codings"]) == codings == scores["active_codings"] + scores["dead_codings"]
        assert sum(scores["kl_of_codings"]) == pytest.approx(scores["kl"], rel=1e-4)
        low, high = scores["negative_elbo_range"]
        assert low < scores["negative_elbo"] < high
        # The mean over the test part of one bound, by other samples.
        assert scores["negative_elbo"] == pytest.approx(scores["loss"], rel=5e-3)
