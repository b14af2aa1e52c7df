"""How well a language model knows a text."""

import numpy as np

STREAMS, STEPS = 20, 100


def cross_entropy(reader, part):
    """The mean of -log p(token | all tokens before it) over a text, in nats, with the state carried from its beginning to its end.

    The text is read as 20 stretches side by side, each of which begins with a state of zeros.

    Args:
        reader: A model from [`tokens` (batch, time), states...] to {`logits`; `next_...` for each state}.
        part: A `zoo.data.Part` of consecutive windows, whose targets are padded with 0.

    Returns:
        A number of nats a token: divided by log 2, bits; its exponential is the perplexity.
    """
    tokens, following = part.inputs["tokens"].ravel(), part.targets.ravel()
    tokens, following = tokens[following != 0], following[following != 0]
    streams = min(STREAMS, len(tokens))
    length = -(-len(tokens) // streams)
    tokens, following = (
        np.pad(array, (0, streams * length - len(array))).reshape(streams, length) for array in (tokens, following)
    )
    states = [np.zeros((streams, state.shape[-1]), "float32") for state in reader.inputs[1:]]
    total = 0.0
    for start in range(0, length, STEPS):
        outputs = reader.predict_on_batch([tokens[:, start : start + STEPS], *states])
        states = [outputs[f"next_{state.name}"] for state in reader.inputs[1:]]
        wanted = following[:, start : start + STEPS]
        logits = np.asarray(outputs["logits"], "float64")
        logits = logits - logits.max(axis=-1, keepdims=True)
        known = np.take_along_axis(logits, wanted[..., None], axis=-1)[..., 0] - np.log(np.exp(logits).sum(axis=-1))
        total -= known[wanted != 0].sum()
    return total / np.count_nonzero(following)
