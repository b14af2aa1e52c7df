"""CIFAR-10 photographs with 20 layers of residual blocks.

89.2 % of the test part are classified correctly after 16 epochs.

Commands:
    zoo train resnet20
    zoo train resnet20 residual=False
    zoo train resnet20 blocks=9 epochs=200 schedule=step
    zoo train resnet20 data=folder:pictures flip=False
"""

import keras

from zoo import datasets, resnet20
from zoo.layers.augmentation import shift_and_flip
from zoo.recipe import Count, Fraction, Recipe, Target


def build(
    contract,
    optimizer,
    blocks: Count = 3,
    residual: bool = True,
    shift: Fraction = 0.125,
    flip: bool = True,
):
    # As in the paper: shifts of up to four of 32 pixels, and mirror images.
    augmentation = shift_and_flip(shift, flip)
    model = resnet20(contract["image"].shape, len(contract.classes), blocks, residual, augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    return {
        # The depths of the paper up to 44; deeper networks learn less in so few epochs.
        "blocks": hp.Choice("blocks", [3, 5, 7], default=3),
        # With batch normalisation and a warm-up even 0.4 is stable; the paper has 0.1.
        "learning_rate": hp.Float("learning_rate", 0.02, 0.4, sampling="log", default=0.1),
        # Decoupled: with a momentum of 0.9 it must be ten times the usual L2 penalty of 1e-4 to 5e-4 to be as strong.
        "weight_decay": hp.Float("weight_decay", 5e-4, 2e-2, sampling="log", default=5e-3),
        # Half to twice the paper's 128.
        "batch_size": hp.Choice("batch_size", [64, 128, 256], default=128),
        # In a short run the learning rate should rise and fall; the steps of the paper are for 64,000 updates.
        "schedule": hp.Choice("schedule", ["one_cycle", "cosine", "step"], default="one_cycle"),
    }


recipe = Recipe(
    build=build,
    data=datasets.cifar10,
    space=space,
    fit={
        "epochs": 16,
        "batch_size": 128,
        "optimizer": "nesterov",
        "learning_rate": 0.1,
        "weight_decay": 5e-3,
        "schedule": "one_cycle",
    },
    target=Target("accuracy", at_least=0.83, aim=0.88),
)
