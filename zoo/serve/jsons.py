"""TensorFlow Serving's JSON: requests to arrays, answers to JSON, by the rules of its documentation."""

import base64
import json
import re

import numpy as np
import orjson

from zoo.errors import UsageError

ROW, COLUMN = "row", "column"
BYTES = "_bytes"  # ends the name of a tensor of bytes that are no text, as in TensorFlow Serving
# What JSON takes in memory at most, in bytes: for every value, list and object. A body of 16 MB can make 500 MB.
VALUE, LIST, OBJECT, MOST_MEMORY = 40, 64, 240, 128 * 2**20
KINDS = {"f": "iuf", "i": "iu", "u": "iu", "b": "b"}  # what kinds of JSON numbers make which kinds of tensors


def read_predict(body, find_signature):
    """The inputs of a :predict request.

    Args:
        body: Bytes of JSON.
        find_signature: Function of a name, "" for the default, to a `Signature`.

    Returns:
        (signature, {input: array}, `ROW` or `COLUMN`).

    Raises:
        UsageError: If the body is no such request.
    """
    content, name = _named(body)
    if ("instances" in content) == ("inputs" in content):
        raise UsageError(
            "Missing 'inputs' or 'instances' key"
            if "inputs" not in content
            else "Not formatted correctly. Only one of 'inputs' and 'instances' keys are expected to exist"
        )
    signature = find_signature(name)
    _refuse_booleans(body, content.get("instances", content.get("inputs")), signature)
    if "instances" in content:
        return signature, _from_rows(content["instances"], signature), ROW
    inputs = content["inputs"]
    if not isinstance(inputs, dict) or _is_bytes(inputs):
        if len(signature.fields) != 1:
            raise UsageError(f"inputs must be an object of the named inputs {sorted(signature.fields)}.")
        inputs = {next(iter(signature.fields)): inputs}
    for key in signature.fields:
        if key not in inputs:
            raise UsageError(f"Missing named input: {key} in 'inputs' object.")
    return signature, {key: array_of(inputs[key], key, signature) for key in signature.fields}, COLUMN


def write_predict(outputs, form):
    """The JSON of an answer to :predict.

    Raises:
        UsageError: If rows are asked for and the outputs do not come in rows.
    """
    if form == COLUMN:
        only = len(outputs) == 1
        values = {key: _plain(key, array) for key, array in outputs.items()}
        return _written({"outputs": next(iter(values.values())) if only else values}, outputs)
    sizes = {key: len(array) if array.ndim else None for key, array in outputs.items()}
    if None in sizes.values() or len(set(sizes.values())) > 1:
        raise UsageError(f'the outputs have no common batch size, {sizes}; ask with "inputs" in place of "instances".')
    if len(outputs) == 1:
        return _written({"predictions": next(_plain(key, array) for key, array in outputs.items())}, outputs)
    columns = {key: _plain(key, array) for key, array in outputs.items()}
    columns = {key: column if isinstance(column, list) else list(column) for key, column in columns.items()}
    return _written({"predictions": [dict(zip(columns, row)) for row in zip(*columns.values())]}, outputs)


def read_examples(body, find_signature):
    """The inputs of a :classify or :regress request: examples of flat features.

    Returns:
        (signature, {input: array}).

    Raises:
        UsageError: If the body is no such request.
    """
    content, name = _named(body)
    examples, context = content.get("examples"), content.get("context", {})
    if not isinstance(examples, list) or not examples or not all(isinstance(example, dict) for example in examples):
        raise UsageError("Missing 'examples' key, or its value is not a list of objects, or an empty one")
    if not isinstance(context, dict):
        raise UsageError("'context' key must be an object.")
    signature = find_signature(name)
    rows = []
    for example in examples:
        both = set(example) & set(context)
        if both:
            raise UsageError(f"feature {sorted(both)[0]!r} stands in 'context' and in an example")
        rows.append({**context, **example})
    return signature, from_features(rows, signature)


def read_generate(body):
    """The text of a :generate request, {"text": ...}, and what else is in it, {name: value}.

    Raises:
        UsageError: If the body is no such request.
    """
    content = _object(body)
    if not isinstance(content.get("text"), str):
        raise UsageError('expected {"text": "..."}.')
    return content.pop("text"), content


def from_features(rows, signature):
    """Inputs out of examples, {feature: number, text or flat list}, as tf.Example has them: flat lists take the input's shape."""
    inputs = {}
    for key, field in signature.fields.items():
        values = []
        for row in rows:
            _check_names(row, signature)
            shape = getattr(field, "shape", (None,))
            value = np.asarray(array_of([row[key]], key, signature)[0], object if field.dtype == "string" else None)
            if None not in shape and value.size == int(np.prod(shape)):
                value = value.reshape(shape)
            values.append(value)
        if len({value.shape for value in values}) > 1:
            raise UsageError(f"input `{key}` has examples of different shapes.")
        inputs[key] = np.stack(values)
    return inputs


def array_of(value, key, signature):
    """One input out of its JSON value.

    Raises:
        UsageError: If it is no such array.
    """
    field, dtype = signature.fields[key], signature.declared[key]["dtype"]
    if dtype == "string":
        return _texts(value if isinstance(value, list) else [value], key, field)
    try:
        array = np.array(value)
    except ValueError:
        raise UsageError(f"input `{key}` is ragged: its lists have different lengths; expected {field.batch_shape()}.") from None
    if array.size and array.dtype.kind not in KINDS[np.dtype(dtype).kind]:
        raise UsageError(f"input `{key}` holds {_what(array)}; expected {dtype} {field.batch_shape()}.")
    if array.dtype.kind in "iu" and np.dtype(dtype).kind in "iu" and array.size:
        bounds = np.iinfo(dtype)
        if array.min() < bounds.min or array.max() > bounds.max:
            raise UsageError(f"input `{key}` lies in [{array.min()}, {array.max()}]; expected {dtype}.")
    if array.dtype.kind in "iu" and np.dtype(dtype).kind == "f" and array.size:
        exact = 2 ** (np.finfo(dtype).nmant + 1) - 1
        if max(int(array.max()), -int(array.min())) > exact:
            raise UsageError(f"input `{key}` holds whole numbers beyond {exact}, which {dtype} would round.")
    with np.errstate(over="ignore"):
        return array.astype(dtype)


def dumps(content):
    """JSON as bytes."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def error(message):
    """The body of an answer that is an error."""
    return orjson.dumps({"error": message})


def _named(body):
    """The object of a body, and the name of the signature that it asks for."""
    content = _object(body)
    name = content.get("signature_name", "")
    if not isinstance(name, str):
        raise UsageError("'signature_name' key must be a string value.")
    return content, name


def _object(body):
    if not body:
        raise UsageError("JSON Parse error: The document is empty")
    memory = VALUE * body.count(b",") + LIST * body.count(b"[") + OBJECT * body.count(b"{")
    if memory > MOST_MEMORY:
        raise UsageError(
            f"the JSON holds too many values: {memory >> 20} MB in memory, of at most {MOST_MEMORY >> 20}; "
            "send fewer examples at once, or arrays as application/x-npy."
        )
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        if b"NaN" not in body and b"Infinity" not in body:
            raise UsageError(f"JSON Parse error: {problem}") from None
        content = _with_nan(body)
    if not isinstance(content, dict):
        raise UsageError("JSON Value: expected an object")
    return content


def _with_nan(body):
    """JSON with NaN and infinities, which no standard allows and TensorFlow Serving takes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"JSON Parse error: {problem}") from None


def _refuse_booleans(body, content, signature):
    """Raises `UsageError` where true or false stands for a number: NumPy would take it for 1 or 0."""
    if (b"true" in body or b"false" in body) and all(one["dtype"] != "bool" for one in signature.declared.values()):
        left = [content]
        while left:
            value = left.pop()
            if isinstance(value, bool):
                raise UsageError(f"a value is {json.dumps(value)}; expected numbers for {sorted(signature.fields)}.")
            if isinstance(value, (list, dict)):
                left.extend(value if isinstance(value, list) else value.values())


def _from_rows(instances, signature):
    if not isinstance(instances, list):
        raise UsageError("'instances' must be a list")
    if not instances:
        raise UsageError("no values in 'instances' to predict")
    if not signature.is_batched and not signature.alone:
        raise UsageError(f'the inputs {sorted(signature.fields)} are single values; ask with "inputs" in place of "instances".')
    first = instances[0]
    named = isinstance(first, dict) and not _is_bytes(first)
    if not named:
        if len(signature.fields) != 1:
            raise UsageError(f"instances must be objects of the named inputs {sorted(signature.fields)}.")
        key = next(iter(signature.fields))
        return {key: array_of(instances, key, signature)}
    columns = {key: [] for key in signature.fields}
    for instance in instances:
        if not isinstance(instance, dict):
            raise UsageError("instances must all be objects, or none of them.")
        _check_names(instance, signature)
        for key, value in instance.items():
            columns[key].append(value)
    return {key: array_of(values, key, signature) for key, values in columns.items()}


def _check_names(values, signature):
    if set(values) != set(signature.fields):
        raise UsageError(f"inputs are {sorted(map(str, values))}; expected {sorted(signature.fields)}.")


def _is_bytes(value):
    return isinstance(value, dict) and set(value) == {"b64"}


def _texts(values, key, field):
    """Lists of texts, lists in lists to any depth, as an array of bytes."""
    shape, first = [], values
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    for _ in shape[1:]:
        if not all(isinstance(value, list) for value in values):
            break
        values = [inner for value in values for inner in value]
    if len(values) != np.prod(shape, dtype=int) or any(isinstance(value, list) for value in values):
        raise UsageError(f"input `{key}` is ragged: its lists have different lengths; expected {field.batch_shape()}.")
    return np.array([*(_bytes_of(one, key) for one in values), None], object)[:-1].reshape(shape)


def _bytes_of(value, key):
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    if _is_bytes(value) and isinstance(value["b64"], str):
        return _from_base64(value["b64"], key)
    raise UsageError(f'input `{key}` holds {_what(np.array(value, object))}; expected texts, or bytes as {{"b64": "..."}}.')


def _from_base64(text, key):
    """What abseil's decoder takes: white space anywhere, and padding with = or . that is all there or not there at all."""
    match = re.fullmatch("([A-Za-z0-9+/]*)([=.]*)", re.sub(r"[ \t-\r]", "", text))
    needed = -len(match[1]) % 4 if match else 3
    if needed == 3 or len(match[2]) not in (0, needed):
        raise UsageError(f"input `{key}` is not base64; expected the letters A-Z, a-z, 0-9, + and /.")
    return base64.b64decode(match[1] + "=" * needed)


def _what(array):
    kinds = {"i": "whole numbers", "u": "whole numbers", "f": "numbers", "b": "booleans", "U": "texts", "S": "bytes"}
    if array.dtype.kind in kinds:
        return kinds[array.dtype.kind]
    return "null" if array.size and array.flat[0] is None else "objects"


def _plain(key, array):
    """An array as JSON takes it; bytes of a name that ends so go as base64, other bytes as text."""
    array = np.asarray(array)
    if array.dtype != object:
        return np.ascontiguousarray(array) if array.ndim else array.item()
    if key.endswith(BYTES):
        plain = [{"b64": base64.b64encode(content).decode()} for content in array.ravel()]
    else:
        plain = [content.decode(errors="replace") for content in array.ravel()]
    return np.array([*plain, None], object)[:-1].reshape(array.shape).tolist()


def _written(content, outputs):
    """JSON as bytes; NaN and infinities stand bare in it, as TensorFlow Serving writes them and no standard allows."""
    if all(array.dtype.kind != "f" or np.isfinite(array).all() for array in map(np.asarray, outputs.values())):
        return dumps(content)
    return json.dumps(content, default=lambda value: value.tolist(), separators=(",", ":")).encode()
