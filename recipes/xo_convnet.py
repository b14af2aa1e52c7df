"""X's and O's with three given filters and three trained ones.

All of the test part is classified correctly after 40 epochs.

Commands:
    zoo train xo_convnet
    zoo train xo_convnet trainable_filters=True
"""

import keras

from zoo import datasets, xo_convnet
from zoo.recipe import Count, Recipe, Target


def build(contract, optimizer, filters: Count = 3, trainable_filters: bool = False):
    model = xo_convnet(contract["image"].shape, len(contract.classes), filters, trainable_filters)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    return {
        # Three filters give twelve votes, as in the slides; eight were not better.
        "filters": hp.Int("filters", 2, 8, default=3),
        # The given filters, or trained ones that start from them.
        "trainable_filters": hp.Boolean("trainable_filters", default=False),
        # A hundred weights tolerate a high rate; below 1e-3 the run is too short.
        "learning_rate": hp.Float("learning_rate", 1e-3, 1e-1, sampling="log", default=2e-2),
    }


recipe = Recipe(
    build=build,
    data=datasets.xo,
    space=space,
    fit={"epochs": 40, "batch_size": 50, "learning_rate": 2e-2, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.99, aim=1.0),
)
