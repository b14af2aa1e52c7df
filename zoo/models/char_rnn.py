"""A recurrent network that reads text and predicts the token that follows, at every place.

Each token becomes a vector, a stack of recurrent layers reads them, and a linear layer scores every token of the vocabulary as
the next one. Sampled again and again, it writes.

Source: Dibeklioğlu 2025, GE 461 "Deep Learning", the character-level language model ("hello"); "Deep Learning: Recurrent
Networks", lecture of 26 February 2018; Karpathy 2015, "The Unreasonable Effectiveness of Recurrent Neural Networks"; dropout
between the layers only, as Zaremba, Sutskever & Vinyals 2014, "Recurrent Neural Network Regularization".
"""

from typing import Literal

import keras
from keras import layers

from zoo.layers.carried import CarriedState
from zoo.layers.one_hot import OneHot

CELLS = {"tanh": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}


def char_rnn(
    vocabulary_size: int = 69,
    embedding: int | None = 64,
    units: tuple[int, ...] = (256, 256),
    cell: Literal["tanh", "gru", "lstm"] = "gru",
    dropout: float = 0.0,
    tied: bool = False,
    batch_size: int | None = None,
    name: str = "char_rnn",
) -> keras.Model:
    """Builds the network: 664,197 weights by default.

    Args:
        vocabulary_size: Number of tokens, with the four special ones.
        embedding: Width of the vector of a token; None for one-hot vectors.
        units: Width of each recurrent layer, bottom to top.
        cell: "tanh" (a simple recurrent layer), "gru" or "lstm".
        dropout: Fraction of the vectors, and of each layer's outputs, dropped in training; what a layer hands to itself in the
            next step is never dropped.
        tied: Whether the vectors of the tokens are also what scores them (Press & Wolf 2017, "Using the Output Embedding to
            Improve Language Models"): fewer weights, which generalise better where the vocabulary is large.
        batch_size: Number of rows of a training batch, each of which goes on where it stopped in the batch before; None to begin
            every batch with a state of zeros, as outside training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `tokens` (batch, time) int32 to `logits` (batch, time, vocabulary_size).

    Raises:
        ValueError: If `units` is empty, there is no such cell, or `tied` and the last width is not that of the vectors.

    Example:
        >>> char_rnn(8, embedding=None, units=(3,), cell="tanh").output_shape
        (None, None, 8)
    """
    if not units:
        raise ValueError("`units` of char_rnn must have at least one number, the width of a recurrent layer, got none.")
    if cell not in CELLS:
        raise ValueError(f'`cell` of char_rnn must be "tanh", "gru" or "lstm", got {cell!r}.')
    if tied and units[-1] != embedding:
        raise ValueError(f"with `tied`, the last of `units` must be `embedding`, got {units[-1]} and {embedding}.")
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    if embedding is None:
        vectors = OneHot(vocabulary_size, name="embedding")
    else:
        vectors = (layers.ReversibleEmbedding if tied else layers.Embedding)(vocabulary_size, embedding, name="embedding")
    x = vectors(tokens)
    for index, width in enumerate(units, start=1):
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{index}")(x)
        rnn = CELLS[cell](width, return_sequences=True, return_state=True, name=f"{cell}{index}")
        x = CarriedState(rnn, batch_size, name=f"carried{index}")(x)
    if dropout:
        x = layers.Dropout(dropout, name=f"dropout{len(units) + 1}")(x)
    if tied:
        head = layers.Activation("linear", dtype="float32", name="logits")
    else:
        head = layers.Dense(vocabulary_size, dtype="float32", name="logits")
    return keras.Model(tokens, _scores(vectors, head, x), name=name)


def step(model: keras.Model) -> keras.Model:
    """One time step with the state as an input and an output, sharing the weights of `model`, without dropout.

    Args:
        model: A model from `char_rnn`.

    Returns:
        A `keras.Model` from [`token` (batch,), `state1`, `state2`, ... (batch, units)], of which an LSTM has two for each layer,
        to {`logits`: (batch, vocabulary); `next_state1`, `next_state2`, ...}.

    Example:
        >>> sorted(step(char_rnn(8, 4, (3, 2))).output)
        ['logits', 'next_state1', 'next_state2']
    """
    token = keras.Input((), dtype="int32", name="token")
    x, states, following = model.get_layer("embedding")(token), [], []
    for index, layer in enumerate(carried_layers(model), start=1):
        own = _states_of(layer, first=len(states) + 1)
        # Cells have the same name in every layer, which a model does not allow.
        x, new = layers.StackedRNNCells([layer.rnn.cell], name=f"cell{index}")(x, [own])
        states, following = states + own, following + keras.tree.flatten(new)
    outputs = {f"next_{state.name}": new for state, new in zip(states, following)}
    return keras.Model([token, *states], {"logits": _logits(model, x), **outputs}, name="step")


def reader(model: keras.Model) -> keras.Model:
    """The whole network with the state as an input and an output, for long texts that are read piece by piece.

    It shares the weights of `model`, without dropout.

    Args:
        model: A model from `char_rnn`.

    Returns:
        A `keras.Model` from [`tokens` (batch, time), `state1`, ...] to {`logits`: (batch, time, vocabulary); `next_state1`, ...}.

    Example:
        >>> reader(char_rnn(8, 4, (3,))).output["logits"].shape
        (None, None, 8)
    """
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x, states, following = model.get_layer("embedding")(tokens), [], []
    for layer in carried_layers(model):
        own = _states_of(layer, first=len(states) + 1)
        x, *new = layer.rnn(x, initial_state=own)
        states, following = states + own, following + new
    outputs = {f"next_{state.name}": new for state, new in zip(states, following)}
    return keras.Model([tokens, *states], {"logits": _logits(model, x), **outputs}, name="reader")


def carried_layers(model):
    """The recurrent layers, each in its `CarriedState`, bottom to top."""
    return [layer for layer in model.layers if isinstance(layer, CarriedState)]


def _states_of(layer, first):
    """An input for each state of a recurrent layer, numbered from `first`."""
    sizes = keras.tree.flatten(layer.rnn.state_size)
    return [keras.Input((size,), name=f"state{index}") for index, size in enumerate(sizes, start=first)]


def _logits(model, x):
    """The score of every token after what the recurrent layers made of a text."""
    return _scores(model.get_layer("embedding"), model.get_layer("logits"), x)


def _scores(vectors, head, x):
    return head(vectors(x, reverse=True) if isinstance(vectors, layers.ReversibleEmbedding) else x)
