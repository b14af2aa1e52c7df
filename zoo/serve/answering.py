"""Questions to a version, asked by whoever serves them: outputs, and texts token by token."""

import asyncio

import numpy as np

from zoo.errors import UsageError
from zoo.serve.adapters import token_numbers, vocabulary, written_in


async def answered(version, signature, inputs):
    """The outputs of checked inputs; what is not waited for any more is not computed."""
    await asyncio.sleep(0)  # so that who asked at the same time is known
    if version.is_alone:
        outputs = version.answer_now(signature, inputs)
        if outputs is not None:
            return outputs
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def settle(answer):
        if not future.done():
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def tell(answer):
        loop.call_soon_threadsafe(settle, answer)

    def is_wanted():
        return not future.done()

    if version.is_adapted(signature):
        await asyncio.to_thread(version.answer, signature, inputs, tell, is_wanted)
    else:
        version.answer(signature, inputs, tell, is_wanted)
    return await future


async def generated(version, text, most):
    """Greedy decoding of a text, token by token: dictionaries with "text", the whole answer so far, and "token".

    Raises:
        UsageError: If the model does not answer text by text, or refuses this one.
    """
    signatures = version.signatures
    if not {"encode", "decode_step"} <= set(signatures):
        raise UsageError(f"{version.name} generates no text; it answers {', '.join(signatures)}.")
    from zoo.data.text import END, START, padded

    encode, step = signatures["encode"], signatures["decode_step"]
    name, field = next(iter(encode.fields.items()))
    target = vocabulary(written_in(version.contract))
    source = padded([await asyncio.to_thread(token_numbers, name, text, field)])
    state = {**await answered(version, encode, {name: source}), name: source}
    token, tokens = START, []
    for _ in range(most):
        inputs = {key: state[key] for key in step.fields if key != "token"}
        outputs = await answered(version, step, {**inputs, "token": np.array([token], "int32")})
        token = int(outputs["logits"][0].argmax())
        if token == END:
            return
        tokens.append(token)
        state.update({key.removeprefix("next_"): array for key, array in outputs.items() if key.startswith("next_")})
        event = {"text": target.decode(tokens), "token": token}
        if "attention" in outputs:
            event["attention"] = outputs["attention"][0]
            if len(tokens) == 1:
                event["source"] = [field.vocabulary[number] for number in source[0]]  # the pieces that were read
        yield event


def metadata(version):
    """The signatures of a version, as TensorFlow Serving's GetModelMetadata tells them in JSON."""
    signatures = {}
    for name, signature in version.signatures.items():
        signatures[name] = {
            "inputs": {key: _tensor(key, one["dtype"], one["shape"]) for key, one in signature.declared.items()},
            "outputs": {key: _tensor(key, one["dtype"], one["shape"]) for key, one in signature.outputs.items()},
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        }
    spec = {"name": version.name, "signature_name": "", "version": str(version.number)}
    return {"model_spec": spec, "metadata": {"signature_def": {"signature_def": signatures}}}


def _tensor(key, dtype, shape):
    dims = [{"size": str(-1 if size is None else size), "name": ""} for size in shape or ()]
    kind = {"float32": "DT_FLOAT", "float64": "DT_DOUBLE", "float16": "DT_HALF"}.get(dtype, f"DT_{dtype.upper()}")
    return {"dtype": kind, "tensor_shape": {"dim": dims, "unknown_rank": shape is None}, "name": f"{key}:0"}


def other_method(kind, wanted):
    """The message of TensorFlow Serving where a signature is asked for what it does not do."""
    return f"Expected {kind} signature method_name to be tensorflow/serving/{wanted}. Was: tensorflow/serving/predict"
