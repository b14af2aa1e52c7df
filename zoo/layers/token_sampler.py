"""Writing text from a language model, token by token, as one graph."""

import keras
from keras import ops

from zoo.layers.noise import seeded_gumbel

PADDING, FIRST_WRITTEN = 0, 4  # the numbers below are padding, start, end and unknown
NEVER = -1e30  # in place of minus infinity, of which differences are not numbers


@keras.saving.register_keras_serializable("zoo")
class TokenSampler(keras.layers.Layer):
    """Continues prompts with tokens that are drawn from a model's predictions.

    Each token is drawn from softmax(logits / temperature) over the `top_k` likeliest ones, by the Gumbel-max trick with noise
    that depends only on the seed, the row and the number of the token: so all runtimes write the same text. At temperature 0 it
    is the likeliest one. Padding, start, end and unknown tokens (0 to 3) are never written.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model"; Gumbel 1954, "Statistical Theory of Extreme Values and
    Some Practical Applications"; Fan, Lewis & Dauphin 2018, "Hierarchical Neural Story Generation" (top-k).

    Args:
        step: A functional model of one step, from [`token` (batch,), states (batch, units)...] to {`logits`: (batch, vocabulary);
            `next_...` for each state, in the same order}. States begin as zeros.
        largest_k: The largest `top_k` that can be asked for; the vocabulary where it is smaller.

    Call arguments:
        prompt: int32 `(batch, time)`, at least one token in each row, padded with 0 on the right.
        length: Scalar int32, the number of tokens to write.
        temperature: Scalar float32, 0 or more.
        top_k: Scalar int32, from how many tokens to draw; 0 for all of them.
        seed: Scalar int32, 0 or more; row n of the batch draws as the first row of seed + n does.

    Returns:
        int32 `(batch, length)`.

    Raises:
        ValueError: If `largest_k` is smaller than 1.
    """

    def __init__(self, step: keras.Model, largest_k: int = 100, **kwargs):
        super().__init__(**kwargs)
        if largest_k < 1:
            raise ValueError(f"`largest_k` of TokenSampler must be at least 1, got {largest_k}.")
        self.step, self.largest_k = step, largest_k

    def call(self, prompt, length, temperature, top_k, seed):
        batch, prompt_width = ops.shape(prompt)[0], ops.shape(prompt)[1]
        given = ops.sum(ops.cast(prompt != PADDING, "int32"), axis=1)  # (batch,)
        places = ops.arange(length, dtype="int32")[None, :]  # (1, length)

        def advance(index, token, tokens, *states):
            outputs = self.step([token, *states])
            number = index + 1 - given  # of the token that follows, negative while the prompt goes on; (batch,)
            prompted = ops.take(prompt, ops.minimum(index + 1, prompt_width - 1), axis=1)
            drawn = _drawn(outputs["logits"], number, temperature, top_k, seed, self.largest_k)
            token = ops.where(number < 0, prompted, drawn)
            tokens = ops.where(places == number[:, None], token[:, None], tokens)
            return (index + 1, token, tokens, *(outputs[f"next_{state.name}"] for state in self.step.inputs[1:]))

        states = _first_states(self.step, batch)
        tokens = ops.zeros((batch, 1), dtype="int32") + 0 * places  # (batch, length)
        last = prompt_width + length - 1
        loop = (ops.zeros((), dtype="int32"), prompt[:, 0], tokens, *states)
        return ops.while_loop(lambda index, *_: index < last, advance, loop)[2]

    def compute_output_spec(self, prompt, length, temperature, top_k, seed):
        return keras.KerasTensor((prompt.shape[0], None), dtype="int32")

    def get_config(self):
        return {
            **super().get_config(),
            "step": keras.saving.serialize_keras_object(self.step),
            "largest_k": self.largest_k,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "step": keras.saving.deserialize_keras_object(config["step"])})


@keras.saving.register_keras_serializable("zoo")
class NextToken(keras.layers.Layer):
    """The probability of every token of the vocabulary after a prompt, as `TokenSampler` draws at temperature 1.

    Args:
        step: A functional model of one step, as for `TokenSampler`.

    Call arguments:
        prompt: int32 `(batch, time)`, at least one token in each row, padded with 0 on the right.

    Returns:
        `(batch, vocabulary)`, each row with the sum 1.
    """

    def __init__(self, step: keras.Model, **kwargs):
        super().__init__(**kwargs)
        self.step = step

    def call(self, prompt):
        batch, width = ops.shape(prompt)[0], ops.shape(prompt)[1]
        given = ops.sum(ops.cast(prompt != PADDING, "int32"), axis=1)  # (batch,)

        def advance(index, logits, *states):
            outputs = self.step([ops.take(prompt, index, axis=1), *states])
            logits = ops.where((index < given)[:, None], outputs["logits"], logits)
            return (index + 1, logits, *(outputs[f"next_{state.name}"] for state in self.step.inputs[1:]))

        vocabulary = self.step.output["logits"].shape[-1]
        logits = ops.zeros((batch, vocabulary), dtype="float32")
        loop = (ops.zeros((), dtype="int32"), logits, *_first_states(self.step, batch))
        return ops.softmax(_possible(ops.while_loop(lambda index, *_: index < width, advance, loop)[1]))

    def compute_output_spec(self, prompt):
        return keras.KerasTensor((prompt.shape[0], self.step.output["logits"].shape[-1]), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "step": keras.saving.serialize_keras_object(self.step)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "step": keras.saving.deserialize_keras_object(config["step"])})


@keras.saving.register_keras_serializable("zoo")
class TokenDraw(keras.layers.Layer):
    """One draw of `TokenSampler`: from `logits` (batch, vocabulary), `number` (batch,) and three scalars to a token (batch,)."""

    def __init__(self, largest_k: int = 100, **kwargs):
        super().__init__(**kwargs)
        self.largest_k = largest_k

    def call(self, logits, number, temperature, top_k, seed):
        return _drawn(logits, number, temperature, top_k, seed, self.largest_k)

    def compute_output_spec(self, logits, number, temperature, top_k, seed):
        return keras.KerasTensor(number.shape, dtype="int32")

    def get_config(self):
        return {**super().get_config(), "largest_k": self.largest_k}


def _drawn(logits, number, temperature, top_k, seed, largest_k):
    """The tokens (batch,) drawn from logits (batch, vocabulary), each the `number`-th (batch,) of its text."""
    vocabulary = logits.shape[-1]
    largest_k = min(vocabulary, largest_k)
    kept = ops.clip(ops.where(top_k < 1, largest_k, top_k), 1, largest_k)
    seeds = seed + ops.arange(ops.shape(logits)[0], dtype="int32")  # (batch,)
    is_random = ops.cast(temperature > 0, "float32")
    divisor = ops.where(temperature > 0, temperature, 1.0)
    logits = _possible(ops.cast(logits, "float32"))
    smallest = ops.take(ops.top_k(logits, largest_k)[0], kept - 1, axis=1)[:, None]  # (batch, 1)
    noise = is_random * seeded_gumbel(seeds, ops.maximum(number, 0), vocabulary)
    noisy = logits / divisor + noise  # (batch, vocabulary)
    noisy = ops.where(ops.logical_and(logits < smallest, top_k > 0), NEVER, noisy)
    # Not `argmax`: Keras builds it from bitwise operations that LiteRT does not have.
    return ops.cast(ops.top_k(noisy, 1)[1][:, 0], "int32")


def _possible(logits):
    """Logits of which those of padding, start, end and unknown tokens are as good as minus infinity."""
    return ops.where(ops.arange(logits.shape[-1]) < FIRST_WRITTEN, NEVER, logits)


def _first_states(step, batch):
    return [ops.zeros((batch, *state.shape[1:]), dtype=state.dtype) for state in step.inputs[1:]]


def sampler(step: keras.Model, largest_k: int = 100) -> keras.Model:
    """A writer as one graph, made of the step of a trained language model; see `TokenSampler`.

    Args:
        step: The model of one step.
        largest_k: The largest `top_k` that can be asked for.

    Returns:
        A `keras.Model` from `tokens` (batch, time), the prompt, and the scalars `length`, `temperature`, `top_k` and `seed` to
        {`continuation`: (batch, length) int32}.
    """
    prompt = keras.Input((None,), dtype="int32", name="tokens")
    types = {"length": "int32", "temperature": "float32", "top_k": "int32", "seed": "int32"}
    scalars = [keras.Input(batch_shape=(), dtype=dtype, name=name) for name, dtype in types.items()]
    continuation = TokenSampler(step, largest_k, name="token_sampler")(prompt, *scalars)
    return keras.Model([prompt, *scalars], {"continuation": continuation}, name="sampler")


def next_token(step: keras.Model) -> keras.Model:
    """What may follow a prompt, made of the step of a trained language model; see `NextToken`.

    Args:
        step: The model of one step.

    Returns:
        A `keras.Model` from `tokens` (batch, time), the prompt, to {`probabilities`: (batch, vocabulary)}.
    """
    prompt = keras.Input((None,), dtype="int32", name="tokens")
    return keras.Model(prompt, {"probabilities": NextToken(step, name="next_token")(prompt)}, name="next")


def writing_step(step: keras.Model, largest_k: int = 100) -> keras.Model:
    """One token of a text that is written while it is read: token by token the same text as of `sampler`.

    Args:
        step: The model of one step of a trained language model.
        largest_k: The largest `top_k` that can be asked for.

    Returns:
        A `keras.Model` from `token` (batch,), the states of the step, zeros in the beginning, `number` (batch,): how many tokens
        were written before, negative while the prompt goes on, and the scalars `temperature`, `top_k` and `seed`, to
        {`next_token`, `next_...` for each state, `next_number`}.
    """
    number = keras.Input((), dtype="int32", name="number")
    types = {"temperature": "float32", "top_k": "int32", "seed": "int32"}
    scalars = [keras.Input(batch_shape=(), dtype=dtype, name=name) for name, dtype in types.items()]
    inputs = [keras.Input(one.shape[1:], dtype=one.dtype, name=one.name) for one in step.inputs]
    outputs = dict(step(inputs))
    token = TokenDraw(largest_k, name="token_draw")(outputs.pop("logits"), number, *scalars)
    return keras.Model(
        [*inputs, number, *scalars], {"next_token": token, **outputs, "next_number": number + 1}, name="writing_step"
    )


def writing_endpoints(step: keras.Model) -> dict:
    """What can be asked of a network that writes: the whole text, what may follow, and one token of a text that is written.

    Args:
        step: The model of one step of a trained language model.

    Returns:
        {"serving_default": `sampler`, "next": `next_token`, "write_step": `writing_step`}, a `keras.Model` each.
    """
    return {"serving_default": sampler(step), "next": next_token(step), "write_step": writing_step(step)}
