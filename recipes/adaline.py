"""Points on two sides of a line with Adaline.

The squared error on the test part is 0.249 after 20 epochs, that of the least-squares solution.

Commands:
    zoo train adaline
    zoo train adaline data=mnist learning_rate=0.001
"""

import keras

from zoo import adaline, datasets
from zoo.data.forms import two_classes
from zoo.models.perceptron import binary_classifier
from zoo.recipe import Recipe, Target


def squared_error(y_true, y_pred):
    """The squared error to -1 for class 0 and 1 for class 1."""
    y_true, y_pred = (keras.ops.reshape(y, (-1, 1)) for y in (y_true, y_pred))
    return keras.losses.mean_squared_error(2.0 * keras.ops.cast(y_true, y_pred.dtype) - 1.0, y_pred)


def build(contract, optimizer):
    model = adaline(contract["features"].shape)
    accuracy = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
    model.compile(optimizer=optimizer, loss=squared_error, metrics=[squared_error, accuracy])
    return model


def endpoints(model):
    return {"serving_default": binary_classifier(model)}


def space(hp):
    return {
        # Above 0.3 a single example moves the weights beyond its own target; below 0.001 the run ends before they converge.
        "learning_rate": hp.Float("learning_rate", 1e-3, 0.3, sampling="log", default=5e-3),
        # One example at a time is the rule of Widrow and Hoff; a batch moves the weights by the mean error.
        "batch_size": hp.Choice("batch_size", [1, 10, 100], default=1),
        # With a constant rate the weights keep moving around the solution.
        "schedule": hp.Choice("schedule", ["exponential", "cosine", "constant"], default="exponential"),
    }


recipe = Recipe(
    build=build,
    data=datasets.points,
    prepare=two_classes,
    endpoints=endpoints,
    space=space,
    fit={"epochs": 20, "batch_size": 1, "optimizer": "sgd", "learning_rate": 5e-3, "schedule": "exponential"},
    target=Target("squared_error", at_most=0.255),
)
