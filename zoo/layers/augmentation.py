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


def shift_and_rotate(shift, rotation, width=None):
    """Small moves of a picture, for things that must not be mirrored, such as digits; what comes into the frame is 0.

    Args:
        shift: Largest shift to any side, as a fraction of height and width.
        rotation: Largest rotation, as a fraction of a full turn.
        width: Pixels of a row, for sequences of rows (batch, height, width), which are a picture for as long as they are moved;
            None for pictures (batch, height, width, channels).

    Returns:
        An `Augmentation`.

    Example:
        >>> tuple(shift_and_rotate(0.1, 0.02, width=28)(keras.ops.ones((2, 20, 28)), training=True).shape)
        (2, 20, 28)
    """
    moves = [
        keras.layers.RandomTranslation(shift, shift, fill_mode="constant", name="shift"),
        keras.layers.RandomRotation(rotation, fill_mode="constant", name="rotation"),
    ]
    if width is not None:
        image, rows = keras.layers.Reshape((-1, width, 1), name="image"), keras.layers.Reshape((-1, width), name="rows")
        moves = [image, *moves, rows]
    return Augmentation(moves, name="augmentation")


def shift_and_flip(shift, flip):
    """Shifts by whole pixels, lest small photographs blur, and mirror images; what comes into the frame is 0.

    Args:
        shift: Largest shift to any side, as a fraction of height and width.
        flip: Whether every other picture is mirrored.

    Returns:
        An `Augmentation` of pictures (batch, height, width, channels).

    Example:
        >>> tuple(shift_and_flip(0.125, True)(keras.ops.ones((2, 8, 8, 3)), training=True).shape)
        (2, 8, 8, 3)
    """
    moves = [keras.layers.RandomTranslation(shift, shift, fill_mode="constant", interpolation="nearest", name="shift")]
    if flip:
        moves.append(keras.layers.RandomFlip("horizontal", name="flip"))
    return Augmentation(moves, name="augmentation")
