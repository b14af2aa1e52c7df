"""Layers that change their inputs in training only."""

import keras


@keras.saving.register_keras_serializable("zoo")
class Augmentation(keras.layers.Layer):
    """Applies layers one after the other in training; otherwise it returns its inputs unchanged.

    The random layers of Keras alone would also change the inputs when a model is merely called: their `training` defaults to
    True.

    Args:
        layers: List of Keras layers, such as `keras.layers.RandomTranslation`.

    Call arguments:
        inputs: Any tensor that the first layer accepts.

    Returns:
        The outputs of the last layer in training, the inputs otherwise; both must have the same shape.

    Example:
        >>> layer = Augmentation([keras.layers.RandomFlip("horizontal")])
        >>> image = keras.ops.ones((1, 2, 2, 1))
        >>> layer(image) is image
        True
    """

    def __init__(self, layers: list[keras.layers.Layer], **kwargs):
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


def shift_and_rotate(shift: float, rotation: float, width: int | None = None) -> Augmentation:
    """Shifts and rotates images at random, for content that must not be mirrored, such as digits. New pixels are 0.

    Args:
        shift: Largest shift in each direction, as a fraction of height and width.
        rotation: Largest rotation, as a fraction of a full turn.
        width: Pixels per row, for images that are sequences of rows (batch, height, width); None for images
            (batch, height, width, channels).

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


def shift_and_flip(shift: float, flip: bool) -> Augmentation:
    """Shifts images by whole pixels, so that small photographs are not blurred, and mirrors them at random. New pixels are 0.

    Args:
        shift: Largest shift in each direction, as a fraction of height and width.
        flip: Whether half of the images are mirrored left to right.

    Returns:
        An `Augmentation` for images (batch, height, width, channels).

    Example:
        >>> tuple(shift_and_flip(0.125, True)(keras.ops.ones((2, 8, 8, 3)), training=True).shape)
        (2, 8, 8, 3)
    """
    moves = [keras.layers.RandomTranslation(shift, shift, fill_mode="constant", interpolation="nearest", name="shift")]
    if flip:
        moves.append(keras.layers.RandomFlip("horizontal", name="flip"))
    return Augmentation(moves, name="augmentation")
