"""Data sets, one file each: `zoo.datasets.NAME.load()` returns a `zoo.data.Data(train, validation, test, contract)`.

Example:
    >>> from zoo import datasets
    >>> digits = datasets.digits.load()
    >>> digits.test.inputs["image"].shape
    (360, 28, 28, 1)
"""

import pathlib

import lazy_loader

DATA_SETS = tuple(sorted(path.stem for path in pathlib.Path(__file__).parent.glob("*.py") if path.stem != "__init__"))

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules=DATA_SETS)
