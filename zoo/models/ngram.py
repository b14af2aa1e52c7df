"""An n-gram language model: counts of n tokens that follow each other, and the next token from the n - 1 before it.

Nothing is trained: the text is counted once, before the first epoch, and counts that were never seen are smoothed.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", n-gram Language Models, Problems with n-gram Language Models; Chen &
Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling" (interpolated, modified Kneser-Ney smoothing).
"""

import keras
from keras import layers, ops

from zoo.layers.ngram_tables import NgramStep, NgramTables


def ngram(
    vocabulary_size: int = 69,
    order: int = 5,
    capacity: int = 250_000,
    barrier: int | None = None,
    name: str = "ngram",
) -> keras.Model:
    """Builds the network with empty tables: 3,500,211 numbers by default.

    `zoo.data.ngrams.count` makes the tables of a text, and `fill` of the layer takes them over.

    Args:
        vocabulary_size: Number of tokens, with the four special ones.
        order: n, at least 1.
        capacity: How many n-grams there can be of each length from 2 to n.
        barrier: The token that no context reaches beyond, such as the line break between sentences, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `tokens` (batch, time) int32 to `log_probabilities` (batch, time): of each token after
        those before it. Its loss is their negative mean.

    Raises:
        ValueError: If `order` or `capacity` is smaller than 1.

    Example:
        >>> ngram(8, order=2, capacity=20).count_params()  # 8 + 20 tokens + 9 beginnings + 20 shares + 8 rests
        65
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    log_probabilities = NgramTables(vocabulary_size, order, capacity, barrier, name="tables")(tokens)
    outputs = layers.Activation("linear", dtype="float32", name="log_probabilities")(log_probabilities)
    return keras.Model(tokens, outputs, name=name)


def step(model: keras.Model) -> keras.Model:
    """One token with the state as an input and an output, sharing the tables of `model`.

    Args:
        model: A model from `ngram`.

    Returns:
        A `keras.Model` from [`token` (batch,), `ids` (batch, order - 1), at least one wide] to {`logits`: (batch, vocabulary),
        the logarithms of the probabilities of the token that follows; `next_ids`}.

    Example:
        >>> sorted(step(ngram(8, 3, 20)).output)
        ['logits', 'next_ids']
    """
    tables = model.get_layer("tables")
    token = keras.Input((), dtype="int32", name="token")
    ids = keras.Input((max(tables.order - 1, 1),), dtype="int32", name="ids")
    logits, following = NgramStep(tables, name="following")(token, ids)
    return keras.Model([token, ids], {"logits": logits, "next_ids": following}, name="step")


def negative_mean(targets, log_probabilities):
    """The loss: minus the mean of the logarithms, over all places but padding, where they are 0.

    Args:
        targets: Not looked at.
        log_probabilities: `(batch, time)`.

    Returns:
        A number of nats a token.
    """
    count = ops.maximum(ops.sum(ops.cast(log_probabilities != 0, "float32")), 1.0)
    return -ops.sum(log_probabilities) / count
