"""Layers that Keras does not have, one idea per file. They need nothing but Keras and run on each of its backends.

Example:
    >>> from zoo.layers import Maxout
    >>> Maxout(units=4, pieces=2).pieces
    2
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Importing Keras imports all layers and networks (see zoo/registration.py). It must not happen while one of these modules is only
# half imported: hence here, before the first of them, and after the names that the networks import.
import keras  # noqa: E402, F401
