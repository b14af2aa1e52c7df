"""Points on two sides of a line with Rosenblatt's perceptron.

All of the test part is classified correctly after 2 to 8 epochs.

Commands:
    zoo train perceptron
    zoo train perceptron seed=2
    zoo train perceptron data=mnist epochs=20
"""

import keras

from zoo import datasets, perceptron
from zoo.data.forms import two_classes
from zoo.losses import perceptron_criterion
from zoo.models.perceptron import binary_classifier
from zoo.recipe import Recipe, Target


def build(contract, optimizer):
    model = perceptron(contract["features"].shape)
    accuracy = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
    model.compile(optimizer=optimizer, loss=perceptron_criterion, metrics=[accuracy])
    return model


def endpoints(model):
    return {"serving_default": binary_classifier(model)}


def space(hp):
    return {
        # One example at a time is Rosenblatt's rule; a batch moves the weights by the mean of its errors. The learning rate needs
        # no search: for weights that start at 0 it only scales them.
        "batch_size": hp.Choice("batch_size", [1, 10, 100], default=1),
    }


recipe = Recipe(
    build=build,
    data=datasets.points,
    prepare=two_classes,
    endpoints=endpoints,
    space=space,
    fit={"epochs": 10, "batch_size": 1, "optimizer": "sgd", "learning_rate": 1.0},
    target=Target("accuracy", at_least=1.0),
)
