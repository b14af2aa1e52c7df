"""Dates as people write them into ISO form, character by character: 99.95 % exact.

Commands:
    zoo train seq2seq
    zoo train seq2seq attention=None units=256
    zoo predict seq2seq "Samstag, 21. November 2026"
"""

import functools
from typing import Literal

import keras
import numpy as np

from zoo import data, seq2seq
from zoo.data.text import Vocabulary
from zoo.models.seq2seq import greedy_decoder
from zoo.recipe import Count, Fraction, Positive, Recipe, Target

MAX_LENGTH = 24  # an ISO date has 11 tokens, the end one included; other pairs may be longer


def build(
    contract,
    embedding: Count = 64,
    units: Count = 128,
    cell: Literal["gru", "lstm"] = "gru",
    attention: Literal["additive", "dot"] | None = "additive",
    bidirectional: bool = True,
    dropout: Fraction = 0.0,
    learning_rate: Positive = 2e-3,
):
    tokens = [len(contract[name].vocabulary) for name in ("source", "target")]
    model = seq2seq(*tokens, embedding, units, cell, attention, bidirectional, dropout)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
    )
    return model


def space(hp):
    return {
        "units": hp.Int("units", 64, 256, step=64),
        "attention": hp.Choice("attention", ["additive", "dot"]),
        "learning_rate": hp.Float("learning_rate", 5e-4, 5e-3, sampling="log"),
    }


def measure(model, part, contract):
    answers = translate(model, part.inputs["source"], contract)
    return {"exact": float(np.mean([answer == right for answer, right in zip(answers, part.references)]))}


def respond(model, inputs, contract):
    return {"text": translate(model, inputs["source"], contract)}


def translate(model, source, contract):
    """The texts that the greedy decoder makes of `source` (batch, time)."""
    tokens = decoder_of(model).predict(source, batch_size=500, verbose=0)["tokens"]
    vocabulary = Vocabulary(contract["target"].vocabulary)
    return [vocabulary.decode(row) for row in tokens]


@functools.lru_cache(maxsize=1)
def decoder_of(model):
    return greedy_decoder(model, MAX_LENGTH)


recipe = Recipe(
    build=build,
    data=data.dates,
    measure=measure,
    space=space,
    respond=respond,
    fit={"epochs": 30, "batch_size": 100, "schedule": "cosine"},
    target=Target("exact", at_least=0.999, aim=0.9999),
)
