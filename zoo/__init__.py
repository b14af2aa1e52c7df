"""Classic neural networks on Keras 3: built by one function each, trained by one readable recipe each.

    from zoo import mnist_cnn      # a builder: an uncompiled keras.Model
    import zoo
    model = zoo.load("mnist_cnn")  # the same network, trained

`zoo.__all__` is the list of networks. Nothing heavy is imported before it is used.
"""

import lazy_loader

from zoo.registration import register_with_keras

__version__ = "0.1.0"

__getattr__, __dir__, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = [name for name in _names if name not in ("data", "export", "load")]

register_with_keras()
