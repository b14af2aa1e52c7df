"""MNIST digits with locally connected layers.

99.1 % of the test part are classified correctly after 12 epochs.

Commands:
    zoo train locally_connected_net
    zoo train locally_connected_net "filters=(4, 16, 32)" kernel_size=3
    zoo train locally_connected_net data=fashion_mnist shift=0
"""

import keras

from zoo import datasets, locally_connected_net
from zoo.layers.augmentation import shift_and_rotate
from zoo.recipe import Count, Fraction, NonNegative, Recipe, Target


def build(
    contract,
    optimizer,
    filters: tuple[Count, ...] = (8, 32),
    kernel_size: Count = 5,
    dropout: Fraction = 0.2,
    shift: Fraction = 0.04,
    rotation: NonNegative = 0.02,
):
    # One pixel and seven degrees: filters that are bound to their positions must learn each shift separately.
    augmentation = shift_and_rotate(shift, rotation)
    shape, classes = contract["image"].shape, len(contract.classes)
    model = locally_connected_net(shape, classes, filters, kernel_size, dropout, augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    first = hp.Int("filters/first", 4, 12, step=4, default=8)
    return {
        # The second layer has four times the filters and a ninth of the positions; 12 and 48 filters are 284,000 weights.
        "filters": (first, 4 * first),
        # A larger window has more weights, but fewer positions.
        "kernel_size": hp.Choice("kernel_size", [3, 5, 7], default=5),
        # Weights that are not shared overfit more easily than those of a convolution.
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
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
    space=space,
    fit={"epochs": 12, "batch_size": 100, "learning_rate": 4e-3, "schedule": "one_cycle"},
    target=Target("accuracy", at_least=0.98, aim=0.99),
)
