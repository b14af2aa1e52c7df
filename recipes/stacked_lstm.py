"""MNIST digits read row by row by three LSTM layers: 99.4 % in 30 epochs.

Commands:
    zoo train stacked_lstm
    zoo train stacked_lstm "units=(128, 128)" dropout=0.1
    zoo train stacked_lstm data=fashion_mnist shift=0
"""

import keras

from zoo import data, stacked_lstm
from zoo.data.forms import image_rows
from zoo.layers.augmentation import Augmentation
from zoo.models.stacked_lstm import step
from zoo.recipe import Count, Fraction, NonNegative, Positive, Recipe, Target


def build(
    contract,
    units: tuple[Count, ...] = (150, 150, 150),
    dropout: Fraction = 0.2,
    shift: Fraction = 0.08,
    rotation: NonNegative = 0.02,
    learning_rate: Positive = 2e-3,
):
    width = contract["sequence"].shape[-1]
    # The rows are an image again for as long as it is shifted, by two pixels at most, and turned, by seven degrees at most.
    augmentation = Augmentation(
        [
            keras.layers.Reshape((-1, width, 1), name="image"),
            keras.layers.RandomTranslation(shift, shift, fill_mode="constant", name="translation"),
            keras.layers.RandomRotation(rotation, fill_mode="constant", name="rotation"),
            keras.layers.Reshape((-1, width), name="rows"),
        ],
        name="augmentation",
    )
    model = stacked_lstm((None, width), len(contract.classes), units, dropout, augmentation)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def endpoints(model):
    return {"step": step(model)}


def space(hp):
    return {
        "dropout": hp.Float("dropout", 0.0, 0.4, step=0.1),
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
    }


recipe = Recipe(
    build=build,
    data=data.mnist,
    prepare=image_rows,
    endpoints=endpoints,
    space=space,
    fit={"epochs": 30, "batch_size": 100, "schedule": "cosine"},
    target=Target("accuracy", at_least=0.988, aim=0.993),
)
