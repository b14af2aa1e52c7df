"""CIFAR-10 photographs with a small AlexNet.

81.1 % of the test part are classified correctly after 24 epochs.

Commands:
    zoo train alexnet_small
    zoo train alexnet_small optimizer=momentum learning_rate=0.01 weight_decay=5e-3 epochs=60
"""

import keras

from zoo import alexnet_small, datasets
from zoo.layers.augmentation import shift_and_flip
from zoo.recipe import Fraction, Recipe, Target


def build(
    contract,
    optimizer,
    dropout: Fraction = 0.2,
    shift: Fraction = 0.125,
    flip: bool = True,
):
    # As in the paper: shifts and mirror images.
    augmentation = shift_and_flip(shift, flip)
    model = alexnet_small(contract["image"].shape, len(contract.classes), dropout, augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    return {
        # The paper's 0.5 is too much for a network of a third of its width and for a short run.
        "dropout": hp.Float("dropout", 0.1, 0.5, step=0.1, default=0.2),
        # Without batch normalisation the network diverges above 5e-3.
        "learning_rate": hp.Float("learning_rate", 3e-4, 5e-3, sampling="log", default=1.5e-3),
        "weight_decay": hp.Float("weight_decay", 1e-3, 0.1, sampling="log", default=2e-2),
        # Half to twice the paper's 128.
        "batch_size": hp.Choice("batch_size", [64, 128, 256], default=128),
    }


recipe = Recipe(
    build=build,
    data=datasets.cifar10,
    space=space,
    fit={"epochs": 24, "batch_size": 128, "learning_rate": 1.5e-3, "weight_decay": 2e-2, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.75, aim=0.85),
)
