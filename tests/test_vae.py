"""The estimator of the likelihood, and what training shows."""

import keras
import numpy as np
import pytest

from zoo.layers.elbo import bernoulli_nll
from zoo.layers.sampling import RandomBinarization
from zoo.models.vae import negative_log_likelihood, vae


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    model = vae(input_shape=(2, 2, 1), units=(8,), codings=1)
    # The decoder is far from flat, so that the coding matters; the encoder gives N(0.3, 1.6) for every image, which is wider than
    # any posterior: so importance sampling works, and its weights matter.
    for weight in model.get_layer("decoder").weights:
        weight.assign(weight + keras.random.normal(weight.shape, seed=len(weight.path)))
    for name, value in (("mean", 0.3), ("log_variance", 0.5)):
        head = model.get_layer("encoder").get_layer(name)
        head.set_weights([0 * head.kernel.numpy(), np.array([value], "float32")])
    return model


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 2, (6, 2, 2, 1)).astype("float32")


def test_importance_sampling_finds_the_integral_over_the_coding(model, images):
    z = np.linspace(-8, 8, 4001, dtype="float32")
    logits = model.get_layer("decoder")(z[:, None])
    log_likelihood = np.stack([-np.asarray(bernoulli_nll(np.repeat(image[None], len(z), 0), logits)) for image in images])
    density = np.exp(log_likelihood - 0.5 * z**2) / np.sqrt(2 * np.pi)
    exact = -np.log(np.trapezoid(density, z, axis=1))
    estimate = np.asarray(negative_log_likelihood(model, images, samples=20_000, chunk=2000))
    np.testing.assert_allclose(estimate, exact, atol=0.04)


def test_the_estimate_does_not_depend_on_the_chunk_but_on_the_seed(model, images):
    one = np.asarray(negative_log_likelihood(model, images, samples=4000, chunk=4000))
    many = np.asarray(negative_log_likelihood(model, images, samples=4000, chunk=100))
    other = np.asarray(negative_log_likelihood(model, images, samples=4000, chunk=4000, seed=1))
    assert np.array_equal(one, np.asarray(negative_log_likelihood(model, images, samples=4000, chunk=4000)))
    assert not np.array_equal(one, other)
    np.testing.assert_allclose(one, many, atol=0.1)


def test_one_sample_gives_the_bound_on_average(model, images):
    model.compile(jit_compile=False)
    bound = model.evaluate(np.repeat(images, 2000, axis=0), batch_size=4000, return_dict=True, verbose=0)
    one_sample = negative_log_likelihood(model, np.repeat(images, 2000, axis=0), samples=1)
    deviation = float(np.std(one_sample)) / np.sqrt(len(one_sample))
    assert abs(float(np.mean(one_sample)) - bound["loss"]) < 7 * deviation
    assert bound["loss"] == pytest.approx(bound["reconstruction"] + bound["kl"], rel=1e-5)
    assert float(np.mean(negative_log_likelihood(model, images, samples=1000))) < bound["loss"]


def test_samples_must_fill_the_chunks(model, images):
    with pytest.raises(ValueError, match="got 300 and 250"):
        negative_log_likelihood(model, images, samples=300)


def test_a_prediction_is_decoded_from_the_mean(model, images):
    mean, _ = model.get_layer("encoder")(images)
    np.testing.assert_allclose(model(images), model.get_layer("decoder")(mean), atol=1e-6)
    assert np.array_equal(model(images), model(images))


def test_training_sees_binary_images_and_evaluation_the_given_ones():
    grey = np.full((64, 2, 2, 1), 0.5, "float32")
    model = vae((2, 2, 1), (3,), 1, augmentation=RandomBinarization(seed=0, name="binarization"))
    seen = keras.Model(model.input, model.get_layer("binarization").output)
    assert set(np.unique(seen(grey, training=True))) == {0.0, 1.0}
    assert np.array_equal(seen(grey, training=False), grey)
