"""Endpoints as TensorFlow functions: what all three formats are made of."""

import keras
import tensorflow as tf

from zoo.endpoints import DEFAULT, Endpoint
from zoo.errors import RunError, UsageError
from zoo.export.recurrent import folded_time
from zoo.export.slices import with_new_axes_apart


def as_endpoints(model, signatures=None):
    """The endpoints of a user's model, the default one first.

    Args:
        model: A functional `keras.Model`, the default signature.
        signatures: {name: functional model}, further signatures, or None.

    Returns:
        {signature: Endpoint}.

    Raises:
        UsageError: If a model cannot be exported, or Keras runs on another backend than TensorFlow.
    """
    check_backend()
    if signatures and DEFAULT in signatures:
        raise UsageError(f"{DEFAULT!r} is the model itself; give other names to the further signatures.")
    models = {DEFAULT: model, **(signatures or {})}
    return {name: value if isinstance(value, Endpoint) else Endpoint(value) for name, value in models.items()}


def check_backend():
    """Raises `UsageError` if Keras runs on another backend than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise UsageError(f"Keras runs on {keras.backend.backend()}; export needs KERAS_BACKEND=tensorflow.")


def fields_of(endpoints, contract=None):
    """What every input of every endpoint must look like, {signature: {input: Field}}."""
    return {name: endpoint.fields(contract) for name, endpoint in endpoints.items()}


def as_function(endpoint, batch=None, fields=None, lengths=None):
    """An endpoint as a TensorFlow function of its named inputs.

    Args:
        endpoint: An `Endpoint`.
        batch: A fixed batch size, or None.
        fields: {input: Field} to check inside the graph, or None.
        lengths: {input: length}: what to fix free lengths to, or None.

    Returns:
        A concrete function with keyword arguments and a dictionary of outputs. What the outputs do not need, such as losses and
        metrics inside the graph, is left out.
    """

    def call(**inputs):
        if fields is not None:
            inputs = {name: checked(name, tensor, fields[name]) for name, tensor in inputs.items()}
        # The names of the operations are the names of ONNX's outputs.
        return {name: tf.identity(output, name=name) for name, output in endpoint(inputs).items()}

    specs = specs_of(endpoint, batch, lengths)
    with folded_time():
        function = tf.function(call, autograph=False).get_concrete_function(**specs)
    return _without_side_effects(function, specs)


def specs_of(endpoint, batch=None, lengths=None):
    """The inputs of an endpoint, {name: tf.TensorSpec}; the arguments are those of `as_function`."""
    specs = {}
    for name, tensor in endpoint.inputs.items():
        shape = list(tensor.shape)
        if shape and shape[0] is None:
            shape[0] = batch
        if lengths and name in lengths:
            shape[1:] = [lengths[name] if size is None else size for size in shape[1:]]
        specs[name] = tf.TensorSpec(shape, tensor.dtype, name=name)
    return specs


def _without_side_effects(function, specs):
    """The same function with only those operations that its outputs are made of."""
    # TensorFlow makes every output wait for every side effect; the operation before that does not.
    outputs = {name: output.op.inputs[0] for name, output in function.structured_outputs.items()}
    graph_def = function.graph.as_graph_def()
    graph_def = tf.compat.v1.graph_util.extract_sub_graph(graph_def, [output.op.name for output in outputs.values()])
    graph_def = with_new_axes_apart(graph_def)
    kept = {node.name for node in graph_def.node}
    captured = {inside.op.name: outside for outside, inside in function.graph.captures if inside.op.name in kept}

    def call(**inputs):
        graph = tf.compat.v1.get_default_graph()
        feeds = {name: tensor for name, tensor in inputs.items() if name in kept}
        feeds.update({name: _inside(graph, tensor) for name, tensor in captured.items()})
        for variable in function.graph.variables:
            graph.watch_variable(variable)  # the variables that converters turn into constants
        results = tf.graph_util.import_graph_def(
            graph_def,
            input_map={f"{name}:0": tensor for name, tensor in feeds.items()},
            return_elements=[output.name for output in outputs.values()],
            name="graph",
        )
        return {name: tf.identity(result, name=name) for name, result in zip(outputs, results)}

    return tf.function(call, autograph=False).get_concrete_function(**specs)


def _inside(graph, tensor):
    """A tensor from outside of a graph: the handle of a variable or a table, or else a constant, which converters would lose."""
    return graph.capture(tensor) if tensor.dtype in (tf.resource, tf.variant) else tf.constant(tensor.numpy())


def has_loop(function):
    """Whether a concrete function has a while loop in it, or in a function that it calls."""
    graph_def = function.graph.as_graph_def()
    nodes = [*graph_def.node, *(node for inner in graph_def.library.function for node in inner.node_def)]
    return any(node.op in ("While", "StatelessWhile") for node in nodes)


def save(folder, endpoints, functions, further=None):
    """Saves {signature: function} with all that these need; `RunError` if the disk is full.

    Args:
        folder: The folder, as text.
        endpoints: {signature: Endpoint}, of which every variable is saved once.
        functions: {signature: function}, those of endpoints concrete.
        further: {signature: `tf.Module`} of signatures that are no endpoints, or None.
    """
    module = tf.Module()
    module.kept, module.further = [*variables(endpoints), *_resources(endpoints, functions)], further or {}
    # The gradients of some activations, such as silu, cannot be saved, and whoever runs a file needs none.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    try:
        tf.saved_model.save(module, folder, signatures=functions, options=options)
    except tf.errors.OpError as error:
        reason = error.message.split("; ")[-1].partition(" [Op:")[0]
        raise RunError(f"{folder} cannot be written ({reason}); nothing was kept.") from error


def _resources(endpoints, functions):
    """The tables and the variables of TensorFlow's own that functions read; a SavedModel asks for them by object."""
    read = {id(outside) for signature in endpoints for outside, _ in functions[signature].graph.captures}
    # Keras's own are kept as they are: its wrappers around them would be saved as variables of their own.
    read -= {id(variable.handle) for variable in variables(endpoints)}
    found = {}
    for endpoint in endpoints.values():
        for layer in endpoint.model._flatten_layers():
            for part in tf.train.TrackableView(layer).descendants():
                handle = getattr(part, "handle", getattr(part, "resource_handle", None))
                if id(handle) in read:
                    found[id(handle)] = part
    return list(found.values())


def check_plain(endpoints, form):
    """Raises `UsageError` if an endpoint holds what only TensorFlow can run: text, or tables to look up in.

    Args:
        endpoints: {signature: Endpoint}.
        form: Name of the format that cannot.
    """
    advice = "export a SavedModel, or a model that begins behind it and takes numbers"
    for endpoint in endpoints.values():
        for side, tensors in (("input", endpoint.inputs), ("output", endpoint.outputs)):
            for name, tensor in tensors.items():
                if str(tensor.dtype) == "string":
                    raise UsageError(f"{side} `{name}` is text, for which {form} has no operations; {advice}.")
        for layer in endpoint.model._flatten_layers(include_self=False):
            parts = tf.train.TrackableView(layer).descendants()
            if any(isinstance(part, tf.saved_model.experimental.TrackableResource) for part in parts):
                raise UsageError(f"layer `{layer.name}` looks up in a table, for which {form} has no operations; {advice}.")


def checked(name, tensor, field):
    """The tensor itself, after the graph has checked at run time that it keeps the field.

    Each message begins as those of `zoo.data.contract.Field.check` do, so that every runtime says the same.

    Args:
        name: Name of the input.
        tensor: `(batch, *field.shape)`.
        field: A `Field`.

    Returns:
        The tensor. Running it raises `tf.errors.InvalidArgumentError` where the contract is broken.
    """
    wanted = [-1 if size is None else size for size in field.sizes()]
    # Where the graph says something of a shape, TensorFlow takes it for granted; what a server is fed may be of any other.
    shape = tf.shape(tf.raw_ops.PlaceholderWithDefault(input=tensor, shape=None))
    fits = tf.equal(tf.size(shape), len(wanted))
    # Compared only where the ranks are equal; padded, so that the comparison itself cannot fail.
    there = tf.pad(shape, [[0, len(wanted)]])[: len(wanted)]
    fits &= tf.reduce_all((tf.constant(wanted, tf.int32) == -1) | (there == wanted)) & tf.reduce_all(shape > 0)
    shape_fits = _assert(fits, f"input `{name}` has shape {{}}; expected {field.batch_shape()}, not empty.", shape)
    with tf.control_dependencies([shape_fits]):
        tensor = tf.identity(tensor)
        checks = []
        free = [index for index, size in enumerate(wanted) if size == -1 and index]
        if field.max_length is not None and free:
            length = tf.reduce_max(tf.gather(there, free))
            message = f"input `{name}` has length {{}}; expected at most {field.max_length}."
            checks.append(_assert(length <= field.max_length, message, length))
        if tensor.dtype.is_floating:
            finite = tf.reduce_all(tf.math.is_finite(tensor))
            checks.append(_assert(finite, f"input `{name}` holds NaN or infinity; expected finite values."))
    with tf.control_dependencies(checks):
        tensor = tf.identity(tensor)
        checks = []
        if field.minimum is not None or field.maximum is not None:
            low, high, in_range = tf.reduce_min(tensor), tf.reduce_max(tensor), tf.constant(True)
            if field.minimum is not None:
                in_range &= low >= tf.cast(field.minimum, tensor.dtype)
            if field.maximum is not None:
                in_range &= high <= tf.cast(field.maximum, tensor.dtype)
            if field.batched:
                told = _assert(in_range, f"input `{name}` lies in [{{}}, {{}}]; expected values in {field.range()}.", low, high)
            else:
                told = _assert(in_range, f"input `{name}` is {{}}; expected a value in {field.range()}.", low)
            checks.append(told)
    with tf.control_dependencies(checks):
        tensor = tf.identity(tensor)
    tensor.set_shape(field.sizes())
    return tensor


def variables(endpoints):
    """Every variable of the endpoints once, for a `tf.Module` that is saved with its functions."""
    every = [variable.value for endpoint in endpoints.values() for variable in endpoint.model.variables]
    return list({id(variable): variable for variable in every}.values())


def _assert(condition, message, *values):
    return tf.debugging.Assert(condition, [tf.strings.format(message, values) if values else message])
