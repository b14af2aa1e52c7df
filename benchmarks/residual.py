"""Plain against residual networks at two depths on the same budget: the comparison of He et al. 2015, figure 6.

    python benchmarks/residual.py                            # CIFAR-10, 20 and 56 layers, writes docs/residual.png
    python benchmarks/residual.py --examples 45000 --epochs 30

Each of the four networks sees the same images in the same order for the same number of epochs, by the recipe of `resnet20`;
only `blocks` and `residual` differ. The numbers are those of the validation part: the test part is not looked at. A run that was
stopped goes on where it was.
"""

import argparse
import dataclasses
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from zoo import finder as recipes
from zoo.training.loop import fit

DEPTHS = (3, 9)  # blocks of each stage: 20 and 56 layers
FORMS = {True: ("residual", "-"), False: ("plain", "--")}


def main():
    """Prints a row per network and draws their curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=15000, help="number of training images")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("residual"), help="where the runs are kept")
    parser.add_argument("--picture", type=pathlib.Path, default=pathlib.Path("docs/residual.png"))
    arguments = parser.parse_args()
    recipe = recipes.find("resnet20")
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    lines = ["| layers | form | training accuracy | validation accuracy | minutes |", f"{'|---' * 5}|"]
    for color, blocks in zip(("tab:blue", "tab:red"), DEPTHS):
        for residual, (form, line) in FORMS.items():
            settings = recipe.settings([f"blocks={blocks}", f"residual={residual}", f"epochs={arguments.epochs}"])
            data = recipe.load_data(settings)
            data = dataclasses.replace(data, train=data.train.head(arguments.examples))
            folder = arguments.folder / f"{6 * blocks + 2}-{form}"
            folder.mkdir(parents=True, exist_ok=True)
            progress = fit(recipe, settings, data, data.fingerprint(), folder, verbose=0)
            rows = progress["history"]
            lines.append(
                f"| {6 * blocks + 2} | {form} | {rows[-1]['accuracy']:.1%} | {rows[-1]['val_accuracy']:.1%} "
                f"| {progress['seconds'] / 60:.1f} |"
            )
            epochs = [row["epoch"] for row in rows]
            for axes, key in ((left, "accuracy"), (right, "val_accuracy")):
                axes.plot(epochs, [100 * row[key] for row in rows], line, color=color, label=f"{6 * blocks + 2} layers, {form}")
    for axes, title in ((left, "training images"), (right, "validation images")):
        axes.set(title=title, xlabel="epoch", ylabel="accuracy, %")
        axes.grid(alpha=0.3)
    left.legend()
    figure.savefig(arguments.picture, dpi=120)
    print("\n".join([*lines, str(arguments.picture)]))


if __name__ == "__main__":
    main()
