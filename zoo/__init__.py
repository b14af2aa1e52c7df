"""Classic neural networks on Keras 3: built by one function each, trained by one readable recipe each.

    from zoo import mnist_cnn      # a builder: an uncompiled keras.Model
    import zoo
    model = zoo.load("mnist_cnn")  # the same network, trained

    zoo.predict("mnist_cnn", "digit.png")  # {"probabilities": {"0": 0.0, ...}, "label": "3"}

`zoo.data` says what data are, `zoo.datasets` are the data sets, `zoo.export` writes your own models to SavedModel, LiteRT and
ONNX, `zoo.layers`, `zoo.losses` and `zoo.initializers` hold what Keras does not have. Nothing heavy is imported before it is
used.
"""

import lazy_loader

from zoo.registration import register_with_keras

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_with_keras()
