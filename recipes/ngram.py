"""The next character from the five before it, by counting.

Commands:
    zoo train ngram
    zoo train ngram data=ptb order=5 sentences=True capacity=750000 --folder ptb
    zoo train ngram data=text:poems.txt smoothing=add_k k=0.1 --folder poems
    zoo predict ngram "ROMEO:" length=400 temperature=0.8 seed=1
"""

from typing import Literal

import keras

from zoo import datasets, ngram
from zoo.data.language import text_of
from zoo.data.ngrams import count
from zoo.errors import UsageError
from zoo.models.ngram import negative_mean, sampler, step
from zoo.recipe import Count, Positive, Recipe, Target
from zoo.writing import writing_endpoints, writing_fields, written

LINE_BREAK = "\n"


def build(
    contract,
    order: Count = 6,
    smoothing: Literal["kneser_ney", "add_k", "none"] = "kneser_ney",
    k: Positive = 0.01,
    capacity: Count = 256_000,
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
    needed = max((len(table.tokens) for table in counted.tables), default=0)
    if needed > tables.capacity:
        raise UsageError(
            f"the text has {needed:,} different n-grams of one length, more than the {tables.capacity:,} there is room for; "
            f"give capacity={needed}."
        )
    tables.fill(counted.unigrams, counted.tables)


def endpoints(model):
    return writing_endpoints(step(model))


def fields(contract):
    return writing_fields(contract["tokens"])


def sample(model, contract):
    return written(sampler(model), LINE_BREAK, contract["tokens"])


def likelihoods(model, part):
    return keras.ops.convert_to_numpy(model(text_of(part)[None].astype("int32")))[0, 1:]


recipe = Recipe(
    build=build,
    data=datasets.tiny_shakespeare,
    adapt=adapt,
    endpoints=endpoints,
    fields=fields,
    log_likelihoods=likelihoods,
    sample=sample,
    fit={"epochs": 1, "batch_size": 32},
    target=Target("nats", at_most=1.70, monitor="loss"),
)
