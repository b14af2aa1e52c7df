"""Sequence to sequence: an encoder reads one sequence, a decoder writes another.

The final state of the encoder is the initial state of the decoder, which is trained with teacher forcing: at each step it reads
the correct token and predicts the next one. With attention, each output of the decoder is also matched with all outputs of the
encoder.

Source: Payberah 2018, "Deep Learning for Poets (Part IV)", RNN Design Patterns - Encoder-Decoder; Sutskever, Vinyals & Le 2014,
"Sequence to Sequence Learning with Neural Networks"; Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder"
(GRU); Bahdanau, Cho & Bengio 2014, "Neural Machine Translation by Jointly Learning to Align and Translate"
(`attention="additive"`); Luong, Pham & Manning 2015, "Effective Approaches to Attention-based Neural Machine Translation"
(`attention="dot"`, and attention after the recurrence of the decoder, so that training computes it for all steps at once).
Departures: one recurrent layer in each half; "dot" has a learned projection of the outputs of the encoder (Luong's "general").

Token indices: 0 is padding, 1 starts and 2 ends a sequence. `source` and the labels end with 2; `target` is the labels shifted by
one step to the right, after a 1.
"""

import keras
from keras import layers, ops

from zoo.layers import PaddingMask

PADDING, START, END = 0, 1, 2


def seq2seq(
    source_tokens: int,
    target_tokens: int,
    embedding: int = 128,
    units: int = 128,
    cell: str = "gru",
    attention: str | None = None,
    bidirectional: bool = False,
    dropout: float = 0.0,
    name: str = "seq2seq",
) -> keras.Model:
    """Builds the network: 55,060 weights for 40 source and 20 target tokens with embedding=64, units=64.

    Args:
        source_tokens: Number of tokens of the source vocabulary, including the special ones.
        target_tokens: Number of tokens of the target vocabulary, including the special ones.
        embedding: Width of the token embeddings.
        units: Width of the decoder; a bidirectional encoder has half of it in each direction.
        cell: "gru" or "lstm".
        attention: None, "additive" or "dot".
        bidirectional: Whether the encoder also reads the source backwards. Needs an even `units`.
        dropout: Fraction of the embeddings and of the head's inputs dropped in training.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from {`source`: (batch, source time), `target`: (batch, target time)}, int32 token indices, to
        `logits` (batch, target time, target_tokens). `greedy_decoder` and `beam_decoder` turn it into translators; `encoder` and
        `decoder_step` are its parts.

    Raises:
        ValueError: If `cell` or `attention` is unknown, or `units` is odd with `bidirectional`.

    Example:
        >>> seq2seq(40, 20, embedding=64, units=64).count_params()
        55060
    """
    if cell not in ("gru", "lstm"):
        raise ValueError(f'`cell` must be "gru" or "lstm", got {cell!r}.')
    if attention not in (None, "additive", "dot"):
        raise ValueError(f'`attention` must be None, "additive" or "dot", got {attention!r}.')
    if bidirectional and units % 2:
        raise ValueError(f"`units` must be even for a bidirectional encoder, got {units}.")
    rnn = layers.GRU if cell == "gru" else layers.LSTM

    source = keras.Input((None,), dtype="int32", name="source")
    x = layers.Embedding(source_tokens, embedding, mask_zero=True, name="source_embedding")(source)
    x = layers.Dropout(dropout, name="source_dropout")(x)
    if bidirectional:
        half = rnn(units // 2, return_sequences=True, return_state=True, name="rnn")
        memory, *halves = layers.Bidirectional(half, name="encoder_rnn")(x)  # (batch, time, units), then the states
        split = len(halves) // 2
        states = [
            layers.Concatenate(name=f"state{index}")(pair)
            for index, pair in enumerate(zip(halves[:split], halves[split:]), start=1)
        ]
    else:
        memory, *states = rnn(units, return_sequences=True, return_state=True, name="encoder_rnn")(x)
    encoder = keras.Model(source, [memory, *states], name="encoder")

    query = keras.Input((None, units), name="query")
    key_source = keras.Input((None,), dtype="int32", name="source")
    keys = keras.Input((None, units), name="memory")
    x = query
    if attention is not None:
        match = layers.AdditiveAttention if attention == "additive" else layers.Attention
        projected = layers.Dense(units, use_bias=False, name="key")(keys)
        asked = layers.Dense(units, name="query_projection")(query) if attention == "additive" else query
        mask = PaddingMask(name="padding_mask")(key_source)
        context, _ = match(name="attention")([asked, keys, projected], mask=[None, mask], return_attention_scores=True)
        x = layers.Concatenate(name="query_and_context")([query, context])
        x = layers.Dense(units, activation="tanh", name="attended")(x)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    x = layers.Dense(target_tokens, dtype="float32", name="token_logits")(x)
    head = keras.Model([query, keys, key_source], x, name="logits")

    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    memory, *states = encoder(source)
    x = layers.Embedding(target_tokens, embedding, name="target_embedding")(target)
    x = layers.Dropout(dropout, name="target_dropout")(x)
    x = rnn(units, return_sequences=True, name="decoder_rnn")(x, initial_state=states)
    return keras.Model({"source": source, "target": target}, head([x, memory, source]), name=name)


def encoder(model: keras.Model) -> keras.Model:
    """The half that reads the source, sharing the weights of `model`.

    Args:
        model: A model from `seq2seq`.

    Returns:
        A `keras.Model` from `source` (batch, time) to {`memory`: (batch, time, units); `state1` and, for an LSTM, `state2`:
        (batch, units)}, which are inputs of `decoder_step` under the same names.

    Example:
        >>> list(encoder(seq2seq(40, 20, cell="lstm")).output)
        ['memory', 'state1', 'state2']
    """
    part = model.get_layer("encoder")
    memory, *states = part.outputs
    return keras.Model(part.input, {"memory": memory, **_numbered("state", states)}, name="encoder")


def decoder_step(model: keras.Model) -> keras.Model:
    """One step of the decoder, sharing the weights of `model`.

    Args:
        model: A model from `seq2seq`.

    Returns:
        A `keras.Model` from [`token` (batch,), `memory` (batch, source time, units), `source` (batch, source time), `state1` and,
        for an LSTM, `state2` (batch, units)], or a dictionary of them, to {`logits`: (batch, target_tokens); `next_state1`, ...;
        with attention also `attention`: (batch, source time), the weight of each source token}.

    Example:
        >>> len(decoder_step(seq2seq(40, 20, cell="lstm")).inputs)
        5
    """
    rnn = model.get_layer("decoder_rnn")
    token = keras.Input((), dtype="int32", name="token")
    memory = keras.Input((None, rnn.units), name="memory")
    source = keras.Input((None,), dtype="int32", name="source")
    count = len(model.get_layer("encoder").outputs) - 1
    states = [keras.Input((rnn.units,), name=f"state{index}") for index in range(1, count + 1)]
    output, new_states = rnn.cell(model.get_layer("target_embedding")(token), states)
    query = layers.Reshape((1, rnn.units), name="one_step")(output)
    head = model.get_layer("logits")
    attends = any(layer.name == "attention" for layer in head.layers)
    if attends:
        _, weights = head.get_layer("attention").output  # (batch, 1, source time)
        head = keras.Model(head.inputs, [head.output, weights], name="logits_and_attention")
    logits, *weights = keras.tree.flatten(head([query, memory, source]))  # (batch, 1, target_tokens)
    logits = layers.Reshape((logits.shape[-1],), name="logits_of_step")(logits)
    outputs = {"logits": logits, **_numbered("next_state", new_states)}
    if attends:
        outputs["attention"] = layers.Reshape((-1,), name="attention_of_step")(weights[0])
    return keras.Model([token, memory, source, *states], outputs, name="decoder_step")


def greedy_decoder(model: keras.Model, max_length: int = 50) -> keras.Model:
    """A translator that writes the most likely token at each step, as one graph that stops when all sequences have ended.

    Args:
        model: A model from `seq2seq`.
        max_length: Number of tokens after which decoding stops without an end token.

    Returns:
        A `keras.Model` from `source` (batch, time) to {`tokens`: (batch, max_length) int32, 0 after the end token;
        `score`: (batch,), the log-probability of the tokens}.

    Example:
        >>> greedy_decoder(seq2seq(40, 20), max_length=7).output["tokens"].shape
        (None, 7)
    """
    source = keras.Input((None,), dtype="int32", name="source")
    search = GreedySearch(model.get_layer("encoder"), decoder_step(model), max_length, name="greedy_search")
    return keras.Model(source, search(source), name="greedy_decoder")


def beam_decoder(model: keras.Model, width: int = 5, length_penalty: float = 1.0, max_length: int = 50) -> keras.Model:
    """A translator that keeps the `width` most likely prefixes at each step, as one graph that stops when all have ended.

    Source: Sutskever, Vinyals & Le 2014; Wu et al. 2016, "Google's Neural Machine Translation System", whose length penalty
    ((5 + length) / 6) ** length_penalty divides the log-probabilities of the final sequences before they are ranked.

    Args:
        model: A model from `seq2seq`.
        width: Number of prefixes kept; 1 gives the tokens of the greedy decoder.
        length_penalty: 0 ranks by log-probability, which favours short sequences; larger values favour longer ones.
        max_length: Number of tokens after which decoding stops without an end token.

    Returns:
        A `keras.Model` from `source` (batch, time) to {`tokens`: (batch, width, max_length) int32, best first, 0 after the end
        token; `score`: (batch, width), the penalised log-probabilities}.

    Raises:
        ValueError: If `width` is smaller than 1.

    Example:
        >>> beam_decoder(seq2seq(40, 20), width=3, max_length=7).output["tokens"].shape
        (None, 3, 7)
    """
    if width < 1:
        raise ValueError(f"`width` must be at least 1, got {width}.")
    source = keras.Input((None,), dtype="int32", name="source")
    search = BeamSearch(model.get_layer("encoder"), decoder_step(model), max_length, width, length_penalty, name="beam_search")
    return keras.Model(source, search(source), name="beam_decoder")


@keras.saving.register_keras_serializable("zoo")
class GreedySearch(layers.Layer):
    """The loop of `greedy_decoder`: from `source` (batch, time) to its two outputs."""

    def __init__(self, encoder, step, max_length, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.step, self.max_length = encoder, step, max_length

    def call(self, source):
        # A copy has no mask: the step does not accept one and gets the source instead.
        memory, *states = [ops.copy(tensor) for tensor in self.encoder(source)]
        batch = ops.shape(source)[0]

        def advance(index, tokens, token, score, *states):
            running = _running(token)
            logits, states = _logits_and_states(self.step([token, memory, source, *states]))
            log_probabilities = ops.log_softmax(_writable(logits))
            # Not `argmax`: Keras builds it from bitwise operations that LiteRT does not have.
            best, token = (ops.squeeze(top, axis=-1) for top in ops.top_k(log_probabilities, 1))
            token = ops.where(running, ops.cast(token, "int32"), PADDING)
            score = score + ops.where(running, best, 0.0)
            here = ops.arange(self.max_length, dtype="int32")[None, :] == index  # (1, max_length)
            return (index + 1, ops.where(here, token[:, None], tokens), token, score, *states)

        loop = (
            ops.zeros((), dtype="int32"),
            ops.zeros((batch, self.max_length), dtype="int32"),
            ops.full((batch,), START, dtype="int32"),
            ops.zeros((batch,), dtype="float32"),
            *states,
        )
        _, tokens, _, score, *_ = ops.while_loop(self._unfinished, advance, loop)
        return {"tokens": tokens, "score": score}

    def _unfinished(self, index, tokens, token, score, *states):
        return ops.logical_and(index < self.max_length, ops.any(_running(token)))

    def compute_output_spec(self, source):
        batch = source.shape[0]
        return {
            "tokens": keras.KerasTensor((batch, self.max_length), dtype="int32"),
            "score": keras.KerasTensor((batch,), dtype="float32"),
        }

    def get_config(self):
        models = {"encoder": self.encoder, "step": self.step}
        models = {key: keras.saving.serialize_keras_object(model) for key, model in models.items()}
        return {**super().get_config(), **models, "max_length": self.max_length}

    @classmethod
    def from_config(cls, config):
        models = {key: keras.saving.deserialize_keras_object(config[key]) for key in ("encoder", "step")}
        return cls(**{**config, **models})


@keras.saving.register_keras_serializable("zoo")
class BeamSearch(GreedySearch):
    """The loop of `beam_decoder`: from `source` (batch, time) to its two outputs."""

    def __init__(self, encoder, step, max_length, width, length_penalty, **kwargs):
        super().__init__(encoder, step, max_length, **kwargs)
        self.width, self.length_penalty = width, length_penalty

    def call(self, source):
        width = self.width
        batch = ops.shape(source)[0]
        source_of_beam = ops.repeat(source, width, axis=0)  # (batch * width, time)
        memory, *states = [ops.repeat(tensor, width, axis=0) for tensor in self.encoder(source)]

        def advance(index, tokens, token, score, *states):
            running = _running(token)  # (batch, width)
            inputs = [ops.reshape(token, (-1,)), memory, source_of_beam, *states]
            logits, states = _logits_and_states(self.step(inputs))
            vocabulary = logits.shape[-1]
            log_probabilities = ops.reshape(ops.log_softmax(_writable(logits)), (-1, width, vocabulary))
            padding_only = ops.where(ops.arange(vocabulary) == PADDING, 0.0, -float("inf"))
            log_probabilities = ops.where(running[..., None], log_probabilities, padding_only)
            candidates = ops.reshape(score[..., None] + log_probabilities, (-1, width * vocabulary))
            score, choice = ops.top_k(candidates, width)  # (batch, width)
            choice = ops.cast(choice, "int32")
            parent, token = choice // vocabulary, choice % vocabulary
            rows = ops.reshape(ops.arange(batch, dtype="int32")[:, None] * width + parent, (-1,))  # (batch * width,)
            states = [ops.take(state, rows, axis=0) for state in states]
            tokens = ops.take_along_axis(tokens, parent[..., None], axis=1)
            here = ops.arange(self.max_length, dtype="int32") == index  # (max_length,)
            return (index + 1, ops.where(here, token[..., None], tokens), token, score, *states)

        # Only the first beam is alive at the start: the others would repeat it.
        alive = ops.where(ops.arange(width) == 0, 0.0, -float("inf"))
        loop = (
            ops.zeros((), dtype="int32"),
            ops.zeros((batch, width, self.max_length), dtype="int32"),
            ops.full((batch, width), START, dtype="int32"),
            ops.broadcast_to(alive, (batch, width)),
            *states,
        )
        _, tokens, _, score, *_ = ops.while_loop(self._unfinished, advance, loop)
        length = ops.sum(ops.cast(tokens != PADDING, "float32"), axis=-1)
        score, order = ops.top_k(score / ((5.0 + length) / 6.0) ** self.length_penalty, width)
        return {"tokens": ops.take_along_axis(tokens, order[..., None], axis=1), "score": score}

    def compute_output_spec(self, source):
        batch = source.shape[0]
        return {
            "tokens": keras.KerasTensor((batch, self.width, self.max_length), dtype="int32"),
            "score": keras.KerasTensor((batch, self.width), dtype="float32"),
        }

    def get_config(self):
        return {**super().get_config(), "width": self.width, "length_penalty": self.length_penalty}


def _numbered(name, tensors):
    return {f"{name}{index}": tensor for index, tensor in enumerate(tensors, start=1)}


def _logits_and_states(outputs):
    """The outputs of `decoder_step`, in order."""
    states = sorted(key for key in outputs if key.startswith("next_state"))
    return outputs["logits"], [outputs[key] for key in states]


def _running(token):
    """Which sequences continue after their last token: neither it nor an earlier token was the end."""
    return ops.logical_and(token != END, token != PADDING)


def _writable(logits):
    """The logits, with minus infinity for padding and start, which are never written."""
    never = ops.arange(logits.shape[-1]) < END
    return ops.where(never, -float("inf"), logits)
