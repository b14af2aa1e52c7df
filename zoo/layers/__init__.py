"""Layers that Keras does not have, one idea per file. They need nothing but Keras and run on each of its backends.

Example:
    >>> from zoo.layers import Maxout
    >>> Maxout(units=4, pieces=2).pieces
    2
"""

# Before any module of this package: importing Keras imports all of them (see zoo/registration.py), and none may be half-way
# through its own import at that time.
import keras  # noqa: F401
import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
