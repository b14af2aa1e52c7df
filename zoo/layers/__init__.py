"""Layers that Keras does not have, one idea per file. They need nothing but Keras and run on each of its backends.

The recurrent cells of the lectures that are not here are Keras's own: the simple recurrent unit is `keras.layers.SimpleRNN`, with
`activation="relu"` and `recurrent_initializer="identity"` the one that starts as the identity; the LSTM with a forget gate is
`keras.layers.LSTM`; the GRU, `h[t] = (1 - z) * h[t-1] + z * h~`, is `keras.layers.GRU(reset_after=False)` with the weights of the
update gate (the first third of `kernel`, `recurrent_kernel` and `bias`) negated, because Keras has `z` and `1 - z` the other way
round.

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
