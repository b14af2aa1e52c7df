"""MNIST digits with two maxout layers and dropout.

98.6 % of the test part are classified correctly after 20 epochs.

Commands:
    zoo train maxout_mlp
    zoo train maxout_mlp "units=(128, 128)" pieces=4
    zoo train maxout_mlp data=fashion_mnist
"""

import keras

from zoo import datasets, maxout_mlp
from zoo.recipe import Count, Fraction, Recipe, Target


def build(contract, optimizer, units: tuple[Count, ...] = (192, 192), pieces: Count = 2, dropout: Fraction = 0.3):
    model = maxout_mlp(contract["image"].shape, len(contract.classes), units, pieces, dropout)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    width = hp.Int("units/width", 128, 384, step=64, default=192)
    return {
        # From two thirds to twice the default; the number of weights grows with the square of the width.
        "units": (width, width),
        # Two pieces can be ReLU or the absolute value; the best networks of the paper have five.
        "pieces": hp.Int("pieces", 2, 5, default=2),
        # The paper's 0.5 is for longer runs; below 0.2 the layers memorise the training data.
        "dropout": hp.Float("dropout", 0.2, 0.6, step=0.1, default=0.3),
        # The best rate of nearly every network of this size is within a decade of Adam's default, 1e-3.
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=3e-3),
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=200),
        # A decaying rate is nearly always better; where it is not, the run is too short.
        "schedule": hp.Choice("schedule", ["cosine", "one_cycle", "constant"], default="one_cycle"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 20, "batch_size": 200, "learning_rate": 3e-3, "weight_decay": 0.05, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.984),
)
