"""What data are: a `Data` of three parts, and the `Contract` that its inputs keep.

Example:
    >>> from zoo.data import Field
    >>> Field("int32", (None, 3), 0, 9).batch_shape()
    '(batch, any, 3)'
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"contract": ["Contract", "Data", "Field", "Part"]})
