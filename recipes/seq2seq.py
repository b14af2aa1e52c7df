"""Dates as people write them into ISO form, character by character: 99.95 % exact.

Commands:
    zoo train seq2seq
    zoo train seq2seq attention=None units=256
    zoo predict seq2seq "Samstag, 21. November 2026"
"""

from typing import Literal

import keras
import numpy as np

from zoo import data, seq2seq
from zoo.data.text import Vocabulary
from zoo.models.seq2seq import beam_decoder, decoder_step, encoder, greedy_decoder
from zoo.recipe import Count, Fraction, Positive, Recipe, Target

MAX_LENGTH = 24  # an ISO date has 11 tokens, the end one included; other pairs may be longer
BEAM_WIDTH, LENGTH_PENALTY = 5, 1.0


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


def endpoints(model):
    greedy = greedy_decoder(model, MAX_LENGTH)
    return {
        "serving_default": greedy,
        "greedy": greedy,
        "beam": beam_decoder(model, BEAM_WIDTH, LENGTH_PENALTY, MAX_LENGTH),
        "encode": encoder(model),
        "decode_step": decoder_step(model),
    }


def measure(answers, part, contract):
    vocabulary = Vocabulary(contract.answer_vocabulary)
    texts = [vocabulary.decode(row) for row in answers["tokens"]]
    return {"exact": float(np.mean([text == right for text, right in zip(texts, part.references)]))}


recipe = Recipe(
    build=build,
    data=data.dates,
    endpoints=endpoints,
    measure=measure,
    space=space,
    fit={"epochs": 30, "batch_size": 100, "schedule": "cosine"},
    target=Target("exact", at_least=0.999, aim=0.9999),
)
