"""What exported files are asked for their proof, with Keras's own answers."""

import re
import warnings

import numpy as np

from zoo.errors import UsageError
from zoo.export.check import TOLERANCE, difference

BATCHES = (1, 7)
MADE_UP_LENGTH = 9


def make_requests(endpoints, examples, fields, batches=BATCHES, seed=0, fixed_lengths=False):
    """Inputs for every endpoint: real examples where the names match, else what an earlier endpoint gives, else made up.

    Sizes that Keras refuses, such as a sequence shorter than the window of a convolution, are left out.

    Args:
        endpoints: {signature: Endpoint}; one that gives `memory` stands before one that takes it.
        examples: {input: (examples, ...)}; may lack inputs, or be empty.
        fields: {signature: {input: Field}}, for what is made up.
        batches: The batch sizes; a model that fixes its own gets that one.
        seed: Integer seed of what is made up.
        fixed_lengths: Whether free sizes come as the examples have them only; else also half as long, and as 1.

    Returns:
        A list of (signature, {input: array}, {output: array}), the outputs being Keras's own.

    Raises:
        UsageError: If Keras answers an endpoint at no size, or with NaN or infinity only.
    """
    generator = np.random.default_rng(seed)
    free = any(None in field.shape for every in fields.values() for field in every.values())
    full = _full_length(examples, fields)
    lengths = [full] if fixed_lengths or not free else sorted({full, (full + 1) // 2, 1}, reverse=True)
    requests, refused, start = [], {}, 0
    fixed = {tensor.shape[0] for endpoint in endpoints.values() for tensor in endpoint.inputs.values() if tensor.shape} - {None}
    for batch in [max(fixed, default=batch) for batch in batches]:
        for length in lengths:
            known = {}
            for signature, endpoint in endpoints.items():
                if (signature, length) in refused:
                    continue
                inputs = {}
                for name in endpoint.inputs:
                    field, value = fields[signature][name], known.get(name)
                    if value is None and name in examples:
                        value = examples[name]
                        if field.batched:
                            rows = value[np.arange(start, start + batch) % len(value)]
                            value = _shortened(rows, field, length, full)
                    if value is None or value.ndim != len(field.sizes()):
                        value = _made_up(field, batch, length, generator, endpoint)
                    inputs[name] = as_dtype(value, field.dtype)
                try:
                    if len(lengths) > 1:
                        endpoint.check_sizes(inputs)
                    outputs = _answer(endpoint, inputs)
                except Exception as error:  # Keras and TensorFlow refuse by errors of many kinds
                    refused[signature, length] = error
                    continue
                known.update({name: output for name, output in outputs.items() if output.shape[:1] == (batch,)})
                requests.append((signature, inputs, outputs))
            start += batch
    for signature, endpoint in endpoints.items():
        _check_asked(signature, endpoint, requests, refused, examples)
    return requests


def check_repeats(endpoints, requests):
    """Raises `UsageError` if Keras answers the first request to an endpoint in another way when it is asked again."""
    first = {request[0]: request for request in reversed(requests)}
    for signature, request in first.items():
        again = difference([request], [_answer(endpoints[signature], request[1])])
        if not again.excess <= TOLERANCE:
            raise UsageError(
                f"{again.where} changes from call to call on the same inputs: the model draws random numbers or keeps a state, "
                "and no file can be compared with it; give it the noise, its seed or the state as an input."
            )


def as_dtype(array, dtype):
    """The array in a dtype that a `Field` names, its values in order in memory."""
    return np.asarray(array, object if dtype == "string" else dtype, order="C")


def line_of(error):
    """The line of an error of Keras that says why."""
    plain = re.sub(r"\x1b\[\d+m|\{\{.*?\}\} ", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip() and not line.startswith("Exception encountered")]
    return f"{lines[0] if lines else type(error).__name__:.200}".rstrip(".")


def _full_length(examples, fields):
    """The largest free size of the examples."""
    known = {name: field for every in fields.values() for name, field in every.items() if name in examples}
    sizes = [
        size
        for name, field in known.items()
        for size, expected in zip(examples[name].shape[1:], field.shape)
        if expected is None and examples[name].ndim == len(field.sizes())
    ]
    return max(sizes, default=MADE_UP_LENGTH)


def _shortened(rows, field, length, full):
    """Rows of examples, (batch, ...), whose free sizes are to their own as `length` is to `full`, and at least 1."""
    free = [None if size is not None else -(-there * length // full) for there, size in zip(rows.shape[1:], field.shape)]
    return rows[(slice(None), *map(slice, free))]


def _answer(endpoint, inputs):
    """Keras's outputs, {name: array}."""
    with warnings.catch_warnings():  # the attention over a source of one token is 1, which is right
        warnings.filterwarnings("ignore", "You are using a softmax over axis")
        return endpoint.answer(inputs)


def _check_asked(signature, endpoint, requests, refused, examples):
    """Raises `UsageError` where the requests of an endpoint prove nothing."""
    asked = [request for request in requests if request[0] == signature]
    if not asked:
        reason = next(error for (refusing, _), error in refused.items() if refusing == signature)
        tried = "these examples" if set(endpoint.inputs) <= set(examples) else "inputs made up at random"
        raise UsageError(
            f"{signature} cannot be tried: Keras refuses {tried} ({line_of(reason)}); give examples that it takes, "
            "{input: array (examples, ...)}."
        ) from reason
    for name in endpoint.outputs:
        values = [outputs[name] for _, _, outputs in asked]
        if values[0].dtype.kind == "f" and not any(np.isfinite(value).any() for value in values):
            raise UsageError(
                f"output `{name}` of {signature} is never finite in Keras, which proves nothing; give examples that the model "
                "is made for, {input: array (examples, ...)}."
            )


def _made_up(field, batch, length, generator, endpoint):
    """Values of a field's range, else numbers that every embedding inside knows, else standard normal or small integers."""
    shape = [length if size is None else size for size in field.shape]
    if field.batched:
        shape = [batch, *shape]
    if field.dtype == "string":
        return _made_up_text(shape, generator, endpoint)
    if field.dtype == "bool":
        return generator.random(shape) < 0.5
    table = endpoint.smallest_table() if field.batched else None
    bounded = field.minimum is not None and field.maximum is not None
    # Keras casts token numbers, so that an input of floating point may hold them.
    whole = field.dtype.startswith(("int", "uint"))
    if whole or table is not None and not bounded and not _takes_integers(endpoint):
        low = int(field.minimum) if field.minimum is not None else 0 if table is not None else 1
        high = low + 10 if field.maximum is None or not field.batched else int(field.maximum) + 1
        high = high if table is None or field.maximum is not None else min(high, low + table)
        return generator.integers(low, high, shape).astype(field.dtype)
    if not bounded:
        return generator.standard_normal(shape).astype(field.dtype)
    return generator.uniform(field.minimum, field.maximum, shape).astype(field.dtype)


def _takes_integers(endpoint):
    return any(str(tensor.dtype).startswith(("int", "uint")) for tensor in endpoint.inputs.values())


def _made_up_text(shape, generator, endpoint):
    """Texts of one to three words that the model knows, or does not know."""
    known = [layer.get_vocabulary() for layer in endpoint.model._flatten_layers() if hasattr(layer, "get_vocabulary")]
    words = ["unknown", *(str(word) for vocabulary in known for word in vocabulary[:100])]
    texts = [" ".join(generator.choice(words, generator.integers(1, 4))).encode() for _ in range(int(np.prod(shape)))]
    return np.array([*texts, None], object)[:-1].reshape(shape)
