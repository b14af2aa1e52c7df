"""Runs exported files, each by its own runtime and nothing else: SavedModel, LiteRT, ONNX.

All three answer the same call, `engine.run(signature, {input: array})`, with {output: array}. `python -m zoo.engines` does so in
a process of its own, for the proof that a file needs nothing of the process that made it.
"""

import argparse
import base64
import pathlib
import sys
import time

import numpy as np

DEFAULT = "serving_default"
SAVED_MODEL, LITERT, ONNX = "saved_model.pb", "model.tflite", "model.onnx"


def open_engine(path, threads=1):
    """The engine for an exported file.

    Args:
        path: A `.tflite` file, a `.onnx` file, or a `saved_model.pb` or its folder.
        threads: Number of threads that one call may use; SavedModels share TensorFlow's own.

    Returns:
        A `LiteRTEngine`, an `OnnxEngine` or a `SavedModelEngine`.

    Raises:
        ValueError: If the runtime refuses the file.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return SavedModelEngine(path)
    if path.suffix == ".tflite":
        return LiteRTEngine(path, threads)
    if path.suffix == ".onnx":
        return OnnxEngine(path, threads)
    return SavedModelEngine(path.parent)


class LiteRTEngine:
    """A `.tflite` file, run by ai-edge-litert.

    A file without signatures answers to "serving_default", by the names of its tensors.

    Attributes:
        signatures: {signature: (input names, output names)}.
    """

    def __init__(self, path, threads=1):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=threads)
        self._runners = {
            name: self._interpreter.get_signature_runner(name) for name in self._interpreter.get_signature_list()
        } or {DEFAULT: _WithoutSignature(self._interpreter)}
        self.signatures = {
            name: (list(runner.get_input_details()), list(runner.get_output_details())) for name, runner in self._runners.items()
        }

    def run(self, signature, inputs):
        """The outputs, {name: array}, for {name: array}."""
        return self._runners[signature](**inputs)

    def describe(self, signature):
        """What a signature takes and gives: ({input: (dtype, shape)}, {output: (dtype, shape)}).

        A dtype is the name of NumPy's, or "string"; a shape has None for a free size, and is None if it may be any.
        """
        runner = self._runners[signature]
        return tuple(
            {name: (_dtype_name(one["dtype"]), _sizes(one["shape_signature"])) for name, one in details.items()}
            for details in (runner.get_input_details(), runner.get_output_details())
        )


class _WithoutSignature:
    """Runs the main graph of a `.tflite` file, as a signature runner of LiteRT's does."""

    def __init__(self, interpreter):
        self._interpreter = interpreter

    def get_input_details(self):
        return {details["name"]: details for details in self._interpreter.get_input_details()}

    def get_output_details(self):
        return {details["name"]: details for details in self._interpreter.get_output_details()}

    def __call__(self, **inputs):
        details = self.get_input_details()
        for name, array in inputs.items():
            if tuple(details[name]["shape"]) != array.shape:
                self._interpreter.resize_tensor_input(details[name]["index"], array.shape)
        self._interpreter.allocate_tensors()
        for name, array in inputs.items():
            self._interpreter.set_tensor(details[name]["index"], array)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(one["index"]) for name, one in self.get_output_details().items()}


class OnnxEngine:
    """`NAME.onnx` for the default signature and, beside it, `NAME.SIGNATURE.onnx` for each other one; run by ONNX Runtime.

    Attributes:
        signatures: {signature: (input names, output names)}.
    """

    def __init__(self, path, threads=1):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        files = {DEFAULT: path, **{file.stem.split(".")[-1]: file for file in path.parent.glob(f"{path.stem}.*.onnx")}}
        self._sessions = {
            name: onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
            for name, file in files.items()
        }
        self.signatures = {
            name: ([value.name for value in session.get_inputs()], [value.name for value in session.get_outputs()])
            for name, session in self._sessions.items()
        }

    def run(self, signature, inputs):
        """The outputs, {name: array}, for {name: array}."""
        return dict(zip(self.signatures[signature][1], self._sessions[signature].run(None, inputs)))

    def describe(self, signature):
        """What a signature takes and gives, as in `LiteRTEngine.describe`."""
        session = self._sessions[signature]
        return tuple(
            {value.name: (_onnx_dtype(value.type), _sizes(value.shape)) for value in values}
            for values in (session.get_inputs(), session.get_outputs())
        )


class SavedModelEngine:
    """A SavedModel, run by TensorFlow.

    Attributes:
        signatures: {signature: (input names, output names)}.
    """

    def __init__(self, folder):
        import tensorflow as tf

        self._tensor = tf.constant
        self._model = tf.saved_model.load(str(folder))  # the signatures die with it
        self._functions = dict(self._model.signatures)
        self.signatures = {
            name: (list(function.structured_input_signature[1]), list(function.structured_outputs))
            for name, function in self._functions.items()
        }

    def run(self, signature, inputs):
        """The outputs, {name: array}, for {name: array}."""
        tensors = {name: self._tensor(array) for name, array in inputs.items()}
        return {name: output.numpy() for name, output in self._functions[signature](**tensors).items()}

    def describe(self, signature):
        """What a signature takes and gives, as in `LiteRTEngine.describe`."""
        function = self._functions[signature]
        return tuple(
            {name: (one.dtype.name, _sizes(one.shape if one.shape.rank is not None else None)) for name, one in tensors.items()}
            for tensors in (function.structured_input_signature[1], function.structured_outputs)
        )


def _sizes(shape):
    """A shape as a list: None for sizes that are free, -1 or have a name."""
    return None if shape is None else [int(size) if isinstance(size, (int, np.integer)) and size >= 0 else None for size in shape]


def _dtype_name(dtype):
    dtype = np.dtype(dtype)
    return "string" if dtype.kind in "OSU" else dtype.name


def _onnx_dtype(kind):
    """The dtype of ONNX Runtime's type, such as "tensor(float)".

    Example:
        >>> _onnx_dtype("tensor(float)"), _onnx_dtype("tensor(int64)")
        ('float32', 'int64')
    """
    name = kind.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)


def write_arrays(path, items):
    """Writes a list of (signature, {name: array}) as .npz; arrays of bytes go as base64, because NumPy would cut them at NUL."""
    arrays = {"signatures": np.array([signature for signature, _ in items])}
    for index, (_, values) in enumerate(items):
        for name, array in values.items():
            array = np.asarray(array)
            if array.dtype.kind in "OSU":
                texts = [base64.b64encode(text) for text in array.ravel()]
                arrays[f"{index}/base64/{name}"] = np.array(texts, "S").reshape(array.shape)
            else:
                arrays[f"{index}/plain/{name}"] = array
    np.savez(path, **arrays)


def read_arrays(path):
    """The list that `write_arrays` wrote; bytes come as object arrays."""
    with np.load(path) as file:
        items = [(str(signature), {}) for signature in file["signatures"]]
        for key in file.files:
            if key != "signatures":
                index, form, name = key.split("/", 2)
                array = file[key]
                if form == "base64":
                    texts = [base64.b64decode(text) for text in array.ravel()]
                    array = np.array([*texts, None], object)[:-1].reshape(array.shape)
                items[int(index)][1][name] = array
    return items


def golden_arrays(values):
    """The arrays of a request or an answer in golden.json, {name: {"dtype", "value"}}: bytes come as object arrays.

    Example:
        >>> golden_arrays({"label": {"dtype": "int32", "value": [3]}})
        {'label': array([3], dtype=int32)}
    """
    arrays = {}
    for name, content in values.items():
        if content["dtype"] == "string":
            texts = [base64.b64decode(text["b64"]) if isinstance(text, dict) else text.encode() for text in content["value"]]
            arrays[name] = np.array([*texts, None], object)[:-1]
        else:
            arrays[name] = np.array(content["value"], content["dtype"])
    return arrays


def seconds_of_call(engine, signature, inputs, budget=0.5):
    """The median duration of one call, over as many calls as `budget` seconds allow, and at least three."""
    engine.run(signature, inputs)
    durations, end = [], time.perf_counter() + budget
    while len(durations) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        engine.run(signature, inputs)
        durations.append(time.perf_counter() - start)
    return float(np.median(durations))


def reason_of(error):
    r"""The line of a runtime's error that says why; TensorFlow puts where in front of it.

    Example:
        >>> reason_of(ValueError("Graph execution error:\n\nassertion failed: [input `image` is empty.]\n\t [[node]]"))
        'input `image` is empty.'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and line != "Graph execution error:"]
    for line in lines:
        if line.startswith("assertion failed: ["):
            return line.removeprefix("assertion failed: [").removesuffix("]")
    return lines[0] if lines else type(error).__name__


def main():
    """Answers the requests of one .npz file in another; with --time, the last ones by their duration instead."""
    parser = argparse.ArgumentParser(prog="python -m zoo.engines")
    for argument in ("file", "requests", "answers"):
        parser.add_argument(argument)
    parser.add_argument("--time", type=int, default=0, metavar="COUNT", help="how many are timed")
    arguments = parser.parse_args()
    engine = open_engine(arguments.file)
    requests, answers = read_arrays(arguments.requests), []
    for index, (signature, inputs) in enumerate(requests):
        try:
            if index >= len(requests) - arguments.time:
                answers.append((signature, {"seconds": np.array(seconds_of_call(engine, signature, inputs))}))
            else:
                answers.append((signature, engine.run(signature, inputs)))
        except Exception as error:  # every runtime has its own
            sys.exit(f"signature {signature}: {reason_of(error)}")
    write_arrays(arguments.answers, answers)


if __name__ == "__main__":
    main()
