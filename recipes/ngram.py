"""The next character from the five before it, by counting.

The test part costs 1.53 nats a character.

Commands:
    zoo train ngram
    zoo train ngram data=ptb order=5 sentences=True capacity=750000 --folder ptb
    zoo train ngram data=text:poems.txt smoothing=add_k k=0.1 --folder poems
    zoo predict ngram "ROMEO:" length=400 temperature=0.8 seed=1
"""

from typing import Literal

import keras

from zoo import datasets, ngram
from zoo.data.language import text_of, writing_fields
from zoo.data.ngrams import count, tables_of
from zoo.layers.token_sampler import writing_endpoints
from zoo.models.ngram import negative_mean, step
from zoo.recipe import Count, Positive, Recipe, Target

LINE_BREAK = "\n"


def build(
    contract,
    order: Count = 6,
    smoothing: Literal["kneser_ney", "add_k", "none"] = "kneser_ney",
    k: Positive = 0.01,
    capacity: Count = 260_000,
    sentences: bool = False,
):
    pieces = contract["tokens"].vocabulary
    barrier = pieces.index(LINE_BREAK) if sentences and LINE_BREAK in pieces else None
    model = ngram(len(pieces), order, capacity, barrier)
    model.compile(loss=negative_mean)
    # What counting needs to know; no weight depends on it.
    model.counting = {"smoothing": smoothing, "k": k}
    return model


def adapt(model, part):
    tables = model.get_layer("tables")
    counted = count(text_of(part), tables.vocabulary_size, tables.order, barrier=tables.barrier, never=range(4), **model.counting)
    tables.fill(counted.unigrams, counted.tables)


def endpoints(model):
    return writing_endpoints(step(model))


def fields(contract):
    return writing_fields(contract["tokens"])


def estimate(model, part, contract):
    layer = model.get_layer("tables")
    arrays = [{name: keras.ops.convert_to_numpy(weight) for name, weight in table.items()} for table in layer.tables]
    tables = tables_of(keras.ops.convert_to_numpy(layer.unigrams), arrays)
    return tables.sparsity(text_of(part), layer.barrier)


def likelihoods(model, part):
    return keras.ops.convert_to_numpy(model(text_of(part)[None].astype("int32")))[0, 1:]


def space(hp):
    return {
        # Of a million characters, more than six in a row are hardly ever seen again; there is no room for them either.
        "order": hp.Int("order", 2, 6, default=6),
        # Without smoothing whatever was never seen is impossible; add-k is there to be compared with.
        "smoothing": hp.Choice("smoothing", ["kneser_ney", "add_k"], default="kneser_ney"),
        # Of add-k: a whole count more takes most of the probability away from what was seen.
        "k": hp.Float("k", 1e-4, 1.0, sampling="log", default=0.01),
    }


recipe = Recipe(
    build=build,
    data=datasets.tiny_shakespeare,
    adapt=adapt,
    endpoints=endpoints,
    fields=fields,
    estimate=estimate,
    log_likelihoods=likelihoods,
    space=space,
    prompt="\n",
    fit={"epochs": 1, "batch_size": 32},
    target=Target("nats", at_most=1.55, monitor="loss"),
)
