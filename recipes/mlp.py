"""MNIST digits with two hidden layers and dropout.

98.65 % of the test part are classified correctly after 20 epochs. The second command trains the network of the lecture, with
sigmoid layers of 200, 100, 60 and 30 units: it reaches 98.1 %, which is below the target of this recipe.

Commands:
    zoo train mlp
    zoo train mlp "units=(200, 100, 60, 30)" activation=sigmoid dropout=0
    zoo train mlp activation=prelu
    zoo train mlp data=fashion_mnist
"""

from typing import Literal

import keras

from zoo import datasets, mlp
from zoo.recipe import Count, Fraction, NonNegative, Recipe, Target


def build(
    contract,
    optimizer,
    units: tuple[Count, ...] = (512, 512),
    activation: Literal["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "maxout"] = "relu",
    dropout: Fraction = 0.3,
    kernel_initializer: Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "identity"] = "he_normal",
    l1: NonNegative = 0.0,
    l2: NonNegative = 0.0,
):
    classes = len(contract.classes)
    model = mlp(contract["image"].shape, classes, units, activation, dropout, kernel_initializer, l1, l2)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    layers = hp.Int("units/layers", 1, 4, default=2)
    width = hp.Int("units/width", 128, 768, step=128, default=512)
    return {
        # From a quarter to one and a half times the default; the number of weights grows with the square of the width.
        "units": (width,) * layers,
        # Activations that do not saturate learn best; the others are here for comparison.
        "activation": hp.Choice(
            "activation", ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "maxout"], default="relu"
        ),
        # Below 0.2 the layers memorise the training data; above 0.6 they hardly learn.
        "dropout": hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.3),
        # The best rate of nearly every network of this size is within a decade of Adam's default, 1e-3.
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=3e-3),
        # Decoupled weight decay is multiplied by the learning rate: below 1e-3 it has no effect.
        "weight_decay": hp.Float("weight_decay", 1e-3, 0.3, sampling="log", default=0.05),
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=100),
        # A decaying rate is nearly always better; where it is not, the run is too short.
        "schedule": hp.Choice("schedule", ["cosine", "one_cycle", "constant"], default="one_cycle"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 20, "batch_size": 100, "learning_rate": 3e-3, "weight_decay": 0.05, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.985, aim=0.988),
)
