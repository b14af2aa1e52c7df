"""Export to LiteRT, to be run by ai-edge-litert alone: built-in operations only, for recurrent networks too."""

import re
import tempfile

import keras
import tensorflow as tf

from zoo.endpoints import DEFAULT
from zoo.errors import RunError, UsageError
from zoo.export.advice import instead, named
from zoo.export.beside import write_beside
from zoo.export.check import prove
from zoo.export.examples import MOST_EXAMPLES, as_arrays
from zoo.export.flatbuffer import finished, foreign_operations
from zoo.export.graph import as_endpoints, as_function, check_plain, fields_of, has_loop, save
from zoo.export.quiet import quiet
from zoo.export.recurrent import fused_loops, portable_loops
from zoo.export.requests import BATCHES, check_repeats, make_requests
from zoo.files import appearing

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")


def litert(
    model,
    path,
    signatures=None,
    contract=None,
    examples=None,
    quantize="none",
    representative=None,
    batch=None,
    fused=False,
    allow_flex=False,
):
    """Exports a functional model to a `.tflite` file, and keeps it if the LiteRT runtime computes with it what Keras does.

    The contract and golden requests are written beside it, for `zoo serve`.

    Args:
        model: A functional `keras.Model`, with whatever recurrent layers and cells. Inputs and outputs keep their names; the
            batch, and lengths that the model leaves free, stay free.
        path: The file to write, `NAME.tflite`; it must not exist.
        signatures: {name: functional model}, further signatures of the same file, or None. Weights they share are stored once.
        contract: The `zoo.data.contract.Contract` of the inputs, or None.
        examples: {input: array (examples, ...)} for the comparison, or any other data that `model.predict` takes; the
            representative ones, or made up, where they are missing.
        quantize: "none"; "float16" halves the weights; "dynamic" stores them in 8 bits; "int8" also computes in 8 bits. Inputs
            and outputs stay as they are. Quantized files need only lie near Keras: judge them by your metric.
        representative: Examples of every input from the training data, by which "int8" sets the range of every tensor: {input:
            array (examples, ...)}, or any other data that `model.predict` takes, with or without targets.
        batch: A fixed batch size, or None.
        fused: Whether standard LSTM layers, read from a state of zeros and without a mask, become UNIDIRECTIONAL_SEQUENCE_LSTM.
            The batch is then fixed (1 unless given), the length is that of the examples, and the file has the default signature
            only: any other one would hold every weight a second time, in another order.
        allow_flex: Whether operations may stay that only a runtime with TensorFlow's own can run; the stock runtime refuses them,
            so that such a file is written without proof.

    Returns:
        The `zoo.export.check.Difference` from Keras; None with operations that the stock runtime refuses.

    Raises:
        UsageError: If the model is not functional, an option is unknown or does not fit the model, an operation is not a built-in
            one, examples do not fit the inputs, representative ones are missing, or the path exists.
        RunError: If the file cannot be converted, or differs from Keras.

    Example:
        >>> import tempfile, keras
        >>> sequence = keras.Input((None, 3), name="sequence")
        >>> model = keras.Model(sequence, keras.layers.GRU(4, name="state")(sequence))
        >>> litert(model, tempfile.mkdtemp() + "/model.tflite").largest < 1e-5
        True
    """
    check_options(quantize, batch)
    endpoints = signatures_of_file(as_endpoints(model, signatures), fused)
    check_takes(endpoints)
    fields = fields_of(endpoints, contract)
    representative = as_arrays(representative, endpoints, fields, "representative examples")
    examples = {**representative, **as_arrays(examples, endpoints, fields, "examples")}
    if quantize == "int8":
        check_representative(endpoints, fields, representative)
    batch = 1 if fused and batch is None else batch
    requests = make_requests(endpoints, examples, fields, (batch,) if batch else BATCHES, fixed_lengths=fused)
    check_repeats(endpoints, requests)
    with appearing(path, ".tflite") as partial:
        flex = write_litert(endpoints, partial, fields, examples, quantize, representative, batch, fused, allow_flex)
        if flex:
            return None
        found = prove(partial, requests, quantize != "none")
        write_beside(path, "litert", endpoints, fields, requests, found, contract)
        return found


def signatures_of_file(endpoints, fused):
    """Which of the endpoints a file holds: all, but the default one only where layers are fused."""
    return {DEFAULT: endpoints[DEFAULT]} if fused else endpoints


def check_options(quantize, batch):
    """Raises `UsageError` if an option of `litert` cannot be used."""
    if quantize not in QUANTIZATIONS:
        raise UsageError(f"there is no quantization {quantize!r}; expected one of {', '.join(QUANTIZATIONS)}.")
    if batch is not None and batch < 1:
        raise UsageError(f"the batch is {batch}; expected at least 1, or none for any.")


def check_takes(endpoints):
    """Raises `UsageError` if LiteRT has no operations for an endpoint's text, tables or doubles."""
    check_plain(endpoints, "LiteRT")
    for endpoint in endpoints.values():
        for layer in endpoint.model._flatten_layers(include_self=False):
            if layer.compute_dtype == "float64" and not isinstance(layer, keras.layers.InputLayer):
                raise UsageError(
                    f"layer `{layer.name}` computes in float64, for which LiteRT has few operations; build the model in float32 "
                    "and give it the weights."
                )


def check_representative(endpoints, fields, representative):
    """Raises `UsageError` if examples by which int8 sets ranges are missing.

    Args:
        endpoints: {signature: Endpoint}.
        fields: {signature: {input: Field}}.
        representative: {input: array (examples, ...)}.
    """
    if not (representative and all(array.size for array in representative.values())):
        raise UsageError(
            "the representative set is empty; int8 needs examples of the training data, {input: array}, or use dynamic."
        )
    known = set(representative)
    for signature, endpoint in endpoints.items():
        # What a contract bounds may be made up, but not for the default endpoint.
        missing = {
            name
            for name, field in fields[signature].items()
            if name not in known and field.batched and (signature == DEFAULT or field.minimum is None or field.maximum is None)
        }
        if missing:
            of = "" if signature == DEFAULT else f", for {signature} too"
            expected = sorted({*endpoints[DEFAULT].inputs, *missing})
            raise UsageError(f"representative examples are of {sorted(representative)}; expected {expected}{of}.")
        known.update(endpoint.outputs)


def write_litert(
    endpoints,
    path,
    fields,
    examples=None,
    quantize="none",
    representative=None,
    batch=None,
    fused=False,
    allow_flex=False,
    metadata=None,
):
    """Writes endpoints to a `.tflite` file, not compared with Keras.

    The arguments are those of `litert`; `fields` is {signature: {input: Field}}, `metadata` is {key: text} or None.

    Returns:
        The names of the operations that the stock runtime refuses, a list; empty unless `allow_flex`.
    """
    check_options(quantize, batch)
    endpoints = signatures_of_file(endpoints, fused)
    check_takes(endpoints)
    lengths = {name: array.shape[1] for name, array in (examples or {}).items() if array.ndim > 1} if fused else None
    with tempfile.TemporaryDirectory() as folder:
        functions = {}
        with quiet(), fused_loops() if fused else portable_loops() as fused_layers:
            for name, endpoint in endpoints.items():
                functions[name] = as_function(endpoint, batch, lengths=lengths)
            if fused and not fused_layers:
                raise UsageError(_why_nothing_was_fused(endpoints, lengths))
            if quantize == "int8" and any(has_loop(function) for function in functions.values()):
                # Not left to the converter: a loop beside a fused layer crashes it, and the process with it.
                raise UsageError(
                    "int8 cannot be calibrated inside a loop, as that of a recurrent layer or a decoder; "
                    "use fused=True where every loop is an LSTM layer, or quantize='dynamic'."
                )
            if quantize == "int8":
                check_representative(endpoints, fields, representative)
            save(folder, endpoints, functions)
        content = _converted(folder, endpoints, fields, quantize, representative, batch, allow_flex)
    flex = foreign_operations(content)
    if flex and not allow_flex:
        raise UsageError(f"the file would hold {', '.join(flex)}; give allow_flex=True if your runtime has them.")
    path.write_bytes(finished(content, metadata or {}))
    return flex


def _converted(folder, endpoints, fields, quantize, representative, batch, allow_flex):
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(endpoints))
    builtins = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "int8":
        builtins = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, *builtins]
        count = min(MOST_EXAMPLES, min(len(array) for array in representative.values()))
        size = batch or 1
        requests = make_requests(endpoints, representative, fields, (size,) * (count // size or 1), fixed_lengths=True)
        converter.representative_dataset = lambda: ((signature, inputs) for signature, inputs, _ in requests)
    converter.target_spec.supported_ops = builtins + ([tf.lite.OpsSet.SELECT_TF_OPS] if allow_flex else [])
    with quiet() as written:
        try:
            return converter.convert()
        except Exception as error:  # the converter's errors are of many kinds, and the reason stands in its notes
            raise _explained(f"{error}\n{written()}", endpoints) from error


def _explained(text, endpoints):
    """The converter's failure as one line that names the layer."""
    found = {}
    for path, operation in re.findall(r"fused\[\"\w+:\", \"([^\"@]+)@[^\n]*?'tf\.(\w+)' (?:op is n|op requires|that was)", text):
        found.setdefault(operation, path)
    if found:
        return UsageError(
            f"LiteRT has no built-in operation for {named(found, endpoints.values())}; {instead(found)}, "
            "or give allow_flex=True if your runtime has TensorFlow's operations."
        )
    line = next((line for line in text.splitlines() if line.strip()), "no reason given")
    return RunError(f"the network cannot be converted to LiteRT ({line:.200}).")


def _why_nothing_was_fused(endpoints, lengths):
    recurrent = [
        layer
        for endpoint in endpoints.values()
        for layer in endpoint.model._flatten_layers()
        if isinstance(layer, keras.layers.LSTM)
    ]
    if not recurrent:
        return "there is no LSTM layer to fuse; leave fused=True out."
    if any(None in tensor.shape[1:] for endpoint in endpoints.values() for tensor in endpoint.inputs.values()) and not lengths:
        return f"layer `{recurrent[0].name}` reads any length, and a fused one a fixed one; give examples of that length."
    return (
        f"layer `{recurrent[0].name}` cannot be fused: that needs tanh and sigmoid, a bias, no mask, no initial state and a "
        "fixed length; leave fused=True out."
    )
