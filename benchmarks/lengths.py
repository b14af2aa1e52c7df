"""What happens beyond the length that a network was trained on: recurrent adders and parities, and multilayer perceptrons.

    python benchmarks/lengths.py                  # writes docs/lengths.png

The recurrent networks are the trained ones of the package, `binary_adder` (8 bits) and `parity_rnn` (10 bits). The multilayer
perceptrons get as many training examples, 20 000, and six times as many passes over them, in two ways: one has inputs for longer
numbers and sees the same training examples, with zeros in front; the others are trained anew for each length, by examples of that
length. All are asked for 1 000 examples of each length that were used for nothing else. Right is a sum with all its bits, and the
parity of the whole.
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import zoo
from zoo.datasets import addition, parity
from zoo.models.binary_adder import adder
from zoo.models.parity_rnn import parity as parity_of

ADDER = {"trained": 8, "wide": 32, "anew": (2, 4, 8, 12, 16, 24, 32), "asked": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)}
PARITY = {"trained": 10, "wide": 32, "anew": (4, 8, 10, 12, 16, 24, 32), "asked": (1, 2, 4, 10, 16, 32, 64, 128, 256, 512, 1000)}
EPOCHS, BATCH, LEARNING_RATE = 30, 50, 2e-3
SEED = 7  # of what they are asked: the training of the packaged networks has seed 0


def sums(length, examples=20_000, seed=0, width=None):
    """(inputs (examples, 2, width), sums (examples, width + 1)) of the training part of `addition`, with zeros in front."""
    part = addition.load(length=length, test_length=1, examples=examples, seed=seed).train
    front = [(0, 0), (0, 0), ((width or length) - length, 0)]
    return np.pad(np.stack([part.inputs["a"], part.inputs["b"]], axis=1), front), np.pad(part.targets, front[1:])


def parities(length, examples=20_000, seed=0, width=None):
    """(inputs (examples, width), parities (examples, 1)) of the training part of `parity`, with zeros in front."""
    part = parity.load(length=length, test_length=1, examples=examples, seed=seed).train
    return np.pad(part.inputs["bits"], [(0, 0), ((width or length) - length, 0)]), part.targets[:, -1:]


def perceptron_of(inputs, targets, units):
    """A multilayer perceptron without dropout, trained on these examples."""
    keras.utils.set_random_seed(0)
    model = zoo.mlp(inputs.shape[1:], targets.shape[1], units=units, dropout=0.0)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * len(inputs) // BATCH)
    model.compile(
        keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True), steps_per_execution=20, jit_compile=False
    )
    model.fit(inputs, targets, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def share_right(outputs, targets):
    """Share of the examples that are right in every number."""
    return float(np.mean((outputs == targets).reshape(len(targets), -1).all(axis=1)))


def share_of(model, inputs, targets):
    """Share of the examples that a perceptron is right about."""
    return share_right(model.predict(inputs, verbose=0) > 0, targets)


def curves(task, data, ask, units):
    """{name: (lengths, shares)} of the recurrent network, the wide perceptron, and those that are trained anew.

    Args:
        task: Sizes, as in `ADDER`.
        data: `sums` or `parities`.
        ask: Function of inputs to the answers of the recurrent network, in the form of the targets.
        units: Function of a length to the hidden units of a perceptron.
    """
    asked, wide = task["asked"], task["wide"]
    recurrent = []
    for length in asked:
        inputs, targets = data(length, 1000, SEED)
        recurrent.append(share_right(ask(inputs), targets))
    fitting = [length for length in asked if length <= wide]
    model = perceptron_of(*data(task["trained"], width=wide), units(wide))
    widened = [share_of(model, *data(length, 1000, SEED, wide)) for length in fitting]
    anew = [share_of(perceptron_of(*data(length), units(length)), *data(length, 1000, SEED)) for length in task["anew"]]
    return {
        f"recurrent, trained on {task['trained']} bits": (asked, recurrent),
        f"perceptron of {wide} bits, trained on {task['trained']}": (fitting, widened),
        "perceptrons, trained on each length": (task["anew"], anew),
    }


def main():
    """Prints a row per length and draws the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=pathlib.Path, default=pathlib.Path("docs/lengths.png"))
    picture = parser.parse_args().picture
    adds, knows = adder(zoo.load("binary_adder")), parity_of(zoo.load("parity_rnn"))
    found = {
        "addition of two numbers": curves(
            ADDER,
            sums,
            lambda inputs: adds.predict({"a": inputs[:, 0], "b": inputs[:, 1]}, batch_size=250, verbose=0)["sum"],
            lambda length: (64, 64),
        ),
        "parity": curves(
            PARITY,
            parities,
            lambda inputs: knows.predict(inputs, batch_size=250, verbose=0)["label"][:, None],
            lambda length: (4 * length,),
        ),
    }
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    styles = (("tab:blue", "-", "o"), ("tab:red", "--", "s"), ("tab:orange", ":", "^"))
    for axes, (title, lines) in zip(panels, found.items()):
        for (name, (lengths, shares)), (color, line, marker) in zip(lines.items(), styles):
            axes.plot(lengths, [100 * share for share in shares], line, color=color, marker=marker, markersize=4, label=name)
            print(f"{title}, {name}: {', '.join(f'{length} {share:.1%}' for length, share in zip(lengths, shares))}")
        axes.set(title=title, xlabel="bits", ylabel="right, %", xscale="log", ylim=(-4, 104))
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.savefig(picture, dpi=120)
    print(picture)


if __name__ == "__main__":
    main()
