"""The next character from the six before it, by counting.

Commands:
    zoo train ngram
    zoo train ngram data=ptb order=5 sentences=true capacity=750000 --folder ptb
    zoo train ngram data=text:poems.txt smoothing=add_k k=0.1 --folder poems
    zoo predict ngram "ROMEO:" length=400 temperature=0.8 seed=1
"""

import math
from typing import Literal

import keras
import numpy as np

from zoo import datasets, ngram
from zoo.data.contract import Field
from zoo.data.ngrams import count
from zoo.models.ngram import negative_mean, sampler
from zoo.recipe import Count, Positive, Recipe, Target

LONGEST_ANSWER, LARGEST_SEED = 10_000, 1_000_000
LINE_BREAK = "\n"


def build(
    contract,
    order: Count = 7,
    smoothing: Literal["kneser_ney", "add_k", "none"] = "kneser_ney",
    k: Positive = 0.01,
    capacity: Count = 300_000,
    sentences: bool = False,
):
    pieces = contract["tokens"].vocabulary
    barrier = pieces.index(LINE_BREAK) if sentences and LINE_BREAK in pieces else None
    model = ngram(len(pieces), order, capacity, barrier)
    model.compile(loss=negative_mean)
    # What counting needs to know; no weight depends on it.
    model.counting = {"smoothing": smoothing, "k": k}
    return model


def text_of(part):
    """The token numbers of a part in one piece."""
    following = part.targets[part.targets != 0]
    return np.concatenate([part.inputs["tokens"].ravel()[:1], following]).astype("int64")


def adapt(model, part):
    tables = model.get_layer("tables")
    counted = count(text_of(part), tables.vocabulary_size, tables.order, barrier=tables.barrier, never=range(4), **model.counting)
    tables.fill(counted.unigrams, counted.tables)


def endpoints(model):
    return {"serving_default": sampler(model)}


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
    text = text_of(part).astype("int32")
    log_probabilities = keras.ops.convert_to_numpy(model(text[None]))[0, 1:]
    nats = -float(np.mean(log_probabilities, dtype="float64"))
    return {"nats": nats, "bits": nats / math.log(2), "perplexity": math.exp(nats)}


recipe = Recipe(
    build=build,
    data=datasets.tiny_shakespeare,
    adapt=adapt,
    endpoints=endpoints,
    fields=fields,
    estimate=estimate,
    fit={"epochs": 1, "batch_size": 32},
    target=Target("nats", at_most=1.60, monitor="loss"),
)
