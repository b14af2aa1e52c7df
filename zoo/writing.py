"""Networks that write: their text as a whole, and as it comes."""

import numpy as np

from zoo.data.language import first_step, following_step
from zoo.data.text import UNKNOWN, Vocabulary

STEP = "write_step"  # the endpoint that writes token by token


def written(endpoint, prompt, tokens, length=300):
    """What a network writes after a prompt, at its usual temperature, with the seed 0.

    Args:
        endpoint: The `Endpoint` that writes.
        prompt: A text, of which unknown pieces are left out.
        tokens: The `Field` of the network's tokens.
        length: Number of tokens to write.
    """
    vocabulary = Vocabulary(tokens.vocabulary)
    numbers = [number for number in vocabulary.encode(prompt)[:-1] if number > UNKNOWN] or [UNKNOWN + 1]
    inputs = {"tokens": [numbers], "length": length, "temperature": 0.8, "top_k": 0, "seed": 0}
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
    for _ in range(len(prompt) - 1 + int(length)):
        inputs, token = following_step(inputs, step.predict(inputs), prompt)
        if token is not None:
            yield token
