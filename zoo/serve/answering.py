"""Questions to a version, asked by whoever serves them: outputs, and texts token by token."""

import asyncio

import numpy as np

from zoo.engines import DEFAULT
from zoo.errors import UsageError
from zoo.serve import jsons
from zoo.serve.adapters import prompt_numbers, token_numbers, vocabulary, written_in

WRITING_STEP = "write_step"


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


def is_writer(version):
    """Whether a version continues texts, token by token."""
    default = version.signatures.get(DEFAULT)
    kinds = [] if default is None else [one["kind"] for one in default.declared.values()]
    return WRITING_STEP in version.signatures and "prompt" in kinds


async def written(version, text, options, most):
    """The continuation of a text, token by token: dictionaries like those of `generated`.

    It is the text that the default signature gives for the same seed.

    Args:
        version: A version that `is_writer`.
        text: The text to continue.
        options: {name: value} of the single values of its default signature, such as `temperature`; others have their defaults.
        most: Largest number of tokens.

    Raises:
        UsageError: If there is no such option, or a value is out of range, or the text holds what the network does not know.
    """
    from zoo.data.language import first_step, following_step

    default, step = version.signatures[DEFAULT], version.signatures[WRITING_STEP]
    name = next(key for key, one in default.declared.items() if one["kind"] == "prompt")
    singles = {key: field for key, field in default.fields.items() if key != name}
    unknown = [key for key in options if key not in singles]
    if unknown:
        raise UsageError(f"there is no option {unknown[0]!r}; expected text, {', '.join(singles)}.")
    values = {}
    for key, field in singles.items():
        values[key] = jsons.array_of(options[key], key, default) if key in options else np.array(field.default, field.dtype)
        field.check(key, values[key])
    length = int(values.pop("length"))
    if length > most:
        raise UsageError(f"`length` is {length}; expected at most {most} where the text is told token by token.")
    prompt = await asyncio.to_thread(prompt_numbers, "text", text, default.fields[name])
    default.fields[name].check(name, np.array([prompt], "int32"))
    words, text_so_far = vocabulary(default.fields[name].vocabulary), ""
    inputs = first_step({key: (one["dtype"], one["shape"]) for key, one in step.declared.items()}, prompt, values)
    for _ in range(len(prompt) - 1 + length):
        inputs, token = following_step(inputs, await answered(version, step, inputs), prompt)
        if token is not None:
            text_so_far += words.decode([token])
            yield {"text": text_so_far, "token": token}


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
