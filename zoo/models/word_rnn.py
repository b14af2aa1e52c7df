"""A recurrent network that reads text word by word and predicts the word that follows, at every place.

It is `char_rnn` with the sizes that words need: ten thousand of them instead of some seventy characters, so that most of the
weights, and of the time, are those of the vectors of the words and of what scores them.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", Recurrent Neural Networks (RNN); COMP547, lecture on recurrent
networks; Mikolov et al. 2010, "Recurrent Neural Network Based Language Model"; sizes of Zaremba, Sutskever & Vinyals 2014,
"Recurrent Neural Network Regularization".
"""

from typing import Literal

import keras

from zoo.models.char_rnn import char_rnn


def word_rnn(
    vocabulary_size: int = 10_005,
    embedding: int = 200,
    units: tuple[int, ...] = (200, 200),
    cell: Literal["tanh", "gru", "lstm"] = "lstm",
    dropout: float = 0.0,
    tied: bool = False,
    batch_size: int | None = None,
    name: str = "word_rnn",
) -> keras.Model:
    """Builds the network: 4,653,605 weights by default, 2,642,600 of them with `tied`.

    Args:
        vocabulary_size: Number of words, with the four special tokens.
        embedding: Width of the vector of a word.
        units: Width of each recurrent layer, bottom to top.
        cell: "tanh" (a simple recurrent layer), "gru" or "lstm".
        dropout: Fraction of the vectors, and of each layer's outputs, dropped in training; what a layer hands to itself in the
            next step is never dropped.
        tied: Whether the vectors of the words are also what scores them (Press & Wolf 2017, "Using the Output Embedding to
            Improve Language Models").
        batch_size: Number of rows of a training batch, each of which goes on where it stopped in the batch before; None to begin
            every batch with a state of zeros, as outside training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `tokens` (batch, time) int32 to `logits` (batch, time, vocabulary_size). What
        `zoo.models.char_rnn` makes of a trained `char_rnn`, such as its `step`, it makes of this one too.

    Raises:
        ValueError: As of `char_rnn`.

    Example:
        >>> word_rnn(50, embedding=4, units=(3, 4), tied=True).output_shape
        (None, None, 50)
    """
    return char_rnn(vocabulary_size, embedding, units, cell, dropout, tied, batch_size, name)
