"""Decoders against a loop, a beam against exhaustive search."""

import itertools

import keras
import numpy as np
import pytest
from small import small_seq2seq

from zoo.models.seq2seq import END, PADDING, START, beam_decoder, decoder_step, encoder, greedy_decoder, seq2seq

VARIANTS = {
    "gru": {},
    "lstm, additive": {"cell": "lstm", "attention": "additive"},
    "dot, bidirectional": {"attention": "dot", "bidirectional": True},
}
MAX_LENGTH = 6
SOURCE = np.array([[5, 3, 8, 2], [4, 2, 0, 0], [7, 7, 6, 2]], "int32")


@pytest.fixture(scope="module", params=VARIANTS)
def model(request):
    keras.utils.set_random_seed(1)
    model = small_seq2seq(**VARIANTS[request.param]).build()
    for weight in model.weights:  # far from uniform, so that likelihoods differ and sequences end at different steps
        weight.assign(4 * weight)
    return model


def log_probabilities(model, source, sequences):
    """(sequences, time, tokens): log-probabilities by the teacher-forced model; padding and start are never written."""
    labels = np.zeros((len(sequences), max(map(len, sequences))), "int32")
    for row, tokens in zip(labels, sequences):
        row[: len(tokens)] = tokens
    target = np.concatenate([np.full((len(labels), 1), START, "int32"), labels], axis=1)
    sources = np.repeat(source[None], len(labels), axis=0)
    logits = np.asarray(model({"source": sources, "target": target})).astype("float64")
    logits[..., [PADDING, START]] = -np.inf
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_step_by_step_gives_the_logits_of_teacher_forcing(model):
    target = np.array([[1, 3, 4, 6]] * 3, "int32")
    expected = model({"source": SOURCE, "target": target})
    step, inputs = decoder_step(model), {"source": keras.ops.array(SOURCE), **encoder(model)(SOURCE)}
    for time in range(4):
        outputs = step({"token": keras.ops.array(target[:, time]), **inputs})
        np.testing.assert_allclose(outputs.pop("logits"), expected[:, time], atol=1e-5)
        inputs |= {name.removeprefix("next_"): state for name, state in outputs.items()}


def test_greedy_takes_the_likeliest_token_at_every_step(model):
    answer = greedy_decoder(model, MAX_LENGTH).predict(SOURCE, verbose=0)
    for source, tokens, score in zip(SOURCE, answer["tokens"], answer["score"], strict=True):
        written, total = [], 0.0
        while len(written) < MAX_LENGTH and END not in written:
            next_token = log_probabilities(model, source, [written])[0, -1]
            written.append(int(next_token.argmax()))
            total += next_token.max()
        assert tokens.tolist() == written + [PADDING] * (MAX_LENGTH - len(written))
        assert score == pytest.approx(total, abs=1e-4)


def test_beam_of_width_one_is_greedy(model):
    greedy = greedy_decoder(model, MAX_LENGTH).predict(SOURCE, verbose=0)
    beam = beam_decoder(model, 1, 0.0, MAX_LENGTH).predict(SOURCE, verbose=0)
    np.testing.assert_array_equal(beam["tokens"][:, 0], greedy["tokens"])
    np.testing.assert_allclose(beam["score"][:, 0], greedy["score"], atol=1e-5)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_wide_beam_is_exhaustive_search(model, length_penalty):
    max_length, vocabulary = 3, 7
    writable = range(END, vocabulary)
    everything = [
        tokens
        for length in range(1, max_length + 1)
        for tokens in itertools.product(writable, repeat=length)
        if END not in tokens[:-1] and (tokens[-1] == END or length == max_length)
    ]
    beam = beam_decoder(model, len(everything), length_penalty, max_length).predict(SOURCE, verbose=0)
    for row, source in enumerate(SOURCE):
        likelihoods = log_probabilities(model, source, everything)
        totals = [sum(steps[time, token] for time, token in enumerate(tokens)) for steps, tokens in zip(likelihoods, everything)]
        scores = [total / ((5 + len(tokens)) / 6) ** length_penalty for total, tokens in zip(totals, everything)]
        for rank, best in enumerate(np.argsort(scores)[::-1][:5]):
            assert beam["score"][row, rank] == pytest.approx(scores[best], abs=1e-4)
            assert beam["tokens"][row, rank].tolist() == [*everything[best]] + [PADDING] * (max_length - len(everything[best]))


def test_padding_of_the_source_changes_nothing(model):
    padded = np.pad(SOURCE, ((0, 0), (0, 3)))
    for decoder in (greedy_decoder(model, MAX_LENGTH), beam_decoder(model, 3, 1.0, MAX_LENGTH)):
        np.testing.assert_array_equal(decoder.predict(SOURCE, verbose=0)["tokens"], decoder.predict(padded, verbose=0)["tokens"])


def test_decoding_stops_when_all_have_ended(model):
    """Ten million steps would take hours; a model that always ends at once needs one."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    bias = next(weight for weight in copy.weights if weight.path.endswith("token_logits/bias"))
    bias.assign(np.where(np.arange(7) == END, 1e4, 0.0))
    greedy = greedy_decoder(copy, 10_000_000)(SOURCE[:1])["tokens"]
    assert greedy.shape == (1, 10_000_000) and greedy[0, 0] == END and not np.any(greedy[0, 1:])
    assert beam_decoder(copy, 1, 1.0, 10_000_000)(SOURCE[:1])["tokens"][0, 0, 0] == END


def test_decoders_survive_saving(model, tmp_path):
    for decoder in (greedy_decoder(model, MAX_LENGTH), beam_decoder(model, 3, 1.0, MAX_LENGTH)):
        decoder.save(tmp_path / "decoder.keras")
        loaded = keras.models.load_model(tmp_path / "decoder.keras")
        np.testing.assert_array_equal(loaded(SOURCE)["tokens"], decoder(SOURCE)["tokens"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "rnn"}, "'rnn'"),
        ({"attention": "cross"}, "'cross'"),
        ({"units": 7, "bidirectional": True}, "even.*got 7"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        seq2seq(9, 7, **arguments)


def test_beam_refuses_no_width():
    with pytest.raises(ValueError, match="got 0"):
        beam_decoder(small_seq2seq().build(), width=0)
