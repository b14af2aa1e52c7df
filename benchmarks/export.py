"""How long one call takes: Keras, TensorFlow, LiteRT and ONNX Runtime on the same network, weights and input.

    python benchmarks/export.py                          # the five
    python benchmarks/export.py stacked_lstm --rounds 9

Each number is the median duration of a call in milliseconds. The runs take turns, round by round, because machines are noisy;
ratios are medians over the rounds. TensorFlow and Keras use all cores, the others as many threads as said.
"""

import argparse
import os
import pathlib
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import rich.console
import rich.table
import tensorflow as tf

import zoo
from zoo import finder as recipes
from zoo import saved
from zoo.endpoints import DEFAULT, endpoints_of
from zoo.engines import open_engine, seconds_of_call
from zoo.errors import UsageError
from zoo.export.graph import fields_of
from zoo.export.litert import write_litert
from zoo.export.onnx import write_onnx
from zoo.export.requests import make_requests
from zoo.export.saved_model import write_saved_model

NETWORKS = ("mnist_cnn", "stacked_lstm", "stacked_autoencoder", "vae", "seq2seq")


class Call:
    """A function of named arrays with the interface of an engine, for `seconds_of_call`."""

    def __init__(self, function):
        self.run = lambda signature, inputs: function(inputs)


def ways_of(name, examples, folder):
    """Every way to run a network, {what: engine}, and the endpoint."""
    recipe, contract = recipes.find(name), saved.read_contract(saved.find_saved(name))
    endpoints = endpoints_of(recipe, zoo.load(name), contract)
    endpoint, fields = endpoints[DEFAULT], fields_of(endpoints, contract)
    compiled = tf.function(lambda inputs: endpoint(inputs), autograph=False, reduce_retracing=True)
    alone = {DEFAULT: endpoint}
    write_saved_model(alone, folder / "1", fields)
    write_litert(alone, folder / "model.tflite", fields)
    write_onnx(alone, folder / "model.onnx")
    ways = {
        "predict": Call(endpoint.predict),
        "compiled": Call(lambda inputs: compiled({key: tf.constant(array) for key, array in inputs.items()})),
        "SavedModel": open_engine(folder / "1"),
        "LiteRT, 1 thread": open_engine(folder / "model.tflite", threads=1),
        "2 threads": open_engine(folder / "model.tflite", threads=2),
        "ONNX, 1 thread": open_engine(folder / "model.onnx", threads=1),
        "2 threads ": open_engine(folder / "model.onnx", threads=2),
    }
    try:
        write_litert(alone, folder / "fused.tflite", fields, examples, batch=1, fused=True)
        ways["LiteRT fused"] = open_engine(folder / "fused.tflite", threads=1)
    except UsageError:
        pass  # nothing to fuse
    return ways, endpoint, {DEFAULT: fields[DEFAULT]}


def main():
    """Prints a row per network and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 32])
    arguments = parser.parse_args()
    rows, columns = [], {}
    for name in arguments.names:
        recipe = recipes.find(name)
        examples = recipe.load_data(recipe.settings()).test.head(max(arguments.batch)).inputs
        with tempfile.TemporaryDirectory() as folder:
            ways, endpoint, fields = ways_of(name, examples, pathlib.Path(folder))
            for batch in arguments.batch:
                ((_, inputs, _),) = make_requests({DEFAULT: endpoint}, examples, fields, (batch,), fixed_lengths=True)
                taking = {what: way for what, way in ways.items() if batch == 1 or what != "LiteRT fused"}
                rounds = [
                    {what: seconds_of_call(way, DEFAULT, inputs, budget=0.2) for what, way in taking.items()}
                    for _ in range(arguments.rounds)
                ]
                rows.append((f"{name}, batch {batch}", rounds))
                columns.update(dict.fromkeys(taking))
    table = rich.table.Table("ms a call", *columns, box=None, pad_edge=False)
    ratios = rich.table.Table("SavedModel takes times", *columns, box=None, pad_edge=False)
    for title, rounds in rows:
        cells = {what: f"{statistics.median(times[what] for times in rounds) * 1e3:.3g}" for what in rounds[0]}
        table.add_row(title, *(cells.get(what, "") for what in columns))
        over = {what: statistics.median(times["SavedModel"] / times[what] for times in rounds) for what in rounds[0]}
        ratios.add_row(title, *(f"{over[what]:.2f}" if what in over else "" for what in columns))
    console = rich.console.Console(width=160)
    console.print(table)
    console.print(ratios)


if __name__ == "__main__":
    main()
