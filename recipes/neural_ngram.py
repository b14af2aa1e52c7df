"""The Wall Street Journal, word by word, from the four words before: a window, a hidden layer and nothing recurrent.

Commands:
    zoo train neural_ngram
    zoo train neural_ngram order=3 direct=True --folder direct
    zoo train neural_ngram data=text:poems.txt level=words minimum_count=2 --folder poems
    zoo predict neural_ngram "the company said" length=40 temperature=0.8 seed=1
"""

import keras

from zoo import datasets, neural_ngram
from zoo.data.language import log_likelihoods, writing_fields
from zoo.layers.token_sampler import writing_endpoints
from zoo.models.neural_ngram import reader, step
from zoo.recipe import Count, Fraction, Recipe, Target


def build(
    contract,
    optimizer,
    order: Count = 5,
    embedding: Count = 100,
    units: Count = 200,
    dropout: Fraction = 0.3,
    direct: bool = False,
):
    model = neural_ngram(len(contract["tokens"].vocabulary), order, embedding, units, dropout, direct)
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
    return {
        # A fifth word before helps little; two words fewer cost ten points of perplexity.
        "order": hp.Int("order", 3, 7, default=5),
        # Bengio et al. have vectors of 30 to 100 and hidden layers of 50 to 200.
        "embedding": hp.Choice("embedding", [50, 100, 200], default=100),
        "units": hp.Choice("units", [100, 200, 400], default=200),
        # A million words are soon memorised: without dropout the second epoch is the best.
        "dropout": hp.Float("dropout", 0.0, 0.6, step=0.1, default=0.3),
        # Adam's usual range; 3e-3 diverges with a vocabulary of ten thousand.
        "learning_rate": hp.Float("learning_rate", 2e-4, 2e-3, sampling="log", default=1e-3),
        "batch_size": hp.Choice("batch_size", [10, 20, 40], default=20),
    }


recipe = Recipe(
    build=build,
    data=datasets.ptb,
    endpoints=endpoints,
    fields=fields,
    log_likelihoods=likelihoods,
    prompt="\n",
    space=space,
    fit={"epochs": 3, "batch_size": 20, "learning_rate": 1e-3, "schedule": "cosine"},
    target=Target("perplexity", at_most=150.0, aim=138.0, monitor="loss"),
)
