"""A recurrent network that reads a text and tells its class: sequence to vector.

Each token is looked up as a vector, a recurrent layer reads the vectors one after the other, and the largest output of each of
its units, or the output after the last token, goes into a linear head.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", RNN Design Patterns - Sequence-to-Vector (a film review and its
sentiment score); Dibeklioğlu 2025, GE 461 "Deep Learning", Sentiment Classification; Schuster & Paliwal 1997, "Bidirectional
Recurrent Neural Networks"; Lai et al. 2015, "Recurrent Convolutional Neural Networks for Text Classification" (`pooling="max"`).
Departures: a logit for each class, where a score is one number; dropout of whole tokens (Iyyer et al. 2015), of embeddings and of
the head's inputs.

Token indices: 0 is padding, 3 is unknown.
"""

import keras
from keras import layers

from zoo.layers import MaxOverTime, TokenDropout

UNKNOWN = 3


def sentiment_rnn(
    tokens: int,
    num_classes: int = 2,
    embedding: int = 64,
    units: int = 64,
    cell: str = "lstm",
    bidirectional: bool = True,
    pooling: str = "last",
    token_dropout: float = 0.0,
    embedding_dropout: float = 0.0,
    dropout: float = 0.0,
    name: str = "sentiment_rnn",
) -> keras.Model:
    """Builds the network: 130,306 weights for 1,000 tokens.

    Args:
        tokens: Number of tokens of the vocabulary, including the special ones.
        num_classes: Number of classes.
        embedding: Width of the token embeddings.
        units: Width of the recurrent layer; in each direction, where it has two.
        cell: "lstm", "gru" or "tanh".
        bidirectional: Whether a second layer reads the text backwards.
        pooling: "last" takes the outputs after the last token (of the layer that reads backwards, the first), "max" the largest
            output of each unit.
        token_dropout: Fraction of the tokens that are unknown in training.
        embedding_dropout: Fraction of the numbers of the embeddings dropped in training.
        dropout: Fraction of the head's inputs dropped in training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `text` (batch, time), int32 token indices, to `logits` (batch, num_classes).

    Raises:
        ValueError: If `cell` or `pooling` is unknown.

    Example:
        >>> sentiment_rnn(1000).count_params()
        130306
    """
    cells = {"lstm": layers.LSTM, "gru": layers.GRU, "tanh": layers.SimpleRNN}
    if cell not in cells:
        raise ValueError(f"`cell` must be one of {', '.join(cells)}, got {cell!r}.")
    if pooling not in ("last", "max"):
        raise ValueError(f'`pooling` must be "last" or "max", got {pooling!r}.')
    x = inputs = keras.Input((None,), dtype="int32", name="text")
    if token_dropout:
        x = TokenDropout(token_dropout, UNKNOWN, name="token_dropout")(x)
    x = layers.Embedding(tokens, embedding, mask_zero=True, name="embedding")(x)
    x = layers.Dropout(embedding_dropout, name="embedding_dropout")(x)
    rnn = cells[cell](units, return_sequences=pooling == "max", name="rnn")
    if bidirectional:
        rnn = layers.Bidirectional(rnn, name="both_directions")
    x = rnn(x)
    if pooling == "max":
        x = MaxOverTime(name="max_over_time")(x)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)
