"""What is changed in a `.tflite` file after its conversion."""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

BUILTIN = schema.BuiltinOperator
# Positions among the inputs of a fused LSTM, and among its intermediate tensors.
OUTPUT_STATE, CELL_STATE, HIDDEN = 18, 19, 4


def operations(content):
    """The names of the built-in operations in a file, bytes."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    names = {number: name for name, number in vars(BUILTIN).items() if isinstance(number, int)}
    return sorted({names[code.builtinCode] for code in model.operatorCodes})


def foreign_operations(content):
    """The names of the operations in a file, bytes, that are not built in: Flex and custom ones."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    return sorted({code.customCode.decode() for code in model.operatorCodes if code.builtinCode == BUILTIN.CUSTOM})


def finished(content, metadata):
    """A converted file, bytes, with its fused layers starting anew at every call, and with metadata, {key: text}."""
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
            if model.operatorCodes[operator.opcodeIndex].builtinCode != BUILTIN.UNIDIRECTIONAL_SEQUENCE_LSTM:
                operators.append(operator)
                continue
            after = _repair_quantization(model, graph, operator)
            before = [_zeroing(model, graph, operator.inputs[position]) for position in (OUTPUT_STATE, CELL_STATE)]
            operators += [*before, operator, *after]
        graph.operators = operators


def _repair_quantization(model, graph, operator):
    """Gives output and output state the scale of the hidden state that they are copies of; where they differ, nonsense comes out.

    They differ where the output's scale was fitted to what reads it, as a concatenation. The cell state needs a range of at least
    [-1, 1].

    Returns:
        The operators that must follow: one that brings the output to the scale of its readers, or none.
    """
    output_state, cell_state = (graph.tensors[operator.inputs[position]] for position in (OUTPUT_STATE, CELL_STATE))
    if cell_state.type != schema.TensorType.INT16:
        return []
    cell_state.quantization.scale = np.maximum(cell_state.quantization.scale, np.float32(2**-15))
    output, hidden = graph.tensors[operator.outputs[0]], graph.tensors[operator.intermediates[HIDDEN]].quantization
    output_state.quantization = hidden
    if (output.quantization.scale[0], output.quantization.zeroPoint[0]) == (hidden.scale[0], hidden.zeroPoint[0]):
        return []
    raw = schema.TensorT()
    raw.name, raw.type, raw.shape = b"raw_" + output.name, output.type, output.shape
    raw.shapeSignature, raw.quantization = output.shapeSignature, hidden
    quantize = _operator(model, BUILTIN.QUANTIZE, _add_tensor(graph, raw), operator.outputs[0])
    operator.outputs = quantize.inputs
    return [quantize]


def _zeroing(model, graph, state):
    """The operator that writes zero, as the state's own quantization writes it, into a state tensor.

    The runtime keeps that state from call to call, so that the second answer would go on from the first one's end. The zeros come
    from a cast, which runs at every call; a copy of a constant would be made once.
    """
    target = graph.tensors[state]
    points = None if target.quantization is None else target.quantization.zeroPoint
    zero = int(points[0]) if points is not None and len(points) else 0
    source = schema.TensorT()
    source.name, source.type, source.shape = b"initial_" + target.name, schema.TensorType.INT8, target.shape
    source.buffer = _add_buffer(model, np.full(int(np.prod(target.shape)), zero, "int8").view("uint8"))
    operator = _operator(model, BUILTIN.CAST, _add_tensor(graph, source), state)
    operator.builtinOptions, operator.builtinOptionsType = schema.CastOptionsT(), schema.BuiltinOptions.CastOptions
    operator.builtinOptions.inDataType, operator.builtinOptions.outDataType = source.type, target.type
    return operator


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
