"""Initializers against the distribution that their paper states."""

import keras
import numpy as np
import pytest
import scipy.stats

from zoo.initializers import ChronoInitializer


def test_chrono_biases_are_logarithms_of_uniform_steps():
    i, f, c, o = np.split(np.asarray(ChronoInitializer(100, seed=1)((4 * 5000,))), 4)
    assert scipy.stats.kstest(np.exp(f), scipy.stats.uniform(1, 98).cdf).pvalue > 0.01
    np.testing.assert_array_equal(i, -f)
    assert not c.any() and not o.any()


def test_chrono_seeds_decide_the_biases():
    again = [np.asarray(ChronoInitializer(30, seed)((20,))) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0][:10] != again[2][:10]).all()
    unseeded = []
    for seed in (5, 5, 6):
        keras.utils.set_random_seed(seed)
        unseeded.append(np.asarray(ChronoInitializer(30)((20,))))
    np.testing.assert_array_equal(unseeded[0], unseeded[1])
    assert (unseeded[0][:10] != unseeded[2][:10]).all()
    generator = ChronoInitializer(30, keras.random.SeedGenerator(1))
    assert (np.asarray(generator((20,)))[:10] != np.asarray(generator((20,)))[:10]).all()


@pytest.mark.parametrize("seed", [7, None, keras.random.SeedGenerator(3)], ids=["number", "none", "generator"])
def test_chrono_initializer_is_restored_from_its_config(seed):
    initializer = ChronoInitializer(784, seed)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(initializer))
    assert type(copy) is ChronoInitializer and copy.get_config() == initializer.get_config()
    assert copy.longest_dependency == 784
    if seed == 7:
        np.testing.assert_array_equal(copy((8,)), initializer((8,)))


def test_an_lstm_keeps_its_chrono_biases():
    layer = keras.layers.LSTM(3, bias_initializer=ChronoInitializer(50, seed=2), unit_forget_bias=False)
    layer.build((None, None, 2))
    np.testing.assert_array_equal(layer.cell.bias, ChronoInitializer(50, seed=2)((12,)))


def test_chrono_initializer_refuses_what_has_no_four_gates():
    with pytest.raises(ValueError, match="`longest_dependency` of ChronoInitializer must be at least 3, got 2"):
        ChronoInitializer(2)
    for shape in ((7,), (4, 8)):
        with pytest.raises(ValueError, match=r"bias of an LSTM, of shape \(4 \* units,\), got shape"):
            ChronoInitializer(10)(shape)
    # For a GRU (three gates), or for single gates by Keras's `unit_forget_bias`.
    with pytest.raises(ValueError, match=r"got shape \(5,\)"):
        keras.layers.LSTM(5, bias_initializer=ChronoInitializer(10)).build((None, None, 2))
