"""Data sets, one per file: `zoo.data.NAME.load()` returns a `Data(train, validation, test, contract)`.

Example:
    >>> from zoo import data
    >>> digits = data.digits.load()
    >>> digits.test.inputs["image"].shape
    (360, 28, 28, 1)
"""

import lazy_loader

DATA_SETS = (
    "cifar10",
    "cifar100",
    "dates",
    "digits",
    "fashion_mnist",
    "folder",
    "mnist",
    "mnist_multitask",
    "mnist_pairs",
    "npz",
    "parallel",
    "points",
    "xo",
)

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=DATA_SETS, submod_attrs={"contract": ["Contract", "Data", "Field", "Part"]}
)
