"""MNIST digits in pairs, the same or not, with a siamese network.

99.3 % of the test part are classified correctly after 20 epochs.

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

# The margin is 1, which only sets the unit of the distances: pairs at a distance below 0.5 are the same.
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
    # Two pixels and seven degrees: too little to turn one digit into another.
    augmentation = shift_and_rotate(shift, rotation)
    # The sum of distances rewards distance without bound, so the embeddings need a fixed length.
    normalize = loss == "sum_of_distances"
    model = siamese_network(contract["image_a"].shape, filters, units, embedding, dropout, normalize, augmentation)
    model.compile(optimizer=optimizer, loss=LOSSES[loss])
    return model


def prepare(data):
    """Turns a data set of classified images into pairs."""
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
        # Half to twice the default; the second convolution has twice the filters of the first, for a quarter of the pixels.
        "filters": (first, 2 * first),
        # Two dimensions can be plotted, but are too few for ten digits; more than 64 do not help.
        "embedding": hp.Choice("embedding", [2, 8, 16, 32, 64, 128], default=64),
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.0),
        # The best rate of nearly every network of this size is within a decade of Adam's default, 1e-3.
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
        "batch_size": hp.Choice("batch_size", [100, 200, 400], default=200),
        # A decaying rate is nearly always better; where it is not, the run is too short.
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
