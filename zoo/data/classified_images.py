"""Data sets of classified images."""

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part


def image_data(train, test, validation_examples, seed, classes, source, licence, picture=None):
    """A `Data` of classified images; the validation part is drawn from the training images.

    Args:
        train: (images, labels): uint8, or floating point in [0, 1], `(examples, height, width, channels)`, and integers
            `(examples,)`.
        test: The same.
        validation_examples: How many of the training images are kept for validation.
        seed: Seed of that choice.
        classes: Name of each label.
        source: Where the images come from.
        licence: Their licence.
        picture: How a person's picture is given their form, as in `Field`.

    Returns:
        A `Data` with the input `image`, float32 in [0, 1], and int32 targets.
    """
    images, labels = train
    order = np.random.default_rng(seed).permutation(len(images))
    validation, kept = order[:validation_examples], order[validation_examples:]
    parts = (images[kept], labels[kept]), (images[validation], labels[validation]), test
    return parted_image_data(*parts, classes, source, licence, picture)


def parted_image_data(train, validation, test, classes, source, licence, picture=None):
    """A `Data` of classified images that are in three parts already; see `image_data`."""

    def part(images, labels):
        pixels = images.astype("float32")
        if images.dtype == "uint8":
            pixels /= np.float32(255)
        return Part({"image": pixels}, labels.astype("int32"))

    return Data(
        train=part(*train),
        validation=part(*validation),
        test=part(*test),
        contract=Contract(
            {"image": Field("float32", train[0].shape[1:], 0.0, 1.0, kind="image", picture=picture)}, tuple(classes)
        ),
        source=source,
        licence=licence,
    )
