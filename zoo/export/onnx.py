"""Export to ONNX, for ONNX Runtime: Keras's own graph, converted by tf2onnx; recurrent layers become LSTM and GRU nodes."""

import pathlib
import re

import numpy as np

from zoo.endpoints import DEFAULT
from zoo.errors import RunError, UsageError
from zoo.export.advice import instead, named
from zoo.export.beside import write_beside
from zoo.export.check import prove
from zoo.export.examples import as_arrays
from zoo.export.graph import as_endpoints, as_function, check_plain, fields_of, specs_of
from zoo.export.quiet import quiet
from zoo.export.requests import check_repeats, make_requests
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
        examples: {input: array (examples, ...)} for the comparison, or any other data that `model.predict` takes; made up where
            they are missing.

    Returns:
        The `zoo.export.check.Difference` from Keras.

    Raises:
        UsageError: If the model is not functional or draws random numbers, examples do not fit its inputs, or the path exists.
        RunError: If an operation has no counterpart, or the file differs from Keras by more than 1e-5.

    Example:
        >>> import tempfile, keras
        >>> image = keras.Input((3,), name="image")
        >>> model = keras.Model(image, keras.layers.Dense(2, name="logits")(image))
        >>> onnx(model, tempfile.mkdtemp() + "/model.onnx").largest < 1e-5
        True
    """
    endpoints = as_endpoints(model, signatures)
    check_plain(endpoints, "ONNX")
    fields = fields_of(endpoints, contract)
    requests = make_requests(endpoints, as_arrays(examples, endpoints, fields, "examples"), fields)
    check_repeats(endpoints, requests)
    _, *further = _files(endpoints, pathlib.Path(path)).values()
    with appearing(path, ".onnx", further=[file.name for file in further]) as partial:
        write_onnx(endpoints, partial)
        found = prove(partial, requests)
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
    check_plain(endpoints, "ONNX")
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
            model, _ = tf2onnx.convert.from_function(
                ordered, input_signature=list(specs.values()), opset=OPSET, custom_op_handlers=HANDLERS
            )
            _rename_outputs(model.graph, sorted(endpoint.outputs))
            onnx_library.checker.check_model(model, full_check=True)
        except Exception as error:  # tf2onnx raises whatever its handlers of single operations raise
            reason = _reason(error, function, endpoint)
            raise RunError(f"{endpoint.model.name} cannot be converted to ONNX ({signature}: {reason}).") from error
    return model


def _reason(error, function, endpoint):
    """The line of tf2onnx's error that says why; with the layer and what to do, where an operation is missing."""
    line = (str(error) or type(error).__name__).strip().splitlines()[0]
    missing = re.match(r"No Op registered for (\w+)", line)
    if missing is None:
        return f"{line:.200}"
    operations = {missing[1]: next((node.name for node in function.graph.as_graph_def().node if node.op == missing[1]), "")}
    return f"ONNX has no operation for {named(operations, [endpoint])}; {instead(operations)}"


def _erfc(graph, node, name, arguments):
    """1 - erf(x)."""
    node.type = "Erf"
    graph.insert_new_node_on_output("Sub", node.output[0], inputs=[_one(graph, node), node.output[0]])


def _expm1(graph, node, name, arguments):
    """exp(x) - 1."""
    node.type = "Exp"
    graph.insert_new_node_on_output("Sub", node.output[0], inputs=[node.output[0], _one(graph, node)])


def _log1p(graph, node, name, arguments):
    """log(1 + x)."""
    node.type = "Log"
    graph.replace_inputs(node, [graph.make_node("Add", [_one(graph, node), node.input[0]]).output[0]])


def _one(graph, node):
    """The number 1 in the type of a node's input."""
    from tf2onnx import utils

    dtype = utils.map_onnx_to_numpy_type(graph.get_dtype(node.input[0]))
    return graph.make_const(utils.make_name("one"), np.ones((), dtype)).output[0]


# Operations of TensorFlow that tf2onnx lacks, and ONNX has the parts of; in the form that tf2onnx asks for.
HANDLERS = {"Erfc": (_erfc, []), "Expm1": (_expm1, []), "Log1p": (_log1p, [])}


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
