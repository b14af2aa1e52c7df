"""Layers that change the inputs in training, and only there."""

import keras


@keras.saving.register_keras_serializable("zoo")
class Augmentation(keras.layers.Layer):
    """Applies layers one after the other in training; everywhere else the inputs pass unchanged.

    Keras's own random layers also work when a model is merely called, because their `training` is True unless said otherwise.

    Args:
        layers: List of keras layers, such as `keras.layers.RandomTranslation`.

    Call arguments:
        inputs: Any tensor that the first layer takes.

    Returns:
        The outputs of the last layer in training, the inputs otherwise; both must have the same shape.

    Example:
        >>> layer = Augmentation([keras.layers.RandomFlip("horizontal")])
        >>> image = keras.ops.ones((1, 2, 2, 1))
        >>> layer(image) is image
        True
    """

    def __init__(self, layers, **kwargs):
        super().__init__(**kwargs)
        self.layers = list(layers)

    def build(self, input_shape):
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, inputs, training=False):
        if training:
            for layer in self.layers:
                inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers]}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layers": [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]})
