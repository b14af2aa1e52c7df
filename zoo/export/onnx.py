"""Export to ONNX, for ONNX Runtime: Keras's own graph, converted by tf2onnx; recurrent layers become LSTM and GRU nodes."""

import contextlib
import pathlib

from zoo.endpoints import DEFAULT
from zoo.errors import RunError, UsageError
from zoo.export.beside import write_beside
from zoo.export.check import make_requests, prove
from zoo.export.graph import as_endpoints, as_function, fields_of, specs_of
from zoo.export.quiet import quiet
from zoo.files import appearing

OPSET = 18


def onnx(model, path, signatures=None, contract=None, examples=None):
    """Exports a functional model to an ONNX file, and keeps it if ONNX Runtime computes with it what Keras does.

    The contract and golden requests are written beside it, for `zoo serve`.

    Args:
        model: A functional `keras.Model`. Its inputs and outputs keep their names; the batch, and lengths that the model leaves
            free, stay free.
        path: The file to write, `NAME.onnx`; it must not exist. Each further signature goes to `NAME.SIGNATURE.onnx` beside it,
            because an ONNX file holds one graph.
        signatures: {name: functional model}, further signatures, or None.
        contract: The `zoo.data.contract.Contract` of the inputs, or None.
        examples: {input: array (examples, ...)} for the comparison; made up where they are missing.

    Returns:
        The `zoo.export.check.Difference` from Keras.

    Raises:
        UsageError: If the model is not functional, or the path exists.
        RunError: If an operation has no counterpart, or the file differs from Keras by more than 1e-5.

    Example:
        >>> import tempfile, keras
        >>> image = keras.Input((3,), name="image")
        >>> model = keras.Model(image, keras.layers.Dense(2, name="logits")(image))
        >>> onnx(model, tempfile.mkdtemp() + "/model.onnx").largest < 1e-5
        True
    """
    endpoints = as_endpoints(model, signatures)
    fields = fields_of(endpoints, contract)
    requests = make_requests(endpoints, examples or {}, fields)
    with contextlib.ExitStack() as stack:
        partial = {file: stack.enter_context(appearing(file, ".onnx")) for file in _files(endpoints, pathlib.Path(path)).values()}
        write_onnx(endpoints, next(iter(partial.values())))
        found = prove(next(iter(partial.values())), requests)
        write_beside(path, "onnx", endpoints, fields, requests, found, contract)
        return found


def write_onnx(endpoints, path, metadata=None):
    """Writes endpoints to ONNX files, checked by onnx.checker but not compared with Keras.

    Args:
        endpoints: {signature: Endpoint}.
        path: The file of the default signature, a `pathlib.Path`; the others are written beside it.
        metadata: {key: text} for the files, or None.

    Returns:
        The paths written, {signature: path}.

    Raises:
        UsageError: If an input and an output have the same name.
        RunError: If an operation has no counterpart in ONNX.
    """
    files, converted = _files(endpoints, path), {}
    for signature, endpoint in endpoints.items():
        twice = set(endpoint.inputs) & set(endpoint.outputs)
        if twice:
            raise UsageError(f"signature {signature} has an input and an output `{min(twice)}`; ONNX needs two names.")
        # A model with two names, as the default decoder, is converted once.
        if id(endpoint.model) not in converted:
            converted[id(endpoint.model)] = _converted(signature, endpoint)
        model = converted[id(endpoint.model)]
        model.graph.name = signature
        del model.metadata_props[:]
        for key, text in (metadata or {}).items():
            model.metadata_props.add(key=key, value=text)
        files[signature].write_bytes(model.SerializeToString())
    return files


def _converted(signature, endpoint):
    import onnx as onnx_library
    import tensorflow as tf
    import tf2onnx

    specs = specs_of(endpoint)
    with quiet():
        function = as_function(endpoint)
        # tf2onnx calls with its arguments in order.
        ordered = tf.function(lambda *tensors: function(**dict(zip(specs, tensors))), list(specs.values()), autograph=False)
        try:
            model, _ = tf2onnx.convert.from_function(ordered, input_signature=list(specs.values()), opset=OPSET)
            _rename_outputs(model.graph, sorted(endpoint.outputs))
            onnx_library.checker.check_model(model, full_check=True)
        except Exception as error:  # tf2onnx raises whatever its handlers of single operations raise
            reason = (str(error) or type(error).__name__).strip().splitlines()[0]
            raise RunError(f"{endpoint.model.name} cannot be converted to ONNX ({signature}: {reason:.200}).") from error
    return model


def _rename_outputs(graph, names):
    """Gives the outputs of a graph, which are in the order of their names, these names everywhere."""
    renamed = {output.name: name for output, name in zip(graph.output, names, strict=True) if output.name != name}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = renamed.get(output.name, output.name)


def _files(endpoints, path):
    return {name: path if name == DEFAULT else path.with_name(f"{path.stem}.{name}{path.suffix}") for name in endpoints}
