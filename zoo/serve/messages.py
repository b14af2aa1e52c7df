"""The messages of TensorFlow Serving's gRPC API, without TensorFlow: their classes, and tensors as arrays.

`messages.binpb` holds descriptors that tensorflow-serving-api and TensorFlow publish (Apache-2.0); `python -m zoo.serve.messages`
collects them again, and that alone needs the two packages. They live in a pool of their own, so that a process may import both.
"""

import math
import pathlib

import numpy as np
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message, message_factory, wrappers_pb2

from zoo.errors import UsageError

FILE = pathlib.Path(__file__).with_suffix(".binpb")
OWN = (any_pb2, wrappers_pb2)  # protobuf brings these itself


def collect():
    """The bytes of `messages.binpb`: a FileDescriptorSet of all that the two services reach, what is imported first."""
    from tensorflow_serving.apis import model_service_pb2, prediction_service_pb2

    found = {}

    def add(file):
        for needed in file.dependencies:
            add(needed)
        if file.name not in found and not file.name.startswith("google/protobuf/"):
            found[file.name] = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)

    for module in (prediction_service_pb2, model_service_pb2):
        add(module.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=found.values()).SerializeToString(deterministic=True)


def _pool():
    pool = descriptor_pool.DescriptorPool()
    for module in OWN:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    for file in descriptor_pb2.FileDescriptorSet.FromString(FILE.read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


def _class(name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))


POOL = _pool()
PredictRequest, PredictResponse = _class("tensorflow.serving.PredictRequest"), _class("tensorflow.serving.PredictResponse")
GetModelMetadataRequest = _class("tensorflow.serving.GetModelMetadataRequest")
GetModelMetadataResponse = _class("tensorflow.serving.GetModelMetadataResponse")
SignatureDefMap = _class("tensorflow.serving.SignatureDefMap")
ClassificationRequest = _class("tensorflow.serving.ClassificationRequest")
ClassificationResponse = _class("tensorflow.serving.ClassificationResponse")
RegressionRequest = _class("tensorflow.serving.RegressionRequest")
MultiInferenceRequest = _class("tensorflow.serving.MultiInferenceRequest")
MultiInferenceResponse = _class("tensorflow.serving.MultiInferenceResponse")
ModelSpec = _class("tensorflow.serving.ModelSpec")
GetModelStatusRequest = _class("tensorflow.serving.GetModelStatusRequest")
GetModelStatusResponse = _class("tensorflow.serving.GetModelStatusResponse")
ReloadConfigRequest = _class("tensorflow.serving.ReloadConfigRequest")
ReloadConfigResponse = _class("tensorflow.serving.ReloadConfigResponse")
ModelServerConfig = _class("tensorflow.serving.ModelServerConfig")
TensorProto, Example = _class("tensorflow.TensorProto"), _class("tensorflow.Example")
_types = POOL.FindEnumTypeByName("tensorflow.DataType")
TYPES = {
    _types.values_by_name[name].number: (np.dtype(dtype), field)
    for name, dtype, field in (
        ("DT_FLOAT", "<f4", "float_val"),
        ("DT_DOUBLE", "<f8", "double_val"),
        ("DT_HALF", "<f2", "half_val"),
        ("DT_INT8", "i1", "int_val"),
        ("DT_INT16", "<i2", "int_val"),
        ("DT_INT32", "<i4", "int_val"),
        ("DT_INT64", "<i8", "int64_val"),
        ("DT_UINT8", "u1", "int_val"),
        ("DT_UINT16", "<u2", "int_val"),
        ("DT_UINT32", "<u4", "uint32_val"),
        ("DT_UINT64", "<u8", "uint64_val"),
        ("DT_BOOL", "?", "bool_val"),
        ("DT_STRING", "O", "string_val"),
    )
}
NUMBERS = {dtype: number for number, (dtype, _) in TYPES.items()}

WHOLE_NUMBERS = (7, 10, 11, 13, 16, 17)  # the numbers of the fields of a TensorProto that hold them in a list
LARGE, MOST_PARTS = 2**20, 50_000  # bytes of a message that is looked at before it is parsed, and what it may consist of
STRING_SIZE = 64  # bytes that a short text takes in memory


def parse(kind, content):
    """A message of a class out of bytes.

    Raises:
        UsageError: If they are no such message.
    """
    try:
        return kind.FromString(content)
    except message.DecodeError:
        raise UsageError(f"the request is not a {kind.DESCRIPTOR.full_name}: its bytes cannot be parsed.") from None


def check_parts(content):
    """Raises `UsageError` if the bytes of a PredictRequest are large and would be many times as large once parsed.

    A part of two bytes takes fifty, and a whole number of one byte up to eight. Arrays in tensor_content, and floating-point
    numbers, which every client packs, are one part and stay as large as they are.
    """
    if len(content) <= LARGE:
        return
    left = MOST_PARTS

    def walk(start, end, levels):
        nonlocal left
        while start < end:
            left -= 1
            if left < 0:
                raise UsageError(f"the request has more than {MOST_PARTS} parts; send numbers packed, or fewer texts at once.")
            tag, start = _varint(content, start, end)
            number, kind = tag >> 3, tag & 7
            if kind == 0:
                _, start = _varint(content, start, end)
            elif kind == 2:
                size, start = _varint(content, start, end)
                if start + size > end:
                    raise UsageError("the request is not a message: it ends too soon.")
                if len(levels) == 2 and number in WHOLE_NUMBERS and size > LARGE:
                    raise UsageError(f"a tensor has {size} bytes of whole numbers in a list; send it as tensor_content.")
                if levels and number in levels[0]:
                    walk(start, start + size, levels[1:])
                start += size
            else:
                start += {1: 8, 5: 4}.get(kind, end)

    # The inputs of a request, the value of each, the shape of a tensor, each size in it.
    walk(0, len(content), ((2,), (2,), (2,), (2,)))


def _varint(content, start, end):
    value = shift = 0
    while start < end and shift < 70:
        byte = content[start]
        value, start, shift = value | (byte & 127) << shift, start + 1, shift + 7
        if byte < 128:
            return value, start
    raise UsageError("the request is not a message: it ends too soon.")


def to_array(name, proto, most=2**24):
    """The array of a TensorProto; a list of values that is too short repeats its last one, an empty one stands for zeros.

    Args:
        name: Name of the input, for messages.
        proto: The TensorProto: its values in `tensor_content`, or in the list of its type.
        most: Most bytes that the array may take.

    Returns:
        An array of the declared shape, perhaps not writeable; of texts it holds bytes as objects.

    Raises:
        UsageError: If the message holds no tensor, or one that is too large; nothing large is allocated before.
    """
    if proto.dtype not in TYPES:
        known = _types.values_by_number.get(proto.dtype)
        raise UsageError(f"input `{name}` has type {known.name if known else proto.dtype}, which no network here takes.")
    dtype, field = TYPES[proto.dtype]
    dims = proto.tensor_shape.dim
    if proto.tensor_shape.unknown_rank or len(dims) > 32:
        raise UsageError(f"input `{name}` has {len(dims) or 'no'} sizes in its shape; expected a known rank, at most 32.")
    shape = tuple(dim.size for dim in dims)
    if any(size < 0 for size in shape):
        raise UsageError(f"input `{name}` has shape {shape}; expected no negative size.")
    count = math.prod(shape)
    # A zero makes the array empty, but NumPy multiplies the other sizes all the same.
    if math.prod(size or 1 for size in shape) * (STRING_SIZE if dtype.kind == "O" else dtype.itemsize) > most:
        raise UsageError(f"input `{name}` has shape {shape}, which is more than {most} bytes; send fewer at once.")
    if proto.tensor_content:
        return _from_content(name, proto.tensor_content, dtype, count).reshape(shape)
    values = getattr(proto, field)
    if len(values) > count:
        raise UsageError(f"input `{name}` has {len(values)} values in {field}; expected {count} for shape {shape}.")
    return _filled(_from_values(name, values, dtype), count).reshape(shape)


def _from_content(name, content, dtype, count):
    if dtype.kind == "O":
        raise UsageError(f"input `{name}` has texts in tensor_content; expected them in string_val.")
    if len(content) != count * dtype.itemsize:
        raise UsageError(f"input `{name}` has {len(content)} bytes in tensor_content; expected {count * dtype.itemsize}.")
    if dtype.kind == "b":
        return np.frombuffer(content, "u1") != 0
    return np.frombuffer(content, dtype)


def _from_values(name, values, dtype):
    if dtype.kind == "O":
        return np.array([*values, None], object)[:-1]
    if dtype == "<f2":  # as the numbers of their bits
        return _whole(name, values, np.dtype("<u2")).view(dtype)
    return _whole(name, values, dtype) if dtype.kind in "iu" else np.fromiter(values, dtype, len(values))


def _whole(name, values, dtype):
    bounds = np.iinfo(dtype)
    if values and (min(values) < bounds.min or max(values) > bounds.max):
        raise UsageError(f"input `{name}` lies in [{min(values)}, {max(values)}], which is more than its type {dtype} holds.")
    return np.fromiter(values, dtype, len(values))


def _filled(values, count):
    if len(values) == count:
        return values
    if not len(values):
        return np.full(count, b"", object) if values.dtype.kind == "O" else np.zeros(count, values.dtype)
    return np.concatenate([values, np.full(count - len(values), values[-1], values.dtype)])


def write_array(array, proto):
    """Writes an array into an empty TensorProto, in the list of its type, as TensorFlow Serving answers."""
    array = np.asarray(array)
    proto.dtype = NUMBERS[array.dtype.newbyteorder("<")]
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    values = array.view("u2") if array.dtype == "f2" else array
    getattr(proto, TYPES[proto.dtype][1]).extend(values.ravel().tolist())


if __name__ == "__main__":
    FILE.write_bytes(collect())
    print(f"{FILE}: {FILE.stat().st_size} bytes")
