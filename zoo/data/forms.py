"""The forms that networks need a data set in: functions from `Data` to `Data`, for a recipe's `prepare`."""

import dataclasses

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part


def image_rows(data):
    """Each one-channel image as a sequence of its rows: `image` (height, width, 1) becomes `sequence` (height, width).

    Up to ten times as many rows keep the contract, because a recurrent network reads any length.
    """
    height_width = data.contract["image"].shape[:2]
    field = Field("float32", (None, height_width[1]), 0.0, 1.0, max_length=10 * height_width[0])

    def rows(part):
        return Part({"sequence": part.inputs["image"].reshape(-1, *height_width)}, part.targets)

    return _changed(data, rows, Contract({"sequence": field}, data.contract.classes))


def autoencoding(data):
    """The images are their own targets."""

    def images(part):
        return Part(part.inputs, part.inputs["image"])

    return _changed(data, images, Contract(data.contract.inputs))


def binarized(data, seed=0):
    """No targets; validation and test images drawn once as 0 or 1, each pixel with its value as the probability.

    The training images keep their grey values: the network draws them anew whenever it sees them.
    """
    generator = np.random.default_rng(seed)

    def draw(part):
        image = part.inputs["image"]
        return Part({"image": (generator.random(image.shape, "float32") < image).astype("float32")})

    return dataclasses.replace(
        data,
        train=Part(data.train.inputs),
        validation=draw(data.validation),
        test=draw(data.test),
        contract=Contract(data.contract.inputs),
    )


def _changed(data, change, contract):
    return Data(change(data.train), change(data.validation), change(data.test), contract, data.source, data.licence)
