"""Text, character by character, with two GRU layers that carry their state from batch to batch.

Commands:
    zoo train char_rnn
    zoo train char_rnn data=stdlib
    zoo train char_rnn data=text:poems.txt epochs=40 --folder poems
    zoo predict char_rnn "ROMEO:" length=400 temperature=0.8 top_k=20 seed=1
"""

import math
from typing import Literal

import keras

from zoo import char_rnn, datasets
from zoo.data.language import cross_entropy, writing_fields, written
from zoo.models.char_rnn import reader, sampler
from zoo.recipe import Count, Fraction, Recipe, Target


def build(
    contract,
    optimizer,
    batch_size,
    embedding: Count | None = 64,
    units: tuple[Count, ...] = (512, 512),
    cell: Literal["tanh", "gru", "lstm"] = "gru",
    dropout: Fraction = 0.4,
):
    model = char_rnn(len(contract["tokens"].vocabulary), embedding, units, cell, dropout, batch_size)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
    )
    return model


def endpoints(model):
    return {"serving_default": sampler(model), "next": model}


def fields(contract):
    return writing_fields(contract["tokens"])


def sample(model, contract):
    return written(sampler(model), "\n", contract["tokens"])


def estimate(model, part, contract):
    nats = cross_entropy(reader(model), part)
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats)}


recipe = Recipe(
    build=build,
    data=datasets.tiny_shakespeare,
    endpoints=endpoints,
    fields=fields,
    estimate=estimate,
    sample=sample,
    fit={"epochs": 16, "batch_size": 32, "learning_rate": 2e-3, "global_clipnorm": 5.0, "schedule": "cosine"},
    target=Target("nats", at_most=1.50, aim=1.44, monitor="loss"),
)
