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
from zoo.data.contract import Field
from zoo.data.language import cross_entropy
from zoo.models.char_rnn import reader, sampler
from zoo.recipe import Count, Fraction, Recipe, Target

LONGEST_ANSWER, LARGEST_SEED = 10_000, 1_000_000


def build(
    contract,
    optimizer,
    batch_size,
    embedding: Count | None = 64,
    units: tuple[Count, ...] = (512, 512),
    cell: Literal["rnn", "gru", "lstm"] = "gru",
    dropout: Fraction = 0.3,
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
    text = contract["tokens"]
    return {
        "prompt": text,
        "length": Field("int32", (), 1, LONGEST_ANSWER, batched=False, default=200),
        "temperature": Field("float32", (), 0.01, 100.0, batched=False, default=0.8),
        "top_k": Field("int32", (), 0, len(text.vocabulary), batched=False, default=0),
        "seed": Field("int32", (), 0, LARGEST_SEED, batched=False, default=0),
    }


def estimate(model, part, contract):
    nats = cross_entropy(reader(model), part)
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats)}


recipe = Recipe(
    build=build,
    data=datasets.tiny_shakespeare,
    endpoints=endpoints,
    fields=fields,
    estimate=estimate,
    fit={"epochs": 12, "batch_size": 32, "learning_rate": 4e-3, "global_clipnorm": 5.0, "schedule": "cosine"},
    target=Target("nats", at_most=1.50, aim=1.44, monitor="loss"),
)
