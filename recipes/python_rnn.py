"""Python, character by character: the source code of its standard library.

The test part costs 1.24 nats a character after 7 epochs.

Commands:
    zoo train python_rnn
    zoo train python_rnn data=text:src --folder mine
    zoo predict python_rnn "def " length=400 temperature=0.6 seed=1
"""

from typing import Literal

import keras

from zoo import char_rnn, datasets
from zoo.data.language import log_likelihoods, writing_fields
from zoo.layers.token_sampler import writing_endpoints
from zoo.models.char_rnn import reader, step
from zoo.recipe import Count, Fraction, Recipe, Target


def build(
    contract,
    optimizer,
    batch_size,
    embedding: Count | None = 64,
    units: tuple[Count, ...] = (256, 256),
    cell: Literal["tanh", "gru", "lstm"] = "gru",
    dropout: Fraction = 0.2,
    tied: bool = False,
):
    model = char_rnn(len(contract["tokens"].vocabulary), embedding, units, cell, dropout, tied, batch_size, name="python_rnn")
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
    )
    return model


def endpoints(model):
    return writing_endpoints(step(model))


def fields(contract):
    return writing_fields(contract["tokens"])


def likelihoods(model, part):
    return log_likelihoods(reader(model), part)


def space(hp):
    width = hp.Choice("units/width", [128, 256, 512], default=256)
    return {
        # Each doubling of the width lowers the loss and takes three times as long; a third layer helps little.
        "units": (width,) * hp.Int("units/layers", 1, 3, default=2),
        "cell": hp.Choice("cell", ["gru", "lstm"], default="gru"),
        # A million characters are soon memorised: from 256 units on, little dropout only overfits.
        "dropout": hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.2),
        # Recurrent layers diverge above 1e-2 even with clipped gradients, and learn too slowly below 5e-4.
        "learning_rate": hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=4e-3),
        "batch_size": hp.Choice("batch_size", [16, 32, 64], default=32),
    }


recipe = Recipe(
    build=build,
    data=datasets.stdlib,
    endpoints=endpoints,
    fields=fields,
    log_likelihoods=likelihoods,
    prompt="\n",
    space=space,
    fit={"epochs": 7, "batch_size": 32, "learning_rate": 4e-3, "global_clipnorm": 5.0, "schedule": "cosine"},
    target=Target("nats", at_most=1.30, aim=1.15, monitor="loss"),
)
