"""What is changed in a `.tflite` file after its conversion."""

import copy

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

BUILTIN = schema.BuiltinOperator
# Positions among the inputs of a fused LSTM, and among its intermediate tensors.
OUTPUT_STATE, CELL_STATE, HIDDEN = 18, 19, 4
STATE_TYPES = {schema.TensorType.FLOAT32: "float32", schema.TensorType.INT8: "int8", schema.TensorType.INT16: "int16"}
# Operations that copy their first input as it is, whatever scale their output says it has.
COPYING = (
    BUILTIN.EXPAND_DIMS,
    BUILTIN.GATHER,
    BUILTIN.RESHAPE,
    BUILTIN.REVERSE_V2,
    BUILTIN.SLICE,
    BUILTIN.SQUEEZE,
    BUILTIN.STRIDED_SLICE,
    BUILTIN.TRANSPOSE,
)


def foreign_operations(content):
    """The names of the operations in a file, bytes, that are not built in: Flex and custom ones."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    return sorted({code.customCode.decode() for code in model.operatorCodes if code.builtinCode == BUILTIN.CUSTOM})


def finished(content, metadata):
    """A converted file, bytes, with its fused layers starting again at every call, and with metadata, {key: text}."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    _repair_fused_layers(model)
    for key, text in metadata.items():
        entry = schema.MetadataT()
        entry.name, entry.buffer = key, _add_buffer(model, np.frombuffer(text.encode(), "uint8"))
        model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def read_metadata(path):
    """The metadata of a file, {key: bytes}."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(path.read_bytes()))
    return {entry.name.decode(): bytes(model.buffers[entry.buffer].data) for entry in model.metadata or []}


def _repair_fused_layers(model):
    """Makes every fused LSTM answer each call by itself, and in the scales that the runtime takes its quantized tensors for."""
    for graph in model.subgraphs:
        operators = []
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex].builtinCode
            before = after = []
            if code == BUILTIN.UNIDIRECTIONAL_SEQUENCE_LSTM:
                after = _repair_quantization(model, graph, operator)
                before = [_zeroing(model, graph, operator, position) for position in (OUTPUT_STATE, CELL_STATE)]
            elif code in COPYING:
                after = _brought_to_scale(model, graph, operator, graph.tensors[operator.inputs[0]].quantization)
            operators += [*before, operator, *after]
        graph.operators = operators


def _repair_quantization(model, graph, operator):
    """Gives output and output state the scale of the hidden state that they are copies of; where they differ, nonsense comes out.

    They differ where the output's scale was fitted to what reads it, as a concatenation. The cell state needs a range of at least
    [-1, 1].

    Returns:
        The operators that must follow.
    """
    output_state, cell_state = (graph.tensors[operator.inputs[position]] for position in (OUTPUT_STATE, CELL_STATE))
    if cell_state.type != schema.TensorType.INT16:
        return []
    cell_state.quantization.scale = np.maximum(cell_state.quantization.scale, np.float32(2**-15))
    output_state.quantization = graph.tensors[operator.intermediates[HIDDEN]].quantization
    return _brought_to_scale(model, graph, operator, output_state.quantization)


def _brought_to_scale(model, graph, operator, quantization):
    """What must follow an operator whose 8-bit output comes in a given scale: what brings it to the one its readers take it for.

    Returns:
        A list of one operator, or none where the scales are equal.
    """
    output = graph.tensors[operator.outputs[0]]
    if output.type != schema.TensorType.INT8 or _scale_of(output.quantization) == _scale_of(quantization):
        return []
    raw = schema.TensorT()
    raw.name, raw.type, raw.shape = b"raw_" + output.name, output.type, output.shape
    raw.shapeSignature, raw.quantization = output.shapeSignature, quantization
    quantize = _operator(model, BUILTIN.QUANTIZE, _add_tensor(graph, raw), operator.outputs[0])
    operator.outputs = quantize.inputs
    return [quantize]


def _scale_of(quantization):
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return None
    return quantization.scale[0], quantization.zeroPoint[0]


def _zeroing(model, graph, operator, position):
    """The operator that writes zero, as the state's own quantization writes it, into a state of a fused LSTM.

    The runtime keeps that state from call to call, so that the second answer would go on from the first one's end. The zeros come
    from a cast, which runs at every call; a copy of a constant would be made once. The state gets a tensor of its own: others,
    such as loops, may read the same one for the zeros that it is at first.
    """
    shared = graph.tensors[operator.inputs[position]]
    scale = _scale_of(shared.quantization)
    zeros = np.full(int(np.prod(shared.shape)), 0 if scale is None else int(scale[1]), "int8")
    source, target = schema.TensorT(), copy.copy(shared)
    source.name, source.type, source.shape = b"initial_" + shared.name, schema.TensorType.INT8, shared.shape
    source.buffer = _add_buffer(model, zeros.view("uint8"))
    target.name, target.isVariable, target.buffer = b"own_" + shared.name, True, 0
    shared.isVariable, shared.buffer = False, _add_buffer(model, zeros.astype(STATE_TYPES[shared.type]).view("uint8"))
    operator.inputs[position] = _add_tensor(graph, target)
    cast = _operator(model, BUILTIN.CAST, _add_tensor(graph, source), operator.inputs[position])
    cast.builtinOptions, cast.builtinOptionsType = schema.CastOptionsT(), schema.BuiltinOptions.CastOptions
    cast.builtinOptions.inDataType, cast.builtinOptions.outDataType = source.type, target.type
    return cast


def _operator(model, code, source, target):
    operator = schema.OperatorT()
    codes = [there.builtinCode for there in model.operatorCodes]
    if code not in codes:
        added = schema.OperatorCodeT()
        added.builtinCode = added.deprecatedBuiltinCode = code
        added.version = 1
        model.operatorCodes.append(added)
        codes.append(code)
    operator.opcodeIndex = codes.index(code)
    operator.inputs, operator.outputs = np.array([source], "int32"), np.array([target], "int32")
    return operator


def _add_tensor(graph, tensor):
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_buffer(model, data):
    buffer = schema.BufferT()
    buffer.data = data
    model.buffers.append(buffer)
    return len(model.buffers) - 1
