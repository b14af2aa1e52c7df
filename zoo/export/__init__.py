"""Exports functional Keras models to SavedModel, LiteRT and ONNX, each file proven equal to Keras before it is kept.

    from zoo import export
    export.saved_model(model, "saved/1")
    export.litert(model, "model.tflite", quantize="dynamic")
    export.onnx(model, "model.onnx")

`zoo export NAME` does all three for a trained network.
"""

from zoo.export.litert import litert as litert
from zoo.export.onnx import onnx as onnx
from zoo.export.saved_model import saved_model as saved_model
