"""MNIST: 70 000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998), through tensorflow-datasets."""

from zoo.data.tfds import load_images

# How `zoo.data.pictures.light_on_dark` gives a person's picture the form of these images.
PICTURE = {"box": 20, "center": "mass"}


def load():
    """The digits, light on dark: 55 000 to train, 5 000 to validate, the official 10 000 to test.

    Returns:
        A `zoo.data.Data` with `image` (28, 28, 1), float32 in [0, 1], and the classes "0" to "9".

    Raises:
        UsageError: If the set is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.mnist.load().train.inputs["image"].shape` is `(55000, 28, 28, 1)`.
    """
    return load_images(
        "mnist", "https://storage.googleapis.com", "http://yann.lecun.com/exdb/mnist/", "CC BY-SA 3.0", picture=PICTURE
    )
