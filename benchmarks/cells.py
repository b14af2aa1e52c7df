"""Training speed of the zoo's recurrent cells, as a share of that of `keras.layers.LSTM` of the same size.

    python benchmarks/cells.py                          # both sizes
    python benchmarks/cells.py peephole layer_norm_lstm --rounds 15

The same data and the same model around each. The runs take turns, with one thread and in its CPU time, so that whatever else the
machine does counts little; the ratio is the median over the rounds. Expected: 0.9 of the plain cells; of layer normalization 0.6
with 128 units and 0.8 with 256.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import keras
import numpy as np

from zoo.layers import LayerNormLSTMCell, LayerNormSimpleRNNCell, NoForgetLSTMCell, NormStabilizer, PeepholeLSTMCell

SIZES = [(64, 28, 28, 128), (32, 64, 256, 256)]  # batch, time, features, units
LAYERS = {
    "peephole": lambda units: keras.layers.RNN(PeepholeLSTMCell(units), return_sequences=True),
    "no_forget": lambda units: keras.layers.RNN(NoForgetLSTMCell(units), return_sequences=True),
    "layer_norm_lstm": lambda units: keras.layers.RNN(LayerNormLSTMCell(units), return_sequences=True),
    "layer_norm_simple_rnn": lambda units: keras.layers.RNN(LayerNormSimpleRNNCell(units), return_sequences=True),
    "norm_stabilizer": lambda units: keras.Sequential([lstm(units), NormStabilizer(0.1)]),
}


def lstm(units):
    """What all others are compared with."""
    return keras.layers.LSTM(units, return_sequences=True)


def training(make, batch, steps, features, units, batches):
    """A function that trains a classifier around the layer on some batches."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((steps, features)), make(units), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(batch * batches, steps, features)).astype("float32")
    targets = generator.integers(0, 10, (batch * batches, steps))
    return lambda: model.fit(inputs, targets, batch_size=batch, shuffle=False, verbose=0)


def seconds(run):
    """CPU time of one call."""
    started = time.process_time()
    run()
    return time.process_time() - started


def main():
    """Prints a row per cell and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(LAYERS))
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    print("cell                     batch x time x features   units   sequences/CPU-s   share of LSTM")
    for batch, steps, features, units in SIZES:
        layers = [lstm, *(LAYERS[name] for name in arguments.names)]
        runs = [training(make, batch, steps, features, units, arguments.batches) for make in layers]
        for run in runs:
            run()  # tracing is not counted
        rounds = [[seconds(run) for run in runs] for _ in range(arguments.rounds)]
        for number, name in enumerate(["LSTM", *arguments.names]):
            speed = batch * arguments.batches / statistics.median(times[number] for times in rounds)
            share = statistics.median(times[0] / times[number] for times in rounds)
            print(f"{name:25}{f'{batch} x {steps} x {features}':>23}{units:8}{speed:18,.0f}{share:16.2f}", flush=True)


if __name__ == "__main__":
    main()
