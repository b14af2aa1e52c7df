"""MNIST digits with a linear support vector machine.

92.6 % of the test part are classified correctly after 20 epochs. The `probabilities` of its endpoint are the softmax of the
scores: they rank the classes, but are not calibrated.

Commands:
    zoo train linear_svm
    zoo train linear_svm l2=0.001
    zoo train linear_svm data=fashion_mnist
"""

from zoo import datasets, linear_svm
from zoo.losses import multiclass_hinge
from zoo.recipe import NonNegative, Recipe, Target


def build(contract, optimizer, l2: NonNegative = 1e-5):
    model = linear_svm(contract["image"].shape, len(contract.classes), l2)
    model.compile(optimizer=optimizer, loss=multiclass_hinge, metrics=["accuracy"])
    return model


def space(hp):
    return {
        # A larger penalty widens the margin: below 1e-6 it has no effect, above 1e-3 it costs accuracy.
        "l2": hp.Float("l2", 1e-6, 1e-3, sampling="log", default=1e-5),
        # The loss is convex: the learning rate only determines how soon the weights are near the minimum.
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log", default=3e-3),
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=100),
        # A decaying rate ends at the minimum; a constant one keeps moving around it.
        "schedule": hp.Choice("schedule", ["cosine", "constant"], default="cosine"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 20, "batch_size": 100, "learning_rate": 3e-3, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.915),
)
