"""Losses against formulas written out, scikit-learn, and the examples of their sources."""

import itertools
import json
import pathlib

import keras
import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import losses
from zoo.losses import (
    ContrastiveLoss,
    MulticlassHinge,
    contrastive_loss,
    mean_bias_error,
    multiclass_hinge,
    perceptron_criterion,
    sum_of_distances,
)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def gradient(loss, y_true, y_pred):
    y_pred = tf.Variable(y_pred)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(loss(y_true, y_pred))
    return tape.gradient(value, y_pred).numpy()


def check_gradient(loss, y_true, y_pred):
    numeric = np.zeros(y_pred.shape)
    for place in np.ndindex(y_pred.shape):
        step = np.zeros(y_pred.shape)
        step[place] = 1e-6
        sides = [np.sum(loss(y_true, y_pred + sign * step)) for sign in (1, -1)]
        numeric[place] = (sides[0] - sides[1]) / 2e-6
    np.testing.assert_allclose(gradient(loss, y_true, y_pred), numeric, atol=1e-6)


# --- multiclass hinge ------------------------------------------------------------------------------------------------------


def test_multiclass_hinge_is_pytorchs_documented_example():
    """From its `MultiMarginLoss`: 0.25 * ((1 - (0.8 - 0.1)) + (1 - (0.8 - 0.2)) + (1 - (0.8 - 0.4))), a mean of four."""
    np.testing.assert_allclose(multiclass_hinge(np.array([3]), np.array([[0.1, 0.2, 0.4, 0.8]])), [4 * 0.325], rtol=1e-6)


def test_multiclass_hinge_is_pytorchs_multi_margin_loss_times_the_number_of_classes():
    """Values that PyTorch computed; the file says how."""
    theirs = json.loads((pathlib.Path(__file__).parent / "data/multi_margin_loss.json").read_text(encoding="utf-8"))
    scores, labels = np.array(theirs["scores"]), np.array(theirs["labels"])
    assert scores.shape == (36, 5) and [case["margin"] for case in theirs["expected"]] == [1.0, 0.25, 2.5]
    for case in theirs["expected"]:
        np.testing.assert_allclose(multiclass_hinge(labels, scores, case["margin"]), np.multiply(5, case["each"]), atol=1e-6)
        np.testing.assert_allclose(MulticlassHinge(case["margin"])(labels, scores), 5 * case["mean"], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 4), classes=st.integers(2, 6), margin=st.floats(0.1, 3), seed=st.integers(0, 1000), column=st.booleans()
)
def test_multiclass_hinge_is_the_sum_over_wrong_classes(batch, classes, margin, seed, column):
    generator = np.random.default_rng(seed)
    scores, labels = 2 * generator.normal(size=(batch, classes)), generator.integers(0, classes, batch)
    expected = [
        sum(max(0.0, margin - scores[example, label] + scores[example, wrong]) for wrong in range(classes) if wrong != label)
        for example, label in enumerate(labels)
    ]
    labels = labels[:, None] if column else labels
    np.testing.assert_allclose(multiclass_hinge(labels, scores, margin), expected, atol=1e-6)
    np.testing.assert_allclose(MulticlassHinge(margin)(labels, scores), np.mean(expected), rtol=1e-5, atol=1e-6)


def test_multiclass_hinge_of_two_classes_is_scikit_learns(generator):
    scores, labels = generator.normal(size=(50, 2)), generator.integers(0, 2, 50)
    expected = sklearn.metrics.hinge_loss(2 * labels - 1, scores[:, 1] - scores[:, 0])
    np.testing.assert_allclose(np.mean(multiclass_hinge(labels, scores)), expected, rtol=1e-6)


def test_multiclass_hinge_is_scikit_learns_where_only_one_wrong_class_counts(generator):
    """scikit-learn's is that of Crammer & Singer: it counts the best wrong class only."""
    labels = generator.integers(0, 4, 30)
    scores, rivals = np.full((30, 4), -100.0), (labels + 1) % 4
    scores[np.arange(30), labels], scores[np.arange(30), rivals] = generator.normal(size=(2, 30))
    expected = sklearn.metrics.hinge_loss(labels, scores, labels=range(4))
    np.testing.assert_allclose(np.mean(multiclass_hinge(labels, scores)), expected, rtol=1e-6)


def test_multiclass_hinge_takes_sequences_floats_and_weights(generator):
    scores, labels = generator.normal(size=(2, 3, 5)).astype("float32"), generator.integers(0, 5, (2, 3))
    each = np.asarray(multiclass_hinge(labels, scores))
    assert each.shape == (2, 3)
    np.testing.assert_allclose(each[1], multiclass_hinge(labels[1], scores[1]), rtol=1e-6)
    np.testing.assert_array_equal(multiclass_hinge(labels.astype("float32"), scores), each)
    weights = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(MulticlassHinge()(labels, scores, weights), (each * weights).sum() / 6, rtol=1e-5)


def test_multiclass_hinge_has_the_gradient_of_the_violations():
    scores, labels = np.array([[0.5, 1.0, -3.0, 0.2], [5.0, 0.0, 0.0, 0.0]]), np.array([0, 0])
    np.testing.assert_allclose(gradient(multiclass_hinge, labels, scores), [[-2.0, 1.0, 0.0, 1.0], [0, 0, 0, 0]])
    check_gradient(lambda y, s: multiclass_hinge(y, s, 0.7), labels, scores)


def test_multiclass_hinge_refuses_one_hot_labels_and_shows_a_label_that_is_no_class(generator):
    scores = generator.normal(size=(3, 4))
    with pytest.raises(ValueError, match=r"integer labels.*got \(3, 4\) and \(3, 4\)"):
        multiclass_hinge(np.eye(4)[:3], scores)
    assert np.isnan(multiclass_hinge(np.array([0, 4, -1]), scores)).tolist() == [False, True, True]


# --- mean bias error -------------------------------------------------------------------------------------------------------


def test_mean_bias_error_is_the_mean_of_truth_minus_prediction(generator):
    truth, prediction = generator.normal(size=(2, 5, 3))
    np.testing.assert_allclose(mean_bias_error(truth, prediction), (truth - prediction).mean(axis=1), atol=1e-12)
    assert float(mean_bias_error(np.array([1.0]), np.array([3.0]))) == -2
    check_gradient(mean_bias_error, truth, prediction)


# --- contrastive loss ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("same", "distance", "margin", "expected"),
    [
        (1, 0.0, 1, 0.0),
        (1, 3.0, 1, 4.5),
        (0, 0.0, 1, 0.5),
        (0, 0.25, 1, 0.28125),
        (0, 1.0, 1, 0.0),
        (0, 9.0, 1, 0.0),
        (0, 1.0, 3, 2.0),
    ],
)
def test_contrastive_loss_is_equation_4(same, distance, margin, expected):
    assert float(contrastive_loss(np.array([same]), np.array([distance]), margin)) == expected
    assert float(ContrastiveLoss(margin)(np.array([[same]]), np.array([[distance]]))) == expected


def test_contrastive_loss_is_the_mean_over_the_last_axis(generator):
    same, distance = generator.integers(0, 2, (4, 3)), generator.uniform(0, 2, (4, 3))
    each = np.where(same == 1, distance**2, np.maximum(0, 1.2 - distance) ** 2) / 2
    np.testing.assert_allclose(contrastive_loss(same, distance, 1.2), each.mean(axis=1), atol=1e-12)
    check_gradient(lambda y, d: contrastive_loss(y, d, 1.2), same, distance)


def test_contrastive_loss_learns_a_distance(generator):
    """Pairs differ in the first number or in the second; only a difference in the first makes them different."""
    pairs = generator.normal(size=(256, 2, 2)).astype("float32")
    same = generator.integers(0, 2, 256)
    pairs[same == 1, 1, 0] = pairs[same == 1, 0, 0]
    pairs[same == 0, 1, 1] = pairs[same == 0, 0, 1]
    pairs[same == 0, 1, 0] += 2
    tower = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    one, other = keras.Input((2,)), keras.Input((2,))
    distance = keras.ops.norm(tower(one) - tower(other), axis=-1, keepdims=True)
    model = keras.Model([one, other], distance)
    model.compile(keras.optimizers.Adam(0.05), ContrastiveLoss(2.0))
    pairs, same = np.tile(pairs, (20, 1, 1)), np.tile(same, 20)
    model.fit([pairs[:, 0], pairs[:, 1]], same, shuffle=False, verbose=0)
    weight = np.abs(tower.get_weights()[0].ravel())
    assert weight[1] < 0.2 * weight[0]


# --- sum of distances ------------------------------------------------------------------------------------------------------


def test_sum_of_distances_is_the_sum_over_pairs_of_the_slides(generator):
    """L = sum ||w.x_i - w.x_j|| within a class - sum ||w.x_i - w.x_k|| between classes, for one example against all others."""
    classes, codes = np.array([0, 0, 0, 1, 1]), generator.normal(size=(5, 2))
    within = sum(np.linalg.norm(codes[0] - codes[j]) for j in (1, 2))
    between = sum(np.linalg.norm(codes[0] - codes[k]) for k in (3, 4))
    distance = np.linalg.norm(codes[0] - codes[1:], axis=1)
    loss = sum_of_distances(classes[1:] == 0, distance)
    np.testing.assert_allclose(loss, within - between, atol=1e-12)
    each = sum_of_distances((classes[1:, None] == 0), distance[:, None])
    np.testing.assert_allclose(each, np.where(classes[1:] == 0, distance, -distance), atol=1e-12)
    check_gradient(sum_of_distances, (classes[1:] == 0).astype(int), distance)


# --- perceptron criterion --------------------------------------------------------------------------------------------------


def test_perceptron_criterion_counts_errors_by_their_score(generator):
    truth, score = np.array([[1, 1, -1, -1, 1]]), np.array([[2.0, -3.0, 4.0, -5.0, 0.0]])
    np.testing.assert_allclose(perceptron_criterion(truth, score), [(3 + 4) / 5])
    np.testing.assert_allclose(perceptron_criterion((truth + 1) // 2, score), [(3 + 4) / 5])  # labels 0 and 1
    np.testing.assert_allclose(gradient(perceptron_criterion, truth, score) * 5, [[0, -1, 1, 0, -1]])
    check_gradient(perceptron_criterion, truth[:, :4], score[:, :4])


def test_descent_on_the_perceptron_criterion_is_rosenblatts_rule(generator):
    x = generator.normal(size=(60, 3)).astype("float32")
    truth = np.where(x @ [1.0, -2.0, 0.5] + 0.3 > 0, 1, -1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(1.0), perceptron_criterion)
    model.fit(x, truth, batch_size=1, epochs=2, shuffle=False, verbose=0)

    weights, bias = np.zeros(3), 0.0
    for _, (row, label) in itertools.product(range(2), zip(x, truth)):
        if label * (row @ weights + bias) <= 0:
            weights, bias = weights + label * row, bias + label
    kernel, learnt_bias = model.get_weights()
    np.testing.assert_allclose(kernel.ravel(), weights, atol=1e-5)
    assert learnt_bias.item() == bias
    peer = sklearn.linear_model.Perceptron(max_iter=2, shuffle=False, tol=None).fit(x, truth)
    np.testing.assert_allclose(kernel.ravel(), peer.coef_.ravel(), atol=1e-5)


# --- all losses ------------------------------------------------------------------------------------------------------------

EVERY_LOSS = [multiclass_hinge, mean_bias_error, contrastive_loss, sum_of_distances, perceptron_criterion]


@pytest.mark.parametrize("loss", [mean_bias_error, contrastive_loss, sum_of_distances, perceptron_criterion])
def test_shapes_are_never_broadcast(loss, generator):
    truth, prediction = generator.integers(0, 2, 4), generator.normal(size=(4, 1))
    np.testing.assert_array_equal(loss(truth, prediction), loss(truth[:, None], prediction))
    for one, other in (((4,), (4, 2)), ((4, 1), (4, 2)), ((4, 1), (4,)), ((2, 4, 1), (4, 1))):
        with pytest.raises(ValueError, match=f"`{loss.__name__}` needs .*same shape"):
            loss(np.ones(one), np.ones(other))


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_functions_are_found_by_name_and_compile(loss, generator):
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)) is loss
    assert keras.saving.get_registered_name(loss) == f"zoo>{loss.__name__}"
    x, y = generator.normal(size=(8, 3)).astype("float32"), generator.integers(0, 2, 8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2 if loss is multiclass_hinge else 1)])
    model.compile("sgd", loss, metrics=[loss])
    scores = model.predict(x, verbose=0)
    history = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(history["loss"], np.mean(loss(y, scores)), rtol=1e-5)
    np.testing.assert_allclose(history[loss.__name__], history["loss"], rtol=1e-5)


@pytest.mark.parametrize("loss", EVERY_LOSS)
def test_half_precision_stays_what_it_is(loss, generator):
    prediction = generator.uniform(size=(4, 3)).astype("float16")
    truth = np.array([0, 1, 2, 1]) if loss is multiclass_hinge else generator.integers(0, 2, (4, 3))
    value = loss(truth, prediction)
    assert value.dtype == "float16"
    np.testing.assert_allclose(value, loss(truth, prediction.astype("float64")), atol=2e-3)


@pytest.mark.parametrize("loss_class", [MulticlassHinge, ContrastiveLoss])
def test_classes_are_saved_with_their_margin(loss_class, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", loss_class(margin=2.5, reduction="sum"))
    model.save(tmp_path / "model.keras")
    loss = keras.saving.load_model(tmp_path / "model.keras").loss
    assert type(loss) is loss_class
    assert loss.get_config() == loss_class(margin=2.5, reduction="sum").get_config()
    assert (loss.margin, loss.reduction) == (2.5, "sum")
    assert loss_class().name == getattr(losses, loss.name).__name__
    with pytest.raises(ValueError, match="`margin` must be positive, got 0"):
        loss_class(margin=0)
