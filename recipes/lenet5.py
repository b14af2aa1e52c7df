"""MNIST digits with LeNet-5 of 1998.

99.3 % of the test part are classified correctly after 40 epochs.

Commands:
    zoo train lenet5
    zoo train lenet5 partial=False optimizer=momentum learning_rate=0.02
    zoo train lenet5 data=fashion_mnist shift=0
"""

import keras

from zoo import datasets, lenet5
from zoo.layers.augmentation import shift_and_rotate
from zoo.recipe import Fraction, NonNegative, Recipe, Target


def build(contract, optimizer, partial: bool = True, shift: Fraction = 0.04, rotation: NonNegative = 0.02):
    # One pixel and seven degrees: a network with so few weights hardly overfits.
    augmentation = shift_and_rotate(shift, rotation)
    model = lenet5(contract["image"].shape, len(contract.classes), partial=partial, augmentation=augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    return {
        # The partial connections of the paper, or full ones: does saving weights cost accuracy?
        "partial": hp.Boolean("partial", default=True),
        # From none to four pixels; beyond that digits leave the image, or a 6 becomes a 9.
        "shift": hp.Float("shift", 0.0, 0.16, step=0.04, default=0.04),
        "rotation": hp.Float("rotation", 0.0, 0.04, step=0.01, default=0.02),
        # Above 1e-2 the tanh units saturate; below 5e-4 the run is too short.
        "learning_rate": hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=3e-3),
        # In short runs batches of 50 were better than batches of 100 after the same number of epochs.
        "batch_size": hp.Choice("batch_size", [25, 50, 100], default=50),
        # A decaying rate is nearly always better, and a warm-up allows a higher one.
        "schedule": hp.Choice("schedule", ["one_cycle", "cosine", "constant"], default="one_cycle"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 40, "batch_size": 50, "learning_rate": 3e-3, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.9905, aim=0.9935),
)
