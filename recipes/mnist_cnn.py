"""MNIST digits with two convolutions and a dense layer.

99.6 % of the test part are classified correctly after 20 epochs.

Commands:
    zoo train mnist_cnn
    zoo train mnist_cnn dropout=0.5 epochs=20
    zoo train mnist_cnn data=fashion_mnist
"""

import keras

from zoo import datasets, mnist_cnn
from zoo.layers.augmentation import shift_and_rotate
from zoo.recipe import Count, Fraction, NonNegative, Recipe, Target


def build(
    contract,
    optimizer,
    filters: tuple[Count, ...] = (32, 64),
    dropout: Fraction = 0.4,
    shift: Fraction = 0.08,
    rotation: NonNegative = 0.02,
):
    # Two pixels and seven degrees: too little to turn one digit into another.
    augmentation = shift_and_rotate(shift, rotation)
    model = mnist_cnn(contract["image"].shape, len(contract.classes), filters, dropout=dropout, augmentation=augmentation)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def space(hp):
    first = hp.Int("filters/first", 16, 64, step=16, default=32)
    return {
        # Half to twice the default; the second convolution has twice the filters of the first, for a quarter of the pixels.
        "filters": (first, 2 * first),
        # Below 0.2 the dense layer memorises the training data; at 0.7 it hardly learns.
        "dropout": hp.Float("dropout", 0.2, 0.7, step=0.1, default=0.4),
        # From none to twice the default; beyond that digits leave the image, or a 6 becomes a 9.
        "shift": hp.Float("shift", 0.0, 0.16, step=0.04, default=0.08),
        "rotation": hp.Float("rotation", 0.0, 0.04, step=0.01, default=0.02),
        # The best rate of nearly every network of this size is within a decade of Adam's default, 1e-3.
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
        # Smaller batches are noisier, which can improve generalisation; larger ones are faster.
        "batch_size": hp.Choice("batch_size", [50, 100, 200], default=100),
        # A decaying rate is nearly always better; where it is not, the run is too short.
        "schedule": hp.Choice("schedule", ["cosine", "constant"], default="cosine"),
    }


recipe = Recipe(
    build=build,
    data=datasets.mnist,
    space=space,
    fit={"epochs": 20, "batch_size": 100, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.993, aim=0.9955),
)
