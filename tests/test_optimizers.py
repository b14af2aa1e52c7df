"""Optimizers and schedules, against the arithmetic of their papers."""

import keras
import numpy as np
import pytest

from zoo import finder as recipes
from zoo.errors import UsageError
from zoo.optimizers import optimizer_of, scheduled
from zoo.recipe import OPTIMIZER_DEFAULTS

SETTINGS = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.8, "weight_decay": 0.0, "global_clipnorm": None}


def steps(gradients, kernel=(1.0, -2.0), bias=(0.5,), **settings):
    """Kernel and bias after each of the gradients, [(kernel gradient, bias gradient), ...]."""
    optimizer = optimizer_of({**SETTINGS, **settings})
    variables = [
        keras.Variable(np.array(kernel, "float32"), name="kernel"),
        keras.Variable(np.array(bias, "float32"), name="bias"),
    ]
    found = []
    for pair in gradients:
        optimizer.apply([keras.ops.array(gradient, "float32") for gradient in pair], variables)
        found.append(np.concatenate([variable.numpy() for variable in variables]))
    return np.array(found)


GRADIENTS = [((3.0, -4.0), (12.0,)), ((1.0, 2.0), (-1.0,)), ((0.5, 0.0), (2.0,))]
FLAT = np.array([[*kernel, *bias] for kernel, bias in GRADIENTS])
START = np.array([1.0, -2.0, 0.5])


def test_gradient_descent():
    np.testing.assert_allclose(steps(GRADIENTS), START - 0.1 * np.cumsum(FLAT, axis=0), rtol=1e-6)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_momentum_and_nesterov(name):
    weights, velocity, expected = START.copy(), np.zeros(3), []
    for gradient in FLAT:
        velocity = 0.8 * velocity - 0.1 * gradient
        weights = weights + (0.8 * velocity - 0.1 * gradient if name == "nesterov" else velocity)
        expected.append(weights)
    np.testing.assert_allclose(steps(GRADIENTS, optimizer=name), expected, rtol=1e-5)


def test_adam():
    weights, first, second, expected = START.copy(), np.zeros(3), np.zeros(3), []
    for step, gradient in enumerate(FLAT, start=1):
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        weights = weights - 0.1 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-7)
        expected.append(weights)
    np.testing.assert_allclose(steps(GRADIENTS, optimizer="adam"), expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_weight_decay_shrinks_weights_apart_from_the_gradient_and_leaves_biases_alone(name):
    nothing = [((0.0, 0.0), (0.0,))]
    np.testing.assert_allclose(steps(nothing, optimizer=name, weight_decay=0.3), [[0.97, -1.94, 0.5]], rtol=1e-6)


def test_clipping_scales_all_gradients_by_one_factor():
    # The norm of (3, -4, 12) is 13.
    np.testing.assert_allclose(steps(GRADIENTS[:1], global_clipnorm=1.3), [START - 0.1 * FLAT[0] / 10], rtol=1e-6)
    np.testing.assert_allclose(steps(GRADIENTS[1:2], global_clipnorm=2.5), [START - 0.1 * FLAT[1]], rtol=1e-6)


def rates(schedule, total=100):
    rate = scheduled(0.5, schedule, total)
    return np.array([float(rate(step) if callable(rate) else rate) for step in range(total + 1)])


def test_schedules_are_what_they_say():
    step = np.arange(101)
    np.testing.assert_allclose(rates("constant"), 0.5)
    np.testing.assert_allclose(rates("cosine"), 0.25 * (1 + np.cos(np.pi * step / 100)), atol=1e-6)
    np.testing.assert_allclose(rates("exponential"), 0.5 * 0.01 ** (step / 100), rtol=1e-5)
    np.testing.assert_allclose(rates("step"), np.where(step <= 50, 0.5, np.where(step <= 75, 0.05, 0.005)), rtol=1e-6)
    rising = 0.02 + 0.48 * step / 30
    falling = 0.25 * (1 + np.cos(np.pi * (step - 30) / 70))
    np.testing.assert_allclose(rates("one_cycle"), np.where(step < 30, rising, falling), atol=1e-6)


@pytest.mark.parametrize("total", [1, 2, 3, 7])
@pytest.mark.parametrize("schedule", ["cosine", "step", "exponential", "one_cycle"])
def test_schedules_of_a_few_steps_stay_within_their_bounds(schedule, total):
    found = rates(schedule, total)
    assert np.isfinite(found).all() and (found >= 0).all() and found.max() <= 0.5 + 1e-6


@pytest.mark.parametrize("name", recipes.recipe_names())
def test_every_recipe_that_takes_an_optimizer_has_all_of_its_settings(name):
    found = recipes.find(name)
    has = set(OPTIMIZER_DEFAULTS) <= set(found.defaults())
    assert has == ("optimizer" in found.build.__code__.co_varnames[: found.build.__code__.co_argcount])
    assert "schedule" in found.defaults()


def test_an_unknown_schedule_or_optimizer_is_refused_with_the_names():
    recipe = recipes.find("mnist_cnn")
    with pytest.raises(
        UsageError, match='schedule is \'cosin\'; expected "constant", "cosine", "step", "exponential", "one_cycle"'
    ):
        recipe.settings(["schedule=cosin"])
    with pytest.raises(UsageError, match='optimizer is \'adamw\'; expected "adam", "sgd", "momentum", "nesterov"'):
        recipe.settings(["optimizer=adamw"])
    with pytest.raises(UsageError, match="global_clipnorm is '0'; expected float, more than 0 or None"):
        recipe.settings(["global_clipnorm=0"])
    assert recipe.settings(["weight_decay=0"])["weight_decay"] == 0.0
