"""Operations that a format lacks, in words: which layer they are in, and what to take in their place."""

import re

ARGMAX = "keras.ops.argmax is made of it: take keras.ops.top_k(x, 1)[1] in its place"
# By what the names of operations hold.
INSTEAD = {
    "BitwiseAnd": ARGMAX,
    "Bitcast": ARGMAX,
    "Random": "take the noise, or its seed, as an input of the model",
    "TensorList": "write the loop, as of keras.ops.scan, as the cell of a keras.layers.RNN",
}


def named(operations, endpoints):
    """Operations, each with its layer.

    Args:
        operations: {operation: path of one such operation in the graph}.
        endpoints: The `Endpoint`s that it may come from.

    Returns:
        Text such as "Cholesky (layer `root`), BitwiseAnd".
    """
    layers = {layer.name for endpoint in endpoints for layer in endpoint.model._flatten_layers(include_self=False)}
    found = {operation: _layer_on(path, layers) for operation, path in operations.items()}
    return ", ".join(operation if layer is None else f"{operation} (layer `{layer}`)" for operation, layer in found.items())


def instead(operations):
    """What to take in place of operations, a sentence without its end."""
    advice = [text for part, text in INSTEAD.items() if any(part in operation for operation in operations)]
    return "; ".join(dict.fromkeys(advice)) or "write the layer with others"


def _layer_on(path, layers):
    """The innermost layer on the path of an operation, whose name may have got a number in tracing; or None."""
    for part in reversed(path.split("/")):
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in layers:
                return name
    return None
