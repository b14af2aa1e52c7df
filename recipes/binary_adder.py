"""Sums of binary numbers, learned from numbers of 8 bits and asked of numbers of 400.

All sums of the test part, and all of 1 000 pairs of 1 000 bits, are right after 5 epochs.

Commands:
    zoo train binary_adder
    zoo train binary_adder test_length=1000
    zoo train binary_adder length=4 units=8
"""

import keras
import numpy as np

from zoo import binary_adder, datasets
from zoo.models.binary_adder import adder
from zoo.recipe import Count, Recipe, Target


def build(optimizer, units: Count = 16):
    model = binary_adder(units)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],  # of single bits
    )
    return model


def endpoints(model):
    return {"serving_default": adder(model)}


def fields(contract):
    return {"sum": contract["a"]}


def measure(answers, part, contract):
    """The share of sums that are right in every bit."""
    return {"exact": np.mean((answers["sum"] == part.targets).all(axis=1))}


def space(hp):
    return {
        # Three units are enough for a carry and two digits to be told apart; more find a solution more often.
        "units": hp.Int("units", 4, 32, step=4, default=16),
        "learning_rate": hp.Float("learning_rate", 1e-3, 3e-2, sampling="log", default=1e-2),
        "batch_size": hp.Choice("batch_size", [25, 50, 100], default=50),
        # The last steps sharpen the decisions, which keeps hundreds of carries from drifting.
        "schedule": hp.Choice("schedule", ["cosine", "constant"], default="cosine"),
    }


recipe = Recipe(
    build=build,
    data=datasets.addition,
    endpoints=endpoints,
    fields=fields,
    measure=measure,
    space=space,
    fit={"epochs": 5, "batch_size": 50, "learning_rate": 1e-2, "global_clipnorm": 1.0, "schedule": "cosine"},
    target=Target("exact", at_least=1.0),
)
