"""Handwritten digits that travel with scikit-learn: real, small, no network needed."""

import dataclasses

import numpy as np
import sklearn.datasets
import sklearn.model_selection
from PIL import Image

from zoo.data.classified_images import image_data

# How `zoo.data.pictures.light_on_dark` gives a person's picture the form of these images.
PICTURE = {"box": 20, "center": "box"}


def load():
    """1 797 digits of 8 x 8 pixels, resized to 28 x 28, light on dark: 1 257 to train, 180 to validate, 360 to test.

    Source: UCI "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998), test part, as in scikit-learn.

    Returns:
        A `zoo.data.Data` with `image` (28, 28, 1), float32 in [0, 1], and the classes "0" to "9".

    Example:
        >>> len(load().train)
        1257
    """
    bunch = sklearn.datasets.load_digits()
    images = np.stack([_resize(image) for image in bunch.images])
    train, test, train_labels, test_labels = sklearn.model_selection.train_test_split(
        images, bunch.target, test_size=360, random_state=0, stratify=bunch.target
    )
    data = image_data(
        (train, train_labels),
        (test, test_labels),
        validation_examples=180,
        seed=0,
        classes=[str(digit) for digit in range(10)],
        source="scikit-learn load_digits (UCI Optical Recognition of Handwritten Digits)",
        licence="CC BY 4.0",
        picture=PICTURE,
    )
    return dataclasses.replace(data, packages=("pillow",))


def _resize(image):
    """(8, 8) values 0 to 16 -> (28, 28, 1) uint8, with the margin of 4 that MNIST has."""
    picture = Image.fromarray(np.round(image * (255 / 16)).astype("uint8"))
    return np.pad(np.asarray(picture.resize((20, 20), Image.Resampling.BILINEAR)), 4)[..., None]
