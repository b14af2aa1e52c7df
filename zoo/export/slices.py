"""Slices that add axes, as `mask[:, None, :]`, in a form that LiteRT runs where more than one size is free."""

import tensorflow as tf

FIELDS = ("begin_mask", "end_mask", "ellipsis_mask", "shrink_axis_mask")


def with_new_axes_apart(graph_def):
    """The same graph with every slice that adds axes as a slice that adds none, and `ExpandDims` behind it.

    Args:
        graph_def: A `GraphDef`; the functions in its library are changed too.

    Returns:
        A `GraphDef` in which all names of operations and of their outputs are as before.
    """
    changed = tf.compat.v1.GraphDef()
    changed.CopyFrom(graph_def)
    _replace(changed.node, _apart(graph_def.node, "{}"))
    for before, after in zip(graph_def.library.function, changed.library.function):
        _replace(after.node_def, _apart(before.node_def, "{}:output:0"))
    if changed.library != graph_def.library:
        _rename_functions(changed)
    return changed


def _replace(nodes, others):
    others = [*others]
    del nodes[:]
    nodes.extend(others)


def _rename_functions(graph_def):
    """Gives every function of the library a new name: TensorFlow knows the old ones, and wants them to stay as they are."""
    names = {function.signature.name: f"{function.signature.name}_apart" for function in graph_def.library.function}
    for function in graph_def.library.function:
        function.signature.name = names[function.signature.name]
    for gradient in graph_def.library.gradient:
        gradient.function_name = names.get(gradient.function_name, gradient.function_name)
        gradient.gradient_func = names.get(gradient.gradient_func, gradient.gradient_func)
    for node in [*graph_def.node, *(node for function in graph_def.library.function for node in function.node_def)]:
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            for called in [value.func, *value.list.func]:
                if called.name in names:
                    called.name = names[called.name]


def _apart(nodes, reference):
    """The nodes of a graph; `reference` is how the first output of a node is written there."""
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        count = _entries(node, by_name)
        if count is None:
            yield node
        else:
            yield from _slice_and_new_axes(node, count, reference)


def _entries(node, by_name):
    """How many entries a slice that adds axes has, or None for another node and where the graph does not tell."""
    if node.op != "StridedSlice" or not node.attr["new_axis_mask"].i:
        return None
    begin = by_name.get(node.input[1].split(":")[0])
    if begin is None or begin.op not in ("Const", "Pack"):
        return None
    return begin.attr["N"].i if begin.op == "Pack" else tf.make_ndarray(begin.attr["value"].tensor).size


def _slice_and_new_axes(node, count, reference):
    def has(field, entry):
        return bool(node.attr[field].i >> entry & 1)

    new = [entry for entry in range(count) if has("new_axis_mask", entry) and not has("ellipsis_mask", entry)]
    kept = [entry for entry in range(count) if entry not in new]
    source = node.input[0]
    if kept:
        picked = []
        for position, part in ((1, "begin"), (2, "end"), (3, "strides")):
            picked.append(reference.format(f"{node.name}/{part}"))
            yield from _gathered(f"{node.name}/{part}", node.input[position], kept, node.attr["Index"].type, reference)
        sliced = tf.compat.v1.NodeDef()
        sliced.CopyFrom(node)
        sliced.name = f"{node.name}/slice"
        sliced.input[1:4] = picked
        sliced.attr["new_axis_mask"].i = 0
        for field in FIELDS:
            sliced.attr[field].i = sum(has(field, entry) << index for index, entry in enumerate(kept))
        yield sliced
        source = reference.format(sliced.name)
    ellipsis = next((entry for entry in kept if has("ellipsis_mask", entry)), count)
    # Before an ellipsis axes are counted from the front, behind it from the end.
    front = [sum(not has("shrink_axis_mask", other) for other in range(entry)) for entry in new if entry < ellipsis]
    behind = [entry for entry in new if entry > ellipsis]
    back = [-1 - sum(not has("shrink_axis_mask", other) for other in range(entry + 1, count)) for entry in reversed(behind)]
    axes = [*front, *back]
    for index, axis in enumerate(axes):
        name = node.name if index == len(axes) - 1 else f"{node.name}/axis_{index}"
        yield _constant(f"{name}/axis", axis)
        expanded = tf.compat.v1.NodeDef(name=name, op="ExpandDims", input=[source, reference.format(f"{name}/axis")])
        expanded.attr["T"].type, expanded.attr["Tdim"].type = node.attr["T"].type, tf.int32.as_datatype_enum
        yield expanded
        source = reference.format(name)


def _gathered(name, source, entries, dtype, reference):
    """Nodes that pick entries of a vector."""
    yield _constant(f"{name}/entries", entries)
    yield _constant(f"{name}/axis", 0)
    inputs = [source, reference.format(f"{name}/entries"), reference.format(f"{name}/axis")]
    gathered = tf.compat.v1.NodeDef(name=name, op="GatherV2", input=inputs)
    gathered.attr["Tparams"].type = dtype
    gathered.attr["Tindices"].type = gathered.attr["Taxis"].type = tf.int32.as_datatype_enum
    yield gathered


def _constant(name, value):
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.int32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.int32))
    return node
