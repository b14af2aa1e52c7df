"""Tokens a second that a network writes: one exported graph against a Python loop that calls `predict` for each token.

    python benchmarks/writing.py                        # char_rnn and ngram
    python benchmarks/writing.py char_rnn --length 400 --rounds 7

The loop is what people write in notebooks: the whole text so far goes through `model.predict`, and NumPy draws the next token of
its last place; a second one hands on the state, one token at a time. The runs take turns, and the ratio is the median over the
rounds. Expected: at least 20 times the loop with `predict`.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import zoo
from zoo import export
from zoo import finder as recipes
from zoo.engines import open_engine

TEMPERATURE, PROMPT = 0.8, 5  # a token that every vocabulary has


def drawn(logits, generator):
    """A token by its probability."""
    logits = logits.astype("float64") / TEMPERATURE
    logits[:4] = -np.inf
    probabilities = np.exp(logits - logits.max())
    return int(generator.choice(len(logits), p=probabilities / probabilities.sum()))


def by_predict(model, length):
    """The text so far through `predict`, for each token."""
    generator, tokens = np.random.default_rng(0), [PROMPT]
    for _ in range(length):
        tokens.append(drawn(model.predict(np.array([tokens]), verbose=0)[0, -1], generator))


def by_state(step, length):
    """The last token and the state through `predict_on_batch`, for each token."""
    generator, token = np.random.default_rng(0), PROMPT
    states = [np.zeros((1, *state.shape[1:]), state.dtype) for state in step.inputs[1:]]
    for _ in range(length):
        outputs = step.predict_on_batch([np.array([token], "int32"), *states])
        states = [outputs[f"next_{state.name}"] for state in step.inputs[1:]]
        token = drawn(outputs["logits"][0], generator)


def by_engine(engine, length):
    """The whole text by one call of an exported file."""
    single = {"length": (length, "int32"), "temperature": (TEMPERATURE, "float32"), "top_k": (0, "int32"), "seed": (0, "int32")}
    arrays = {name: np.array(value, dtype) for name, (value, dtype) in single.items()}
    engine.run("serving_default", {"tokens": np.array([[PROMPT]], "int32"), **arrays})


def seconds(run):
    """Wall time of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main():
    """Prints a row per network and way of writing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["char_rnn", "ngram"])
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'network':16}{'way':24}{'tokens/s':>10}{'times the loop':>16}")
    for name in arguments.names:
        recipe, model = recipes.find(name), zoo.load(name)
        endpoints = recipe.endpoints(model)
        step = next(layer for layer in endpoints["serving_default"].layers if hasattr(layer, "step")).step
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            examples = {"tokens": np.array([[PROMPT]], "int32"), "length": np.array(3, "int32")}
            export.litert(endpoints["serving_default"], str(path / "model.tflite"), examples=examples)
            export.onnx(endpoints["serving_default"], str(path / "model.onnx"), examples=examples)
            engines = {file: open_engine(path / file) for file in ("model.tflite", "model.onnx")}
            runs = {
                "loop with predict": lambda model=model: by_predict(model, arguments.length),
                "loop with the state": lambda step=step: by_state(step, arguments.length),
                **{file: lambda engine=engine: by_engine(engine, arguments.length) for file, engine in engines.items()},
            }
            for run in runs.values():
                run()  # tracing is not counted
            rounds = [[seconds(run) for run in runs.values()] for _ in range(arguments.rounds)]
        for number, way in enumerate(runs):
            speed = arguments.length / statistics.median(times[number] for times in rounds)
            ratio = statistics.median(times[0] / times[number] for times in rounds)
            print(f"{name:16}{way:24}{speed:10,.0f}{ratio:16.1f}", flush=True)


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main()
