"""The feed-forward networks against their rules written out, closed forms, scikit-learn, and NumPy on the same weights."""

import math

import keras
import numpy as np
import pytest
import sklearn.linear_model
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import zoo
from zoo import datasets, saved
from zoo import finder as recipes
from zoo.data.batches import Batches
from zoo.data.contract import Contract, Data, Field, Part
from zoo.endpoints import default_endpoint, endpoints_of, known_fields
from zoo.errors import UsageError
from zoo.layers.euclidean_distance import EuclideanDistance
from zoo.losses import multiclass_hinge, perceptron_criterion
from zoo.models.multitask_mlp import classifiers
from zoo.models.perceptron import binary_classifier
from zoo.models.siamese_network import embedder, matcher
from zoo.optimizers import scheduled
from zoo.prediction import predict


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def with_random_weights(model, seed=1):
    """The model with weights that are all different, biases too."""
    generator = np.random.default_rng(seed)
    model.set_weights([generator.uniform(-0.5, 0.5, weight.shape) for weight in model.get_weights()])
    return model


def with_constant(features):
    """A constant 1 as a last feature, in float64: its weight is the bias."""
    return np.concatenate([np.asarray(features, "float64"), np.ones((len(features), 1))], axis=1)


def all_weights(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def recipe_and_model(name, contract, *overrides):
    recipe = recipes.find(name)
    chosen = recipe.settings(overrides)
    return recipe, chosen, recipe.build_model(chosen, contract)


def trained(name, whole, epochs=None):
    """A model of a recipe, fitted with its own optimizer, schedule and batches, as `zoo train` does, but for the order."""
    keras.utils.set_random_seed(0)
    _, chosen, model = recipe_and_model(name, whole.contract)
    features, targets = whole.train.inputs["features"], whole.train.targets
    steps = chosen["epochs"] * len(targets) // chosen["batch_size"]
    model.optimizer.learning_rate = scheduled(chosen["learning_rate"], chosen["schedule"], steps)
    model.jit_compile, model.steps_per_execution = False, 500
    model.fit(features, targets, batch_size=chosen["batch_size"], epochs=epochs or chosen["epochs"], verbose=0)
    return model


# --- perceptron -----------------------------------------------------------------------------------------------------------


def rosenblatt(examples, signs, weights):
    """His rule: (the weights after each example, whether each was a mistake), one pass."""
    path, mistakes = [], []
    for x, sign in zip(examples, signs):
        mistakes.append(sign * (weights @ x) <= 0)
        weights = weights + sign * x if mistakes[-1] else weights
        path.append(weights)
    return np.array(path), np.array(mistakes)


@pytest.fixture(scope="module")
def perceptron():
    """One compiled perceptron of two features for all tests: a step is traced once."""
    _, _, model = recipe_and_model("perceptron", datasets.points.load().contract)
    model.jit_compile = False
    return model


def one_pass(model, features, targets):
    """The weights after each example of one pass of Keras's own training."""
    path = []
    for row, target in zip(features, targets):
        model.train_on_batch(row[None], np.array([target]))
        path.append(all_weights(model))
    return np.array(path)


@st.composite
def separable(draw):
    """Up to 20 points that a line parts by a margin, in steps of 1/64, so that sums of them are exact in float32; 0 and 1."""
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    normal = generator.normal(size=2)
    normal /= np.linalg.norm(normal)
    offset, margin = draw(st.floats(-0.5, 0.5)), draw(st.floats(0.15, 0.4))
    features = np.round(generator.uniform(-1, 1, (draw(st.integers(2, 20)) * 3, 2)) * 64) / 64
    side = features @ normal + offset
    chosen = np.flatnonzero(np.abs(side) >= margin)[:20]
    solution = np.array([*normal, offset])
    return features[chosen].astype("float32"), (side[chosen] > 0).astype("int32"), solution


@settings(max_examples=12, deadline=None)
@given(separable())
def test_training_is_rosenblatts_rule_and_ends_within_novikoffs_bound(perceptron, case):
    features, targets, solution = case
    examples, signs = with_constant(features), 2.0 * targets - 1
    perceptron.set_weights([np.zeros((2, 1)), np.zeros(1)])
    weights, total = np.zeros(3), 0
    mistakes = np.ones(len(signs), bool)
    while mistakes.any():
        path, mistakes = rosenblatt(examples, signs, weights)
        np.testing.assert_array_equal(one_pass(perceptron, features, targets), path)
        weights, total = path[-1] if len(path) else weights, total + mistakes.sum()
        if len(signs):
            largest = np.linalg.norm(examples, axis=1).max()
            margin = (signs * (examples @ solution)).min() / np.linalg.norm(solution)
            assert total <= (largest / margin) ** 2
    score = np.asarray(perceptron(features)).ravel() if len(signs) else np.zeros(0)
    assert (signs * score > 0).all()


def test_a_perceptron_starts_at_zero_and_learns_from_a_score_of_zero(perceptron):
    model = zoo.perceptron((4,))
    assert not all_weights(model).any() and [weight.shape for weight in model.weights] == [(4, 1), (1,)]
    perceptron.set_weights([np.zeros((2, 1)), np.zeros(1)])
    perceptron.train_on_batch(np.array([[0.5, -0.25]], "float32"), np.array([0]))
    assert all_weights(perceptron).tolist() == [-0.5, 0.25, -1.0]


def test_the_perceptron_recipe_ends_with_no_error_on_the_points():
    whole = datasets.points.load()
    model = trained("perceptron", whole)
    before = all_weights(model)
    result = model.evaluate(whole.train.inputs["features"], whole.train.targets, batch_size=500, verbose=0, return_dict=True)
    assert result == {"accuracy": 1.0, "loss": 0.0}
    assert float(model.optimizer.learning_rate) == 1.0
    model.fit(whole.train.inputs["features"][:500], whole.train.targets[:500], batch_size=1, verbose=0)
    np.testing.assert_array_equal(all_weights(model), before)


def test_a_binary_classifier_tells_the_side_of_the_line(generator):
    model = with_random_weights(zoo.perceptron((5,)))
    features = generator.normal(size=(20, 5)).astype("float32")
    answers = binary_classifier(model)(features)
    score = with_constant(features) @ all_weights(model)
    np.testing.assert_allclose(answers["score"], score, atol=1e-6)
    assert answers["label"].dtype == "int32" and np.array_equal(answers["label"], score > 0)
    model.set_weights([np.zeros((5, 1)), np.zeros(1)])
    assert not np.asarray(binary_classifier(model)(features)["label"]).any()  # on the line: not above it


@pytest.mark.parametrize("name", ["perceptron", "adaline"])
def test_pictures_of_two_classes_are_rows_of_features(name):
    recipe = recipes.find(name)
    chosen = recipe.settings(["data=digits"])
    digits = recipe.load_data(chosen)
    model = recipe.build_model(chosen, digits.contract)
    assert model.count_params() == 785
    answers = default_endpoint(recipe, model, digits.contract).predict(digits.test.inputs)
    assert list(answers) == ["score", "label"] and answers["label"].shape == digits.test.targets.shape


# --- adaline --------------------------------------------------------------------------------------------------------------


def test_training_is_the_rule_of_widrow_and_hoff(generator):
    """Each example moves the weights by twice the rate times its error times its features."""
    contract = Contract({"features": Field("float32", (3,), -1.0, 1.0)}, ("a", "b"))
    _, chosen, model = recipe_and_model("adaline", contract)
    model.jit_compile = False
    features, targets = generator.uniform(-1, 1, (15, 3)).astype("float32"), generator.integers(0, 2, 15)
    weights = np.zeros(4)
    path = one_pass(model, features, targets)
    for x, target, reached in zip(with_constant(features), targets, path):
        weights = weights + 2 * chosen["learning_rate"] * (2 * target - 1 - weights @ x) * x
        np.testing.assert_allclose(reached, weights, atol=1e-6)


def test_the_adaline_recipe_ends_at_the_least_squares_solution():
    whole = datasets.points.load()
    model = trained("adaline", whole)
    examples, signs = with_constant(whole.train.inputs["features"]), 2.0 * whole.train.targets - 1
    solution, error, *_ = np.linalg.lstsq(examples, signs)
    np.testing.assert_allclose(all_weights(model), solution, atol=1e-3)
    result = model.evaluate(whole.train.inputs["features"], whole.train.targets, batch_size=500, verbose=0, return_dict=True)
    assert result["squared_error"] == pytest.approx(error.item() / len(signs), rel=1e-4)
    assert result["accuracy"] == np.mean((examples @ solution > 0) == whole.train.targets)


def test_adaline_measures_the_same_error_of_columns_and_of_answers():
    """An exported file answers with (batch,), the network with (batch, 1)."""
    whole = datasets.points.load()
    _, _, model = recipe_and_model("adaline", whole.contract)
    model.set_weights([np.array([[0.7], [1.0]]), np.array([-0.2])])
    part = whole.test
    expected = model.evaluate(part.inputs["features"], part.targets, verbose=0, return_dict=True)["squared_error"]
    model.reset_metrics()
    score = binary_classifier(model)(part.inputs["features"])["score"]
    assert float(model.compute_metrics(None, part.targets, score, None)["squared_error"]) == pytest.approx(expected, rel=1e-5)
    signs = 2.0 * part.targets - 1
    assert expected == pytest.approx(np.mean((with_constant(part.inputs["features"]) @ [0.7, 1.0, -0.2] - signs) ** 2), rel=1e-5)


# --- one layer of several classes -----------------------------------------------------------------------------------------


def test_linear_svm_is_wx_plus_b_with_a_penalty_on_w_alone(generator):
    model = with_random_weights(zoo.linear_svm((2, 3, 1), 4, l2=0.01))
    images, labels = generator.random((7, 2, 3, 1), "float32"), generator.integers(0, 4, 7)
    kernel, bias = model.get_weights()
    scores = images.reshape(7, 6) @ kernel + bias
    np.testing.assert_allclose(model(images), scores, atol=1e-6)
    model.compile(loss=multiclass_hinge, jit_compile=False)
    hinge = [np.maximum(0, 1 + np.delete(row, label) - row[label]).sum() for row, label in zip(scores, labels)]
    expected = np.mean(hinge) + 0.01 * (kernel**2).sum()
    assert model.evaluate(images, labels, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.0, 0.2), (0.3, 0.2)])
def test_softmax_regression_has_the_elastic_net(l1, l2):
    model = with_random_weights(zoo.softmax_regression((3, 2, 1), 4, l1, l2))
    kernel, _ = model.get_weights()
    np.testing.assert_allclose(sum(model.losses), l1 * np.abs(kernel).sum() + l2 * (kernel**2).sum(), rtol=1e-5)


def test_softmax_regression_finds_scikit_learns_solution(generator):
    images, labels = generator.normal(size=(60, 2, 2, 1)).astype("float32"), np.arange(60) % 3
    images[:, 0, 0, 0] += labels
    l2 = 0.02
    model = zoo.softmax_regression((2, 2, 1), 3, l2=l2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.3, momentum=0.9), loss, jit_compile=False, steps_per_execution=400)
    model.fit(np.tile(images, (400, 1, 1, 1)), np.tile(labels, 400), batch_size=60, shuffle=False, verbose=0)
    rows = images.reshape(60, 4).astype("float64")
    peer = sklearn.linear_model.LogisticRegression(C=1 / (2 * l2 * len(labels)), tol=1e-8).fit(rows, labels)
    np.testing.assert_allclose(keras.ops.softmax(model(images)), peer.predict_proba(rows), atol=1e-4)


# --- hidden layers --------------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(0, x),
    "leaky_relu": lambda x: np.maximum(0.01 * x, x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
}


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_mlp_computes_the_activations_of_the_slides(activation, generator):
    model = with_random_weights(zoo.mlp((2, 4, 1), 3, (6, 5), activation))
    images = generator.normal(size=(9, 2, 4, 1)).astype("float32")
    x, (*hidden, kernel, bias) = images.reshape(9, 8), model.get_weights()
    for weights, biases in zip(hidden[::2], hidden[1::2]):
        x = FUNCTIONS[activation](x @ weights + biases)
    np.testing.assert_allclose(model(images), x @ kernel + bias, atol=1e-5)


def test_mlp_with_prelu_learns_a_slope_for_each_unit_from_a_quarter(generator):
    model = zoo.mlp((2, 4, 1), 3, (6,), "prelu")
    assert model.get_layer("prelu1").get_weights()[0].tolist() == [0.25] * 6
    images = generator.normal(size=(9, 2, 4, 1)).astype("float32")
    kernel, biases, slopes, head, bias = with_random_weights(model).get_weights()
    x = images.reshape(9, 8) @ kernel + biases
    np.testing.assert_allclose(model(images), np.where(x > 0, x, slopes * x) @ head + bias, atol=1e-5)


@pytest.mark.parametrize("build", [lambda: zoo.mlp((2, 4, 1), 3, (6, 5), "maxout"), lambda: zoo.maxout_mlp((2, 4, 1), 3, (6, 5))])
def test_maxout_networks_take_the_larger_of_two_maps(build, generator):
    model = with_random_weights(build())
    images = generator.normal(size=(9, 2, 4, 1)).astype("float32")
    x, (*hidden, kernel, bias) = images.reshape(9, 8), model.get_weights()
    for weights, biases in zip(hidden[::2], hidden[1::2]):
        x = np.maximum(x @ weights[:, 0] + biases[0], x @ weights[:, 1] + biases[1])
    np.testing.assert_allclose(model(images), x @ kernel + bias, atol=1e-5)
    assert zoo.maxout_mlp((2, 4, 1), 3, (6, 5), pieces=3).get_layer("maxout2").kernel.shape == (6, 3, 5)


def test_mlp_has_the_sizes_of_the_slides_the_initialisers_and_the_penalties():
    sigmoid = zoo.mlp(units=(200, 100, 60, 30), activation="sigmoid", dropout=0.0)
    kernels = [weight for weight in sigmoid.weights if weight.name == "kernel"]
    assert [kernel.shape for kernel in kernels] == [(784, 200), (200, 100), (100, 60), (60, 30), (30, 10)]
    he, glorot = (
        zoo.mlp(kernel_initializer=name).get_layer("dense1").get_weights()[0] for name in ("he_normal", "glorot_uniform")
    )
    assert he.std() == pytest.approx(math.sqrt(2 / 784), rel=0.02)
    assert np.abs(glorot).max() == pytest.approx(math.sqrt(6 / (784 + 512)), rel=0.01)
    identity = zoo.mlp((3, 2, 1), 4, (6, 5), kernel_initializer="identity")
    assert np.array_equal(identity.get_layer("dense1").get_weights()[0], np.eye(6))
    assert np.array_equal(identity.get_layer("dense2").get_weights()[0], np.eye(6, 5))
    for activation in ("relu", "maxout"):
        model = with_random_weights(zoo.mlp((3, 2, 1), 4, (6, 5), activation, l1=0.3, l2=0.2))
        kernels = [weight.numpy() for weight in model.weights if weight.name == "kernel"]
        expected = sum(0.3 * np.abs(kernel).sum() + 0.2 * (kernel**2).sum() for kernel in kernels)
        np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-5)


@pytest.mark.parametrize("build", [zoo.mlp, zoo.maxout_mlp])
def test_dropout_drops_its_fraction_of_every_hidden_layer_in_training_only(build):
    model = build((2, 2, 1), 3, units=(400, 300), dropout=0.3)
    hidden = keras.Model(model.input, [model.get_layer(f"dropout{index}").output for index in (1, 2)])
    # Maps that are never 0 of themselves.
    model.set_weights([np.abs(np.random.default_rng(0).normal(size=weight.shape)) + 0.1 for weight in model.get_weights()])
    images = np.ones((20, 2, 2, 1), "float32")
    keras.utils.set_random_seed(0)
    for dropped, kept in zip(hidden(images, training=True), hidden(images, training=False)):
        assert np.mean(np.asarray(dropped) == 0) == pytest.approx(0.3, abs=0.02) and np.all(np.asarray(kept) > 0)


def test_mlp_refuses_an_unknown_activation_in_one_line():
    with pytest.raises(ValueError, match="must be one of sigmoid, tanh, .*, got 'gelu'"):
        zoo.mlp(activation="gelu")
    contract = Contract({"image": Field("float32", (4, 4, 1), 0.0, 1.0)}, ("a", "b"))
    with pytest.raises(UsageError, match="Identity"):
        recipe_and_model("mlp", contract, "activation=maxout", "kernel_initializer=identity")


# --- several tasks --------------------------------------------------------------------------------------------------------

TASKS = {"digit": 4, "parity": 2, "above_four": 3}


def small_multitask(**arguments):
    return with_random_weights(zoo.multitask_mlp((2, 3, 1), TASKS, units=(5, 4), dropout=0.0, **arguments))


def reached(model, task):
    """The names of the hidden layers that one task's loss moves."""
    images = np.random.default_rng(0).normal(size=(20, 2, 3, 1)).astype("float32")
    with tf.GradientTape() as tape:
        output = tf.reduce_sum(model(images)[task] ** 2)
    gradients = tape.gradient(output, [weight.value for weight in model.weights], unconnected_gradients="zero")
    layers = [weight.path.split("/")[-2] for weight in model.weights]
    return {layer for layer, gradient in zip(layers, gradients) if "dense" in layer and np.abs(gradient).max() > 0}


def test_hard_sharing_has_one_trunk_and_soft_sharing_one_for_each_task():
    hard, soft = small_multitask(), small_multitask(sharing="soft", penalty=0.5)
    assert list(hard.output) == list(soft.output) == list(TASKS)
    for task in TASKS:
        assert reached(hard, task) == {"dense1", "dense2"}
        assert reached(soft, task) == {f"{task}_dense1", f"{task}_dense2"}
    heads = sum(5 * classes for classes in TASKS.values())
    trunk = (6 + 1) * 5 + (5 + 1) * 4
    assert (hard.count_params(), soft.count_params()) == (trunk + heads, 3 * trunk + heads)


def test_hard_and_soft_networks_compute_their_trunks_and_heads(generator):
    images = generator.normal(size=(5, 2, 3, 1)).astype("float32")
    for sharing in ("hard", "soft"):
        model = small_multitask(sharing=sharing)
        weights = {weight.path: weight.numpy() for weight in model.weights}
        for task, logits in model(images).items():
            x, prefix = images.reshape(5, 6), f"{task}_" if sharing == "soft" else ""
            for layer in (f"{prefix}dense1", f"{prefix}dense2"):
                x = np.maximum(0, x @ weights[f"{layer}/kernel"] + weights[f"{layer}/bias"])
            np.testing.assert_allclose(logits, x @ weights[f"{task}/kernel"] + weights[f"{task}/bias"], atol=1e-5)


def test_soft_sharing_costs_the_squared_differences_of_the_trunks():
    model = small_multitask(sharing="soft", penalty=0.5)
    model(np.ones((1, 2, 3, 1), "float32"))
    trunks = [np.concatenate([w.ravel() for w in layer.get_weights()]) for layer in model.get_layer("trunks").layers]
    differences = sum(((trunks[one] - trunks[other]) ** 2).sum() for one, other in [(0, 1), (0, 2), (1, 2)])
    np.testing.assert_allclose(model.losses, [0.5 * differences], rtol=1e-5)


def test_classifiers_give_probabilities_and_the_likeliest_class(generator):
    model = small_multitask()
    images = generator.normal(size=(6, 2, 3, 1)).astype("float32")
    answers = classifiers(model)(images)
    assert list(classifiers(model).output) == [f"{task}_{kind}" for task in TASKS for kind in ("probabilities", "label")]
    for task, logits in model(images).items():
        odds = np.exp(logits)
        np.testing.assert_allclose(answers[f"{task}_probabilities"], odds / odds.sum(axis=1, keepdims=True), atol=1e-6)
        assert answers[f"{task}_label"].dtype == "int32"
        np.testing.assert_array_equal(answers[f"{task}_label"], np.argmax(logits, axis=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": {}}, "at least one task"),
        ({"sharing": "both"}, 'must be "hard" or "soft", got \'both\''),
        ({"sharing": "soft", "tasks": {"digit": 10}}, "two or more layers, one per task, got 1"),
        ({"sharing": "soft", "penalty": -1.0}, "must not be negative"),
    ],
)
def test_multitask_mlp_refuses_what_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.multitask_mlp((2, 2, 1), **arguments)


def three_tasks(count=60):
    generator = np.random.default_rng(0)
    digit = generator.integers(0, 10, count).astype("int32")
    images = generator.random((count, 4, 4, 1), "float32")
    images.reshape(count, 16)[np.arange(count), digit] += 1
    targets = {"digit": digit, "parity": digit % 2, "above_four": (digit > 4).astype("int32")}
    part = Part({"image": images}, targets)
    return Data(part, part, part, Contract({"image": Field("float32", (4, 4, 1), 0.0, 2.0)}), "", "")


@pytest.mark.slow
@pytest.mark.parametrize("tasks", [("parity",), ("above_four", "digit"), ("digit", "parity", "above_four")])
def test_the_multitask_recipe_learns_any_of_the_tasks(tasks):
    whole = three_tasks()
    recipe, _, model = recipe_and_model("multitask_mlp", whole.contract, f"tasks={tasks!r}", "alpha=0.25", "learning_rate=0.01")
    model.jit_compile = False
    assert tuple(model.output) == tasks
    batches = Batches(whole.train, whole.contract, 60, outputs=model.output_names)
    result = model.evaluate(batches, verbose=0, return_dict=True)
    losses = [
        float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(whole.train.targets[task], logits))
        for task, logits in model(whole.train.inputs["image"]).items()
    ]
    assert result["loss"] == pytest.approx(losses[0] + 0.25 * sum(losses[1:]), rel=1e-5)
    model.steps_per_execution = 60
    targets = {task: np.tile(whole.train.targets[task], 60) for task in tasks}
    model.fit(np.tile(whole.train.inputs["image"], (60, 1, 1, 1)), targets, batch_size=60, shuffle=False, verbose=0)
    answers = default_endpoint(recipe, model, whole.contract).predict(whole.test.inputs)
    measured = recipe.measure(answers, whole.test, whole.contract)
    assert set(measured) == {"accuracy", *(f"{task}_accuracy" for task in tasks)}
    for task in tasks:
        right = np.mean(answers[f"{task}_label"] == whole.test.targets[task])
        assert measured[f"{task}_accuracy"] == right > 0.8
    assert measured["accuracy"] == pytest.approx(np.mean([measured[f"{task}_accuracy"] for task in tasks]))


def test_batches_give_the_targets_of_the_outputs_only():
    whole = three_tasks(5)
    _, targets = Batches(whole.train, whole.contract, 2, outputs=["parity"])[1]
    assert list(targets) == ["parity"] and np.array_equal(targets["parity"], whole.train.targets["parity"][2:4])
    assert set(Batches(whole.train, whole.contract, 2)[0][1]) == {"digit", "parity", "above_four"}
    plain = Part(whole.train.inputs, whole.train.targets["digit"])
    np.testing.assert_array_equal(Batches(plain, whole.contract, 5, outputs=["logits"])[0][1], plain.targets)


# --- pairs ----------------------------------------------------------------------------------------------------------------


def small_siamese(**arguments):
    return zoo.siamese_network((16, 16, 1), filters=(2, 3), units=8, embedding=4, **arguments)


@pytest.fixture
def images(generator):
    return generator.random((2, 6, 16, 16, 1), "float32")


@pytest.mark.parametrize("normalize", [False, True])
def test_siamese_network_measures_between_the_embeddings_of_one_tower(images, normalize):
    model = with_random_weights(small_siamese(normalize=normalize))
    embeddings = [np.asarray(embedder(model)(each)["embedding"]) for each in images]
    expected = np.linalg.norm(embeddings[0] - embeddings[1], axis=1, keepdims=True)
    distance = model({"image_a": images[0], "image_b": images[1]})
    assert distance.shape == (6, 1) and expected.min() > 1e-3
    np.testing.assert_allclose(distance, expected, rtol=1e-4)
    np.testing.assert_allclose(model({"image_a": images[1], "image_b": images[0]}), expected, rtol=1e-4)
    assert np.abs(model({"image_a": images[0], "image_b": images[0]})).max() < 1e-5
    lengths = np.linalg.norm(embeddings[0], axis=1)
    assert np.allclose(lengths, 1, atol=1e-5) == normalize
    assert model.count_params() == 52 + 153 + 32 + 32  # one tower


def test_a_matcher_says_same_below_the_threshold(images):
    model = with_random_weights(small_siamese())
    pair = {"image_a": images[0], "image_b": images[1]}
    distance = np.asarray(model(pair)).ravel()
    threshold = float(np.median(distance))
    answers = matcher(model, threshold)(pair)
    np.testing.assert_array_equal(answers["distance"], distance)
    assert answers["same"].dtype == "int32" and np.array_equal(answers["same"], distance < threshold)
    assert 0 < np.sum(answers["same"]) < 6


@pytest.mark.parametrize("normalize", [False, True])
def test_equal_images_give_a_finite_gradient(images, normalize):
    model = small_siamese(normalize=normalize)
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    pair = {"image_a": images[0], "image_b": np.concatenate([images[0, :3], images[1, 3:]])}
    before = model.get_weights()
    model.train_on_batch(pair, np.zeros(6))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert any(not np.array_equal(one, other) for one, other in zip(before, model.get_weights()))


def test_euclidean_distance_has_the_unit_vector_as_its_gradient():
    one, other = tf.Variable([[3.0, 4.0], [1.0, 1.0], [1e-3, 0.0]]), tf.constant([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    layer = EuclideanDistance()
    with tf.GradientTape() as tape:
        distance = layer([one, other])
    np.testing.assert_allclose(distance, [[5.0], [1e-6], [1e-3]], rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(distance, one), [[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]], rtol=1e-5)
    half = EuclideanDistance(name="distance")
    assert half([tf.ones((2, 3), "float16"), tf.zeros((2, 3), "float16")]).dtype == "float32"
    assert EuclideanDistance.from_config(EuclideanDistance(0.25).get_config()).epsilon == 0.25
    assert layer.compute_output_shape([(None, 7, 2), (None, 7, 2)]) == (None, 7, 1)
    with pytest.raises(ValueError, match="must be positive, got 0"):
        EuclideanDistance(0)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["contrastive", "sum_of_distances"])
def test_the_siamese_recipe_learns_pairs_of_digits(loss):
    """scikit-learn's digits become pairs; validation pairs are of images that it has not seen."""
    keras.utils.set_random_seed(0)
    recipe = recipes.find("siamese_network")
    sizes = ["filters=(4, 8)", "units=32", "embedding=8", "shift=0", "rotation=0"]  # moved digits need more epochs
    chosen = recipe.settings(["data=digits", *sizes, f"loss={loss}", "learning_rate=3e-3"])
    pairs = recipe.load_data(chosen)
    model = recipe.build_model(chosen, pairs.contract)
    model.jit_compile, model.steps_per_execution = False, 10
    model.fit(Batches(pairs.train, pairs.contract, 200, seed=0), epochs=4, shuffle=False, verbose=0)
    endpoints = endpoints_of(recipe, model, pairs.contract)
    assert list(endpoints) == ["serving_default", "embed"] and list(endpoints["embed"].inputs) == ["image"]
    answers = endpoints["serving_default"].predict(pairs.validation.inputs)
    right = np.mean((answers["distance"] < 0.5) == pairs.validation.targets)
    assert recipe.measure(answers, pairs.validation, pairs.contract)["accuracy"] == right > 0.85
    assert ("unit_length" in {layer.name for layer in model._flatten_layers()}) == (loss == "sum_of_distances")


def test_the_perceptrons_loss_is_the_criterion():
    assert recipe_and_model("perceptron", datasets.points.load().contract)[2].loss is perceptron_criterion


def test_two_images_are_asked_about_in_one_file(tmp_path, monkeypatch):
    """`zoo predict siamese_network pair.npz`."""
    recipe = recipes.find("siamese_network")
    chosen = recipe.settings(["data=digits", "filters=(2, 2)", "units=4", "embedding=3"])
    whole = recipe.load_data(chosen)
    model = recipe.build_model(chosen, whole.contract)
    monkeypatch.setattr(saved, "find_saved", lambda name, folder: tmp_path)
    monkeypatch.setattr(saved, "read_card", lambda folder: {"settings": chosen})
    monkeypatch.setattr(saved, "read_contract", lambda folder: whole.contract)
    monkeypatch.setattr(saved, "load", lambda name, folder: model)
    pairs = {name: array[:3] for name, array in whole.test.inputs.items()}
    np.savez(tmp_path / "pairs.npz", **pairs)
    answers = predict("siamese_network", tmp_path / "pairs.npz")
    assert {answer["same"] for answer in answers} <= {"same", "different"}
    np.testing.assert_allclose([answer["distance"] for answer in answers], np.asarray(model(pairs))[:, 0], rtol=1e-5)
    inputs = {name: array[0] for name, array in pairs.items()}
    assert predict("siamese_network", inputs=inputs)["distance"] == pytest.approx(answers[0]["distance"], rel=1e-5)
    np.savez(tmp_path / "one.npz", image_a=pairs["image_a"])
    np.savez(tmp_path / "unequal.npz", image_a=pairs["image_a"], image_b=pairs["image_b"][:2])
    np.savez(tmp_path / "bright.npz", image_a=255 * pairs["image_a"], image_b=pairs["image_b"])
    (tmp_path / "no.npz").write_text("no arrays")
    for file, message in {
        "one.npz": "image_b.*expected the arrays image_a, image_b",
        "unequal.npz": r"different numbers of examples \(image_a 3, image_b 2\)",
        "bright.npz": r"input `image_a` lies in .*expected values in",
        "no.npz": "cannot be read",
        "missing.npz": "No such file",
        "three.png": "takes image_a and image_b in turn for each example; got 1 in all",
    }.items():
        with pytest.raises(UsageError, match=message):
            predict("siamese_network", tmp_path / file)


def test_a_siamese_network_of_another_size_is_exported_at_its_own():
    recipe = recipes.find("siamese_network")
    contract = Contract({name: Field("float32", (20, 16, 1), 0.0, 1.0, kind="image") for name in ("image_a", "image_b")})
    model = zoo.siamese_network((20, 16, 1), (2, 2), units=4, embedding=3)
    fields = endpoints_of(recipe, model, contract)["embed"].fields(Contract(known_fields(recipe, contract)))
    assert fields["image"] == contract["image_a"]
