"""Layers against NumPy and closed forms."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from zoo.layers import CodingGrid, FixedGaussianSamples, MaskingNoise, Sparsity
from zoo.layers.augmentation import Augmentation
from zoo.layers.elbo import NegativeELBO, bernoulli_nll, gaussian_kl
from zoo.layers.noise import FACTORS, PRIMES, STEPS_BETWEEN_SEEDS, SeededNormal
from zoo.layers.padding import PaddingMask
from zoo.layers.sampling import GaussianSampling, RandomBinarization
from zoo.layers.tied import TiedDense
from zoo.layers.unit_length import UnitLength


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_tied_dense_runs_both_ways_with_one_kernel():
    layer = TiedDense(2, activation="tanh", reverse_activation="relu")
    x = np.array([[1.0, 2.0, -1.0]], "float32")
    layer(x)
    kernel = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]], "float32")
    layer.set_weights([kernel, np.array([0.1, -0.2], "float32"), np.array([1.0, -9.0, 0.0], "float32")])
    np.testing.assert_allclose(layer(x), np.tanh([[2.1, -3.2]]), rtol=1e-6)
    # (2, 1) times the transposed kernel is (4, 0, 3)
    np.testing.assert_allclose(layer(np.array([[2.0, 1.0]], "float32"), reverse=True), [[5.0, 0.0, 3.0]], rtol=1e-6)
    assert len(layer.weights) == 3


def test_tied_dense_refuses_no_units():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        TiedDense(0)


def test_gaussian_sampling_has_the_mean_and_the_variance_it_is_given():
    mean, log_variance = np.full((200_000, 2), [1.0, -2.0], "float32"), np.full((200_000, 2), [0.0, math.log(9)], "float32")
    sample = np.asarray(GaussianSampling(seed=1)(mean, log_variance))
    error = 5 * np.array([1.0, 3.0]) / math.sqrt(200_000)
    assert (np.abs(sample.mean(axis=0) - [1.0, -2.0]) < error).all()
    np.testing.assert_allclose(sample.std(axis=0), [1.0, 3.0], rtol=0.02)
    assert abs(np.corrcoef(sample.T)[0, 1]) < 0.02


def test_gaussian_sampling_draws_anew_at_every_call():
    layer, zeros = GaussianSampling(seed=1), np.zeros((1, 4), "float32")
    assert not np.array_equal(layer(zeros, zeros), layer(zeros, zeros))


def seeded_normal(count, width, seed):
    return np.asarray(SeededNormal(width)(np.int32(count), np.int32(seed)))


@pytest.mark.parametrize("seed", [0, 1, 123_456_789, 2**31 - 1])
def test_seeded_normal_is_wichmann_and_hill_step_by_step(seed):
    state = [pow(factor, STEPS_BETWEEN_SEEDS * seed, prime) for factor, prime in zip(FACTORS, PRIMES)]
    uniform = np.zeros((400, 6))
    for place in np.ndindex(uniform.shape):
        uniform[place] = sum(number / prime for number, prime in zip(state, PRIMES)) % 1
        state = [number * factor % prime for number, factor, prime in zip(state, FACTORS, PRIMES)]
    expected = np.sqrt(-2 * np.log(uniform[:, :3])) * np.cos(2 * np.pi * uniform[:, 3:])
    np.testing.assert_allclose(seeded_normal(400, 3, seed), expected, atol=1e-4)  # 24 bits of each fraction


def test_seeds_start_far_apart():
    """Every seed begins at another place of the sequence; the claim in the source, for the first ten thousand."""
    period = math.lcm(*(prime - 1 for prime in PRIMES))
    for factor, prime in zip(FACTORS, PRIMES):  # the factors go through all numbers but 0
        assert all(pow(factor, (prime - 1) // divisor, prime) != 1 for divisor in range(2, prime) if (prime - 1) % divisor == 0)
    assert math.gcd(STEPS_BETWEEN_SEEDS, period) == 1
    starts = sorted(seed * STEPS_BETWEEN_SEEDS % period for seed in range(10_000))
    assert np.diff([*starts, starts[0] + period]).min() > 0.38 * period / 10_000


def test_seeded_normal_is_normal():
    numbers = seeded_normal(20_000, 50, 3).ravel().astype("float64")
    assert scipy.stats.kstest(numbers, "norm").pvalue > 0.01
    moments = [numbers.mean(), numbers.var() - 1, scipy.stats.skew(numbers), scipy.stats.kurtosis(numbers)]
    assert (np.abs(moments) < 4 * np.sqrt(np.array([1, 2, 6, 24]) / numbers.size)).all()
    # One number for each of many seeds is as normal as many numbers of one seed.
    layer = tf.function(SeededNormal(4))
    of_seeds = np.array([layer(tf.constant(1), tf.constant(seed))[0] for seed in range(300)])
    assert all(scipy.stats.kstest(column, "norm").pvalue > 0.01 for column in of_seeds.T)
    assert np.abs(np.corrcoef(np.concatenate([of_seeds[:-1], of_seeds[1:]], axis=1).T) - np.eye(8)).max() < 4 / math.sqrt(300)


def test_seeded_normal_has_no_correlations():
    rows = 20_000
    first, second = (seeded_normal(rows, 10, seed).astype("float64") for seed in (6, 7))
    everything = np.concatenate([first[:-1], first[1:], second[:-1]], axis=1)  # columns, rows, seeds
    for numbers in (everything, everything**2):
        correlations = np.corrcoef(numbers.T) - np.eye(30)
        assert np.abs(correlations).max() < 4.5 / math.sqrt(rows)
        assert correlations[np.triu_indices(30, 1)].std() < 1.15 / math.sqrt(rows)


def test_seeded_normal_depends_on_seed_and_place_only():
    ten = seeded_normal(10, 4, 1)
    np.testing.assert_allclose(seeded_normal(7, 4, 1), ten[:7], atol=1e-6)
    assert np.unique(np.concatenate([ten, seeded_normal(10, 4, 2)])).size == 80
    for count in (0, -3):
        assert seeded_normal(count, 4, 1).shape == (0, 4)


def test_seeded_normal_refuses_no_width():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        SeededNormal(0)


def test_random_binarization_keeps_the_mean_in_training_and_everything_otherwise():
    pixels = np.tile(np.array([0.0, 0.3, 1.0], "float32"), (100_000, 1))
    layer = RandomBinarization(seed=1)
    drawn = np.asarray(layer(pixels, training=True))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert drawn[:, 0].max() == 0 and drawn[:, 2].min() == 1
    assert abs(drawn[:, 1].mean() - 0.3) < 5 * math.sqrt(0.21 / 100_000)
    np.testing.assert_array_equal(layer(pixels, training=False), pixels)
    assert not np.array_equal(layer(pixels, training=True), drawn)


def test_augmentation_works_in_training_only_however_the_model_is_called(generator):
    layer = Augmentation([keras.layers.RandomTranslation(0.3, 0.3), keras.layers.RandomRotation(0.2)])
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layer(inputs))
    image = generator.random((4, 8, 8, 1), "float32")
    for output in (model(image), model(image, training=False), model.predict(image, verbose=0)):
        np.testing.assert_array_equal(output, image)
    assert np.abs(model(image, training=True) - image).max() > 0.1


def test_padding_mask_is_false_at_zero_only():
    np.testing.assert_array_equal(PaddingMask()(np.array([[3, 1, 0, 0]])), [[True, True, False, False]])


def test_bernoulli_nll_is_the_cross_entropy_of_the_pixels(generator):
    image, logits = generator.random((5, 3, 2)), generator.normal(size=(5, 3, 2)) * 3
    probability = 1 / (1 + np.exp(-logits))
    expected = -(image * np.log(probability) + (1 - image) * np.log(1 - probability)).sum(axis=(1, 2))
    np.testing.assert_allclose(bernoulli_nll(image, logits), expected, rtol=1e-5)


def test_gaussian_kl_is_the_integral(generator):
    """Against the definition, integrated numerically in one dimension."""
    z = np.linspace(-30, 30, 200_001)
    for mean, log_variance in generator.normal(size=(4, 2)):
        deviation = math.exp(log_variance / 2)
        density = np.exp(-0.5 * ((z - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
        log_ratio = -0.5 * ((z - mean) / deviation) ** 2 - math.log(deviation) + 0.5 * z**2
        divergence = gaussian_kl(np.array([[mean]]), np.array([[log_variance]]))
        np.testing.assert_allclose(divergence, np.trapezoid(density * log_ratio, z), rtol=1e-4)


def linear_gaussian():
    """x = W z + b + noise with z, noise standard normal: everything about it is known in closed form."""
    weights, bias = np.array([[1.0, -0.5, 2.0]]), np.array([0.2, 0.0, -1.0])  # one coding, three pixels
    x = np.array([1.5, -0.3, 0.8])
    precision = 1 + (weights**2).sum()
    posterior_mean = ((x - bias) @ weights.T / precision).item()
    covariance = np.eye(3) + weights.T @ weights
    log_density = -0.5 * (
        (x - bias) @ np.linalg.solve(covariance, x - bias) + np.linalg.slogdet(covariance)[1] + 3 * math.log(2 * math.pi)
    )
    return weights, bias, x, posterior_mean, 1 / precision, log_density


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.7, 1.0), (0.0, 3.0)])
def test_elbo_of_a_linear_gaussian_model_is_its_closed_form(shift, scale):
    weights, bias, x, posterior_mean, posterior_variance, log_density = linear_gaussian()
    mean, variance = posterior_mean + shift, posterior_variance * scale
    draws = 400_000
    means = np.full((draws, 1), mean, "float32")
    log_variances = np.full((draws, 1), math.log(variance), "float32")
    coding = GaussianSampling(seed=5)(means, log_variances)
    decoded = coding @ weights.astype("float32") + bias.astype("float32")
    layer = NegativeELBO(likelihood="gaussian")
    layer(means, np.tile(x.astype("float32"), (draws, 1)), decoded, means, log_variances)

    expected_reconstruction = 0.5 * (
        ((x - mean * weights[0] - bias) ** 2).sum() + variance * (weights**2).sum() + 3 * math.log(2 * math.pi)
    )
    expected_kl = 0.5 * (mean**2 + variance - 1 - math.log(variance))
    error = 5 * 3 / math.sqrt(draws)  # one draw's reconstruction deviates by less than 3 nats
    reconstruction, kl = layer.losses
    assert abs(float(reconstruction) - expected_reconstruction) < error
    np.testing.assert_allclose(float(kl), expected_kl, rtol=1e-4)
    # The bound is tight at the true posterior, and above by KL(q || posterior) elsewhere.
    gap = 0.5 * (scale + shift**2 / posterior_variance - 1 - math.log(scale))
    np.testing.assert_allclose(expected_reconstruction + expected_kl, -log_density + gap, rtol=1e-6)


def test_unit_length_is_the_vector_over_its_norm_and_has_a_gradient_at_zero():
    vectors = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    np.testing.assert_allclose(UnitLength()(vectors), vectors / np.linalg.norm(vectors, axis=1, keepdims=True), rtol=1e-6)
    zeros = tf.zeros((1, 3))
    with tf.GradientTape() as tape:
        tape.watch(zeros)
        total = tf.reduce_sum(UnitLength(epsilon=1e-4)(zeros))
    assert total == 0
    np.testing.assert_allclose(tape.gradient(total, zeros), [[100.0] * 3], rtol=1e-6)
    with pytest.raises(ValueError, match="`epsilon` of UnitLength must be positive, got 0"):
        UnitLength(epsilon=0)


def test_elbo_refuses_an_unknown_likelihood():
    with pytest.raises(ValueError, match="'poisson'"):
        NegativeELBO(likelihood="poisson")


@pytest.mark.parametrize(
    "layer",
    [
        Augmentation([keras.layers.RandomRotation(0.1, seed=3)]),
        TiedDense(3, "relu", "tanh", "zeros", "l2"),
        GaussianSampling(4),
        FixedGaussianSamples(6, 3),
        RandomBinarization(5),
        CodingGrid(1.5),
        MaskingNoise(0.3, 2),
        Sparsity("l1", 0.2, 0.3),
        NegativeELBO("gaussian"),
        SeededNormal(6),
        UnitLength(0.5),
    ],
    ids=lambda layer: layer.name,
)
def test_config_holds_every_argument(layer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()
