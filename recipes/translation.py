"""German to English with attention, trained on Multi30k: BLEU 28.

Commands:
    zoo train translation
    zoo train translation data=parallel:pairs.tsv epochs=30
    zoo predict translation "Ein Hund rennt durch den Schnee."
"""

from typing import Literal

import keras
import sacrebleu

from zoo import data, seq2seq
from zoo.data.text import Vocabulary
from zoo.models.seq2seq import beam_decoder, decoder_step, encoder, greedy_decoder
from zoo.recipe import Count, Fraction, Positive, Recipe, Target

MAX_LENGTH = 60
BEAM_WIDTH, LENGTH_PENALTY = 5, 1.0


def build(
    contract,
    embedding: Count = 256,
    units: Count = 256,
    cell: Literal["gru", "lstm"] = "gru",
    attention: Literal["additive", "dot"] | None = "dot",
    bidirectional: bool = True,
    dropout: Fraction = 0.3,
    learning_rate: Positive = 2e-3,
):
    tokens = [len(contract[name].vocabulary) for name in ("source", "target")]
    model = seq2seq(*tokens, embedding, units, cell, attention, bidirectional, dropout, name="translation")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0),
    )
    return model


def space(hp):
    return {
        "units": hp.Int("units", 128, 512, step=128),
        "dropout": hp.Float("dropout", 0.1, 0.5, step=0.1),
        "learning_rate": hp.Float("learning_rate", 3e-4, 3e-3, sampling="log"),
    }


def endpoints(model):
    beam = beam_decoder(model, BEAM_WIDTH, LENGTH_PENALTY, MAX_LENGTH)
    return {
        "serving_default": beam,
        "greedy": greedy_decoder(model, MAX_LENGTH),
        "beam": beam,
        "encode": encoder(model),
        "decode_step": decoder_step(model),
    }


def measure(answers, part, contract):
    vocabulary = Vocabulary(contract.answer_vocabulary)
    best = [vocabulary.decode(row) for row in answers["tokens"][:, 0]]
    return {"bleu": sacrebleu.corpus_bleu(best, [part.references]).score}


recipe = Recipe(
    build=build,
    data=data.parallel,
    endpoints=endpoints,
    measure=measure,
    space=space,
    fit={"epochs": 22, "batch_size": 64, "schedule": "cosine"},
    target=Target("bleu", at_least=25, aim=30),
)
