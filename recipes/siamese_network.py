"""MNIST digits in pairs, the same or not: 99.3 %.

Commands:
    zoo train siamese_network
    zoo train siamese_network loss=sum_of_distances
    zoo train siamese_network data=digits epochs=20
"""

from typing import Literal

import numpy as np

from zoo import datasets, siamese_network
from zoo.data.forms import pairs
from zoo.data.kinds.label import of_classes
from zoo.layers.augmentation import shift_and_rotate
from zoo.losses import contrastive_loss, sum_of_distances
from zoo.models.siamese_network import embedder, matcher
from zoo.recipe import Count, Fraction, NonNegative, Recipe, Target

# With a margin of 1, which is but the unit of the distances, pairs nearer than a half are the same.
LOSSES = {"contrastive": contrastive_loss, "sum_of_distances": sum_of_distances}


def build(
    contract,
    optimizer,
    filters: tuple[Count, ...] = (16, 32),
    units: Count = 128,
    embedding: Count = 64,
    dropout: Fraction = 0.0,
    loss: Literal["contrastive", "sum_of_distances"] = "contrastive",
    shift: Fraction = 0.08,
    rotation: NonNegative = 0.02,
):
    # Small enough that a 4 is not a 9 and a 6 not a 9: two pixels, and seven degrees.
    augmentation = shift_and_rotate(shift, rotation)
    # The deck's loss rewards distance without a bound, so that embeddings need one.
    normalize = loss == "sum_of_distances"
    model = siamese_network(contract["image_a"].shape, filters, units, embedding, dropout, normalize, augmentation)
    model.compile(optimizer=optimizer, loss=LOSSES[loss])
    return model


def prepare(data):
    """Sets of classified images become pairs."""
    return data if "image_a" in data.contract.inputs else pairs(data)


def endpoints(model):
    return {"serving_default": matcher(model), "embed": embedder(model)}


def fields(contract):
    return {"image": contract["image_a"], "same": of_classes(("different", "same"))}


def measure(answers, part, contract):
    return {"accuracy": np.mean(answers["same"] == part.targets)}


def space(hp):
    first = hp.Int("filters/first", 8, 32, step=8, default=16)
    return {
        # Half to twice ours; the second convolution has twice the filters of the first, as its images are a quarter.
        "filters": (first, 2 * first),
        # Two dimensions can be drawn and hold ten digits badly; beyond 64 nothing is gained.
        "embedding": hp.Choice("embedding", [2, 8, 16, 32, 64, 128], default=64),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
        # A decade on both sides of Adam's own 1e-3 holds the best rate of nearly every network of this size.
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
        "batch_size": hp.Choice("batch_size", [100, 200, 400], default=200),
        # A falling rate wins almost always; where it does not, the run is too short.
        "schedule": hp.Choice("schedule", ["cosine", "constant"], default="cosine"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist_pairs,
    prepare=prepare,
    endpoints=endpoints,
    fields=fields,
    measure=measure,
    space=space,
    fit={"epochs": 20, "batch_size": 200, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.975, aim=0.992),
)
