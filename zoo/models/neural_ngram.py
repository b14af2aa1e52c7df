"""A network that predicts the next word from the n - 1 words before it.

The vectors of these words, one after the other, go through one hidden layer to a score for every word of the vocabulary. What
was learned of one word thus helps with words of similar vectors, which counts of n-grams do not; but no more words are seen.

Source: Bengio, Ducharme, Vincent & Jauvin 2003, "A Neural Probabilistic Language Model"; Payberah 2018, "Deep Learning for Poets
(Part IV)", Can We Build a Neural Language Model?; Kwak 2016, "Introduction to CNNs and RNNs".
"""

import keras
from keras import layers, ops

from zoo.layers.token_context import TokenContext
from zoo.layers.token_sampler import sampler as token_sampler


def neural_ngram(
    vocabulary_size: int = 10_005,
    order: int = 5,
    embedding: int = 100,
    units: int = 200,
    dropout: float = 0.0,
    direct: bool = False,
    name: str = "neural_ngram",
) -> keras.Model:
    """Builds the network: 3,091,705 weights by default.

    Args:
        vocabulary_size: Number of words, with the four special tokens.
        order: n, at least 2: it sees n - 1 words.
        embedding: Width of the vector of a word.
        units: Width of the hidden layer of tanh units.
        dropout: Fraction of the vectors' numbers, and of the hidden units, dropped in training.
        direct: Whether the vectors are also connected to the scores directly, as in the paper.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `tokens` (batch, time) int32 to `logits` (batch, time, vocabulary_size). Before the first
        token there is padding, token 0.

    Raises:
        ValueError: If `order` is smaller than 2.

    Example:
        >>> neural_ngram(50, order=3, embedding=4, units=6).output_shape
        (None, None, 50)
    """
    if order < 2:
        raise ValueError(f"`order` of neural_ngram must be at least 2, got {order}.")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    context = TokenContext(order - 1, name="context")(tokens)  # (batch, time, order - 1)
    x = layers.Embedding(vocabulary_size, embedding, name="embedding")(context)
    x = layers.Reshape((-1, (order - 1) * embedding), name="joined")(x)  # (batch, time, (order - 1) * embedding)
    if dropout:
        x = layers.Dropout(dropout, name="embedding_dropout")(x)
    hidden = layers.Dense(units, activation="tanh", name="hidden")(x)
    if dropout:
        hidden = layers.Dropout(dropout, name="dropout")(hidden)
    logits = layers.Dense(vocabulary_size, dtype="float32", name="logits")(hidden)
    if direct:
        shortcut = layers.Dense(vocabulary_size, use_bias=False, dtype="float32", name="direct")(x)
        logits = layers.Add(dtype="float32", name="scores")([logits, shortcut])
    return keras.Model(tokens, logits, name=name)


def reader(model: keras.Model) -> keras.Model:
    """The whole network with the words before the text as an input, for long texts that are read piece by piece.

    It shares the weights of `model`, without dropout.

    Args:
        model: A model from `neural_ngram`.

    Returns:
        A `keras.Model` from [`tokens` (batch, time), `recent` (batch, order - 2) int32] to {`logits`: (batch, time, vocabulary);
        `next_recent`}. Of an `order` of 2, `recent` is one token wide and does not count.

    Example:
        >>> sorted(reader(neural_ngram(50, 3, 4, 6)).output)
        ['logits', 'next_recent']
    """
    width = _recent_width(model)
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    recent = keras.Input((width,), dtype="int32", name="recent")
    text = ops.concatenate([recent, tokens], axis=1)
    outputs = {"logits": model(text)[:, width:], "next_recent": text[:, -width:]}
    return keras.Model([tokens, recent], outputs, name="reader")


def step(model: keras.Model) -> keras.Model:
    """One word with those before it as an input and an output, sharing the weights of `model`.

    Args:
        model: A model from `neural_ngram`.

    Returns:
        A `keras.Model` from [`token` (batch,), `recent` (batch, order - 2), at least one wide] to {`logits`: (batch, vocabulary);
        `next_recent`}.

    Example:
        >>> step(neural_ngram(50, 3, 4, 6)).output["logits"].shape
        (None, 50)
    """
    token = keras.Input((), dtype="int32", name="token")
    recent = keras.Input((_recent_width(model),), dtype="int32", name="recent")
    text = ops.concatenate([recent, ops.expand_dims(token, 1)], axis=1)  # (batch, order - 1)
    return keras.Model([token, recent], {"logits": model(text)[:, -1], "next_recent": text[:, 1:]}, name="step")


def sampler(model: keras.Model, largest_k: int = 100) -> keras.Model:
    """A writer as one graph, made from a trained model; `zoo.layers.TokenSampler` says how it draws.

    Args:
        model: A model from `neural_ngram`.
        largest_k: The largest `top_k` that can be asked for.

    Returns:
        A `keras.Model` from `tokens` (batch, time), the prompt, and the scalars `length`, `temperature`, `top_k` and `seed` to
        {`continuation`: (batch, length) int32}.
    """
    return token_sampler(step(model), largest_k)


def _recent_width(model):
    return max(model.get_layer("context").size - 1, 1)
