"""Export to SavedModel, for TensorFlow Serving: named signatures that refuse what does not keep the contract."""

from zoo.export.beside import write_beside
from zoo.export.check import prove
from zoo.export.examples import as_arrays
from zoo.export.graph import as_endpoints, as_function, fields_of, save
from zoo.export.quiet import quiet
from zoo.export.requests import check_repeats, make_requests
from zoo.files import appearing


def saved_model(model, path, signatures=None, contract=None, examples=None):
    """Exports a functional model to a SavedModel, and keeps it if TensorFlow computes with it what Keras does.

    The graph checks its inputs: wrong shapes, NaN, infinity, and values outside the contract are refused with a message that
    names the input, by TensorFlow Serving too. The contract and golden requests are written into the folder, for `zoo serve`.

    Args:
        model: A functional `keras.Model`, the signature "serving_default". Inputs and outputs keep their names; the batch, and
            lengths that the model leaves free, stay free.
        path: The folder to make; it must not exist. TensorFlow Serving wants a number for its name, the version.
        signatures: {name: functional model}, further signatures, or None.
        contract: The `zoo.data.contract.Contract` of the inputs, or None: then only shapes are checked, that values are finite,
            and that token numbers are those of the embedding that reads them.
        examples: {input: array (examples, ...)} for the comparison, or any other data that `model.predict` takes; made up where
            they are missing.

    Returns:
        The `zoo.export.check.Difference` from Keras.

    Raises:
        UsageError: If the model is not functional or draws random numbers, examples do not fit its inputs, or the path exists.
        RunError: If the SavedModel cannot be written, or differs from Keras by more than 1e-5.

    Example:
        >>> import tempfile, keras
        >>> image = keras.Input((3,), name="image")
        >>> model = keras.Model(image, keras.layers.Dense(2, name="logits")(image))
        >>> saved_model(model, tempfile.mkdtemp() + "/1").largest < 1e-5
        True
    """
    endpoints = as_endpoints(model, signatures)
    fields = fields_of(endpoints, contract)
    requests = make_requests(endpoints, as_arrays(examples, endpoints, fields, "examples"), fields)
    check_repeats(endpoints, requests)
    with appearing(path) as partial:
        write_saved_model(endpoints, partial, fields)
        found = prove(partial, requests)
        write_beside(partial, "saved_model", endpoints, fields, requests, found, contract)
        return found


def write_saved_model(endpoints, folder, fields, further=None):
    """Writes endpoints to a SavedModel, not compared with Keras.

    Args:
        endpoints: {signature: Endpoint}.
        folder: The folder, a path; files of other formats may lie in it.
        fields: {signature: {input: Field}}, checked in the graph.
        further: {signature: function} of signatures that are no endpoints: `tf.function`s with an input signature, each with an
            attribute of what it keeps alive; or None.
    """
    functions = {}
    with quiet():
        for name, endpoint in endpoints.items():
            functions[name] = as_function(endpoint, fields=fields[name])
        for name, signature in (further or {}).items():
            functions[name] = signature.call
        save(str(folder), endpoints, functions, further)
