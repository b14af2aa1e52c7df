"""A grid of points in the plane, for the map of a two-dimensional coding."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class CodingGrid(keras.layers.Layer):
    """Points at equal distances that fill a square around the origin.

    They are in the order in which a page is read: the first row is at the top, where the second coordinate is largest, and in a
    row the first coordinate grows.

    Args:
        extent: The largest coordinate, above 0.

    Call arguments:
        columns: Scalar int32, at least 1: the number of points along a side.

    Returns:
        `(columns * columns, 2)` float32, from -extent to extent; the origin where there is one column.

    Raises:
        ValueError: If `extent` is not above 0.

    Example:
        >>> keras.ops.convert_to_numpy(CodingGrid(2.0)(keras.ops.array(2))).tolist()
        [[-2.0, 2.0], [2.0, 2.0], [-2.0, -2.0], [2.0, -2.0]]
    """

    def __init__(self, extent: float = 2.0, **kwargs):
        super().__init__(**kwargs)
        if not extent > 0:
            raise ValueError(f"`extent` of CodingGrid must be above 0, got {extent}.")
        self.extent = extent

    def call(self, columns):
        places = ops.cast(2 * ops.arange(columns, dtype="int32") - (columns - 1), "float32")
        places = self.extent * places / ops.cast(ops.maximum(columns - 1, 1), "float32")  # (columns,)
        square = ops.zeros((columns, columns))
        points = ops.stack([square + places[None, :], square - places[:, None]], axis=-1)
        return ops.reshape(points, (-1, 2))

    def compute_output_spec(self, columns):
        return keras.KerasTensor((None, 2), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "extent": self.extent}
