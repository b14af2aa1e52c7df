"""How long recurrent units remember one bit: P(success | T) as Bengio et al. 1994 draw it, for tanh, GRU and LSTM.

    python benchmarks/memory.py                  # writes docs/memory.png
    python benchmarks/memory.py --runs 20

Each run trains `latch_rnn`, from weights of its own, by one pass over 20 000 sequences of T steps, with a learning rate of
1e-2. It is a success if it tells the first sign of at least 99 % of the sequences of the test part. The gates of the LSTM begin
with time scales up to T (`memory=T`).
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from zoo import finder as recipes
from zoo.data.batches import Batches
from zoo.execution import choose_execution

LENGTHS = (5, 10, 20, 50, 100, 200)
# Cell, units, and line: the single tanh unit of the lecture, and layers of 16 units.
LAYERS = {
    "tanh, 1 unit": ("tanh", 1, ("tab:red", "--", "s")),
    "GRU, 16 units": ("gru", 16, ("tab:orange", ":", "^")),
    "LSTM, 16 units": ("lstm", 16, ("tab:blue", "-", "o")),
}
SUCCESS = 0.99


def successes(recipe, cell, units, length, runs):
    """How many of the runs succeed."""
    sizes = {"units": units, "memory": length, "length": length, "test_length": length}
    settings = recipe.settings([f"cell={cell}", "learning_rate=1e-2", *(f"{key}={value}" for key, value in sizes.items())])
    data = recipe.load_data(settings)
    batches = Batches(data.train, data.contract, settings["batch_size"], seed=0)
    count, model = 0, None
    for seed in range(runs):
        keras.utils.set_random_seed(seed)
        fresh = recipe.build_model(settings, data.contract)
        if model is None:
            model = fresh
            choose_execution(model, len(batches))
        else:  # compiled once for all runs
            model.set_weights(fresh.get_weights())
            for variable in model.optimizer.variables:
                if variable is not model.optimizer.learning_rate:
                    variable.assign(keras.ops.zeros_like(variable))
        model.fit(batches, shuffle=False, verbose=0)
        accuracy = model.evaluate(Batches(data.test, data.contract, 250), return_dict=True, verbose=0)["accuracy"]
        count += accuracy >= SUCCESS
    return count


def main():
    """Prints a row per cell and draws the curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10, help="runs of each cell at each length")
    parser.add_argument("--picture", type=pathlib.Path, default=pathlib.Path("docs/memory.png"))
    arguments = parser.parse_args()
    recipe = recipes.find("latch_rnn")
    figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    print(f"| layer | {' | '.join(f'T = {length}' for length in LENGTHS)} |\n{'|---' * (1 + len(LENGTHS))}|")
    for name, (cell, units, (color, line, marker)) in LAYERS.items():
        shares = [successes(recipe, cell, units, length, arguments.runs) / arguments.runs for length in LENGTHS]
        print(f"| {name} | {' | '.join(f'{share:.2g}' for share in shares)} |", flush=True)
        axes.plot(LENGTHS, shares, line, color=color, marker=marker, label=name)
    axes.set(title="one bit remembered for T steps", xlabel="T", ylabel="P(success | T)", xscale="log", ylim=(-0.04, 1.04))
    axes.set_xticks(LENGTHS, map(str, LENGTHS))
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(arguments.picture, dpi=120)
    print(arguments.picture)


if __name__ == "__main__":
    main()
