"""Pairs of MNIST digits, the same digit or another one, for networks that learn a distance."""

from zoo.data.forms import pairs
from zoo.datasets import mnist


def load():
    """Two pairs for each image, one of the same digit, one of two: 110 000 to train, 10 000 to validate, 20 000 to test.

    Validation and test pairs are drawn from the validation and test images alone, so neither of their images was trained on.
    The pairs hold copies of the images: all together take 0.9 GB of memory.

    Returns:
        A `zoo.data.Data` with `image_a` and `image_b` (28, 28, 1), float32 in [0, 1], and int32 targets, 1 for the same digit and
        0 for two.

    Raises:
        UsageError: If MNIST is neither prepared nor can be downloaded, or is damaged.

    Example:
        `zoo.datasets.mnist_pairs.load().test.inputs["image_a"].shape` is `(20000, 28, 28, 1)`.
    """
    return pairs(mnist.load())
