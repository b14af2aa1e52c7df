"""Networks that write: what is asked of them, and their text as it comes."""

import numpy as np

from zoo.data.contract import Field
from zoo.data.kinds.label import of_classes
from zoo.data.language import first_step, following_step
from zoo.data.text import SPACE, UNKNOWN, Vocabulary
from zoo.endpoints import DEFAULT, Endpoint
from zoo.layers.token_sampler import next_token, sampler, writing_step

STEP, NEXT = "write_step", "next"
LONGEST_TEXT, LEAST_TEMPERATURE, LARGEST_TEMPERATURE, LARGEST_K, LARGEST_SEED = 10_000, 0.01, 100.0, 100, 1_000_000
VISIBLE = {"\n": "↵", "\t": "⇥"}  # of pieces in a list


def writing_endpoints(step):
    """The endpoints of a language model: the whole text, what may follow, and one token of a text that is written as it is read.

    Args:
        step: The model of one step of a trained language model, as `zoo.models.char_rnn.step` makes it.
    """
    return {DEFAULT: sampler(step, LARGEST_K), NEXT: next_token(step), STEP: writing_step(step, LARGEST_K)}


def writing_fields(tokens):
    """{name: Field} of what these endpoints take and give.

    Args:
        tokens: The `Field` of the network's tokens.
    """
    most = len(tokens.vocabulary)
    token = Field("int32", (), 0, most - 1)
    names = [VISIBLE.get(piece, piece.replace(SPACE, "␣" if piece == SPACE else "")) for piece in tokens.vocabulary]
    return {
        "tokens": tokens,
        "continuation": tokens,
        "length": Field("int32", (), 1, LONGEST_TEXT, batched=False, default=200),
        "temperature": Field("float32", (), LEAST_TEMPERATURE, LARGEST_TEMPERATURE, batched=False, default=0.8),
        "top_k": Field("int32", (), 0, min(most, LARGEST_K), batched=False, default=0),
        "seed": Field("int32", (), 0, LARGEST_SEED, batched=False, default=0),
        "probabilities": of_classes(names, probabilities=True),
        "token": token,
        "next_token": token,
    }


def written(sampler, prompt, tokens, length=300, temperature=0.8, top_k=0, seed=0):
    """A text that a network adds to a prompt.

    Args:
        sampler: A model as `zoo.layers.token_sampler.sampler` makes it.
        prompt: A text, of which unknown pieces are left out.
        tokens: The `Field` of the network's tokens.
        length: Number of tokens to write.
        temperature: What the logits are divided by.
        top_k: From how many tokens to draw; 0 for all.
        seed: Seed of the draws.
    """
    vocabulary = Vocabulary(tokens.vocabulary)
    numbers = [number for number in vocabulary.encode(prompt)[:-1] if number > UNKNOWN] or [UNKNOWN + 1]
    inputs = {"tokens": [numbers], "length": length, "temperature": temperature, "top_k": top_k, "seed": seed}
    endpoint = Endpoint(sampler)
    arrays = {name: np.array(value, endpoint.inputs[name].dtype) for name, value in inputs.items()}
    return vocabulary.decode(endpoint.predict(arrays)["continuation"][0])


def tokens_written(step, prompt, length, temperature, top_k, seed):
    """The token numbers of a text as they are written: the text that the whole endpoint writes at once.

    Args:
        step: The `Endpoint` of one token.
        prompt: Token numbers of the prompt, a list of at least one.
        length: Number of tokens to write.
        temperature: What the logits are divided by.
        top_k: From how many tokens to draw; 0 for all.
        seed: Seed of the draws.
    """
    scalars = {"temperature": temperature, "top_k": top_k, "seed": seed}
    inputs = first_step({name: (one.dtype, one.shape) for name, one in step.inputs.items()}, prompt, scalars)
    while length:
        inputs, token = following_step(inputs, step.predict(inputs), prompt)
        if token is not None:
            yield token
            length -= 1
