"""MNIST with three questions about each digit, for networks that learn several tasks together."""

import dataclasses

from zoo.data.contract import Contract, Part
from zoo.datasets import mnist


def load():
    """The images and parts of `zoo.datasets.mnist`, with a target for each of three tasks.

    Returns:
        A `zoo.data.Data` with `image` (28, 28, 1), float32 in [0, 1], and int32 targets: `digit` 0 to 9, `parity` 1 for odd
        digits, `above_four` 1 for 5 to 9.

    Raises:
        UsageError: If MNIST is neither prepared nor can be downloaded, or is damaged.

    Example:
        `sorted(zoo.datasets.mnist_multitask.load().train.targets)` is `["above_four", "digit", "parity"]`.
    """
    data = mnist.load()
    parts = {name: _three_tasks(getattr(data, name)) for name in ("train", "validation", "test")}
    return dataclasses.replace(data, **parts, contract=Contract(data.contract.inputs))


def _three_tasks(part):
    digit = part.targets
    return Part(part.inputs, {"digit": digit, "parity": digit % 2, "above_four": (digit > 4).astype("int32")})
