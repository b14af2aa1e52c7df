"""MNIST digits row by row with a time-delay network.

99.3 % of the test part are classified correctly after 12 epochs.

Commands:
    zoo train tdnn
    zoo train tdnn kernel_size=3 "dilations=(1, 2, 4)"
    zoo train tdnn data=fashion_mnist shift=0
"""

import keras

from zoo import datasets, tdnn
from zoo.data.forms import image_rows
from zoo.layers.augmentation import shift_and_rotate
from zoo.models.tdnn import evidence
from zoo.recipe import Count, Fraction, NonNegative, Recipe, Target


def build(
    contract,
    optimizer,
    filters: tuple[Count, ...] = (64, 64, 64),
    kernel_size: Count = 9,
    dilations: tuple[Count, ...] = (1, 1, 1),
    shift: Fraction = 0.04,
    rotation: NonNegative = 0.02,
):
    width = contract["sequence"].shape[-1]
    # The rows are turned into an image, which is shifted by up to one pixel and rotated by up to seven degrees, and back.
    augmentation = shift_and_rotate(shift, rotation, width)
    model = tdnn((None, width), len(contract.classes), filters, kernel_size, dilations, augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def endpoints(model):
    return {"evidence": evidence(model)}


def space(hp):
    width = hp.Int("filters/width", 32, 96, step=32, default=64)
    layers = hp.Int("filters/layers", 2, 4, default=3)
    base = hp.Choice("dilations/base", [1, 2], default=1)
    return {
        # The number of weights grows with the square of the width.
        "filters": (width,) * layers,
        # No dilation, or twice the dilation of the layer below, which makes the memory grow exponentially.
        "dilations": tuple(base**layer for layer in range(layers)),
        # From the window of Waibel's first layer to a third of the image.
        "kernel_size": hp.Choice("kernel_size", [3, 5, 7, 9], default=9),
        # From none to four pixels; beyond that digits leave the image, or a 6 becomes a 9.
        "shift": hp.Float("shift", 0.0, 0.16, step=0.04, default=0.04),
        "rotation": hp.Float("rotation", 0.0, 0.04, step=0.01, default=0.02),
        # About a decade around Adam's default, 1e-3, and somewhat more because the rate rises and falls.
        "learning_rate": hp.Float("learning_rate", 5e-4, 1e-2, sampling="log", default=4e-3),
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=100),
        # A decaying rate is nearly always better, and a warm-up allows a higher one.
        "schedule": hp.Choice("schedule", ["one_cycle", "cosine", "constant"], default="one_cycle"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    prepare=image_rows,
    endpoints=endpoints,
    space=space,
    fit={"epochs": 12, "batch_size": 100, "learning_rate": 4e-3, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.98, aim=0.99),
)
