"""CIFAR-100: 60 000 colour pictures of 32 x 32 pixels in a hundred classes (Krizhevsky 2009), through tensorflow-datasets."""

from zoo.data.tfds import load_images
from zoo.datasets.cifar10 import LICENCE, ORIGIN


def load():
    """The pictures: 45 000 to train, 5 000 to validate, the official 10 000 to test.

    Returns:
        A `zoo.data.Data` with `image` (32, 32, 3), float32 in [0, 1], and the names of the hundred fine classes.

    Raises:
        UsageError: If the set is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.cifar100.load().train.inputs["image"].shape` is `(45000, 32, 32, 3)`.
    """
    instead = "data=npz:PATH with pictures of your own"
    return load_images(
        "cifar100", "https://www.cs.toronto.edu", ORIGIN, LICENCE, (50000, 10000), version="3.0.2", instead=instead
    )
