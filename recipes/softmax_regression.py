"""MNIST digits with one layer and cross-entropy.

92.7 % of the test part are classified correctly after 20 epochs.

Commands:
    zoo train softmax_regression
    zoo train softmax_regression l1=1e-5 l2=1e-5
    zoo train softmax_regression data=fashion_mnist
"""

import keras

from zoo import datasets, softmax_regression
from zoo.recipe import NonNegative, Recipe, Target


def build(contract, optimizer, l1: NonNegative = 0.0, l2: NonNegative = 0.0):
    model = softmax_regression(contract["image"].shape, len(contract.classes), l1, l2)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    return {
        # A single layer hardly overfits: penalties above 1e-4 cost accuracy.
        "l1": hp.Choice("l1", [0.0, 1e-6, 1e-5, 1e-4], default=0.0),
        "l2": hp.Choice("l2", [0.0, 1e-6, 1e-5, 1e-4], default=0.0),
        # The loss is convex: the learning rate only determines how soon the weights are near the minimum.
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log", default=1e-3),
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=100),
        # A decaying rate ends at the minimum; a constant one keeps moving around it.
        "schedule": hp.Choice("schedule", ["cosine", "constant"], default="cosine"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 20, "batch_size": 100, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.925, aim=0.928),
)
