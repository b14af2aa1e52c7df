"""Training speed as `zoo train` runs a network, against the same network compiled with Keras's defaults, and with XLA.

    python benchmarks/training.py                         # the five, on the data of their recipes
    python benchmarks/training.py mnist_cnn --rounds 9

Same network, data and batch size; the runs take turns, and the ratio is the median over the rounds, because machines are noisy.
Keras refuses XLA for networks with layers of augmentation inside.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from zoo import finder as recipes
from zoo.data.batches import Batches
from zoo.data.contract import model_inputs
from zoo.execution import choose_execution


def as_the_zoo(recipe, settings, data):
    """A function that trains on the examples once, as `zoo train` does."""
    model = recipe.build_model(settings, data.contract)
    batches = Batches(data.train, data.contract, settings["batch_size"], seed=0)
    print(choose_execution(model, len(batches)))
    return lambda: model.fit(batches, shuffle=False, verbose=0)


def as_keras(recipe, settings, data, jit_compile=None):
    """The same with everything that Keras chooses by itself, on plain arrays; None where it refuses the `jit_compile` given."""
    model = recipe.build_model(settings, data.contract)
    if jit_compile is not None:
        model.jit_compile = jit_compile
        if model.jit_compile is not jit_compile:
            return None
    inputs = model_inputs(data.train.inputs)
    return lambda: model.fit(inputs, data.train.targets, batch_size=settings["batch_size"], verbose=0)


def seconds(run):
    """Wall time of one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def main():
    """Prints a row per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["mnist_cnn", "stacked_lstm", "stacked_autoencoder", "vae", "seq2seq"])
    parser.add_argument("--examples", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    for name in arguments.names:
        recipe = recipes.find(name)
        settings = recipe.settings()
        data = recipe.load_data(settings)
        few = type(data)(
            data.train.head(arguments.examples), data.validation, data.test, data.contract, data.source, data.licence
        )
        keras.utils.set_random_seed(0)
        runs = [as_the_zoo(recipe, settings, few), as_keras(recipe, settings, few), as_keras(recipe, settings, few, True)]
        runs = [run for run in runs if run is not None]
        for run in runs:
            run()  # tracing and compilation are not counted
        rounds = [[seconds(run) for run in runs] for _ in range(arguments.rounds)]
        speeds = [len(few.train) / statistics.median(times) for times in zip(*rounds)]
        ratios = [statistics.median(times[other] / times[0] for times in rounds) for other in range(1, len(runs))]
        rows.append((name, speeds, ratios))
    print("\nexamples/s           zoo   Keras's defaults   with XLA   zoo/defaults   zoo/XLA")
    for name, (ours, defaults, *xla), (over_defaults, *over_xla) in rows:
        xla, over_xla = (f"{xla[0]:,.0f}", f"{over_xla[0]:.2f}") if xla else ("refused", "")
        print(f"{name:17}{ours:8,.0f}{defaults:19,.0f}{xla:>11}{over_defaults:15.2f}{over_xla:>10}")


if __name__ == "__main__":
    main()
