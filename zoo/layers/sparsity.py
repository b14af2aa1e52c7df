"""A penalty on units that are active, as a layer of the graph."""

import keras
from keras import ops

SMALLEST = 1e-6  # mean activation of which the logarithm is taken


@keras.saving.register_keras_serializable("zoo")
class Sparsity(keras.layers.Layer):
    """Adds a penalty on activations to the model's losses, and returns them unchanged.

    With `penalty="kl"` it is the divergence of a coin that shows `rate` from one that shows the unit's mean activation in the
    batch, `rate log(rate / mean) + (1 - rate) log((1 - rate) / (1 - mean))`, summed over the units: it draws the mean of each
    unit to `rate`. With `penalty="l1"` it is the sum of the absolute activations of an example, averaged over the batch.

    Source: Ng 2011, "Sparse autoencoder", section 3; Kwak 2016, "Introduction to CNNs and RNNs", Sparsity in the hidden units.

    Args:
        penalty: "kl", for activations in [0, 1], or "l1".
        strength: Weight of the penalty, at least 0.
        rate: Target of the mean activation, above 0 and below 1; only "kl" uses it.

    Call arguments:
        inputs: `(batch, units)`.

    Returns:
        `inputs`.

    Raises:
        ValueError: If an argument is unknown or not in its range.

    Example:
        >>> layer = Sparsity("kl", strength=1.0, rate=0.25)
        >>> _ = layer(keras.ops.array([[0.5], [0.5]]))
        >>> round(float(layer.losses[0]), 4)  # log 2 + 0.25 log 0.25 + 0.75 log 0.75
        0.1308
    """

    def __init__(self, penalty: str = "kl", strength: float = 1e-3, rate: float = 0.05, **kwargs):
        super().__init__(**kwargs)
        if penalty not in ("kl", "l1"):
            raise ValueError(f'`penalty` of Sparsity must be "kl" or "l1", got {penalty!r}.')
        if not strength >= 0:
            raise ValueError(f"`strength` of Sparsity must be at least 0, got {strength}.")
        if not 0 < rate < 1:
            raise ValueError(f"`rate` of Sparsity must be above 0 and below 1, got {rate}.")
        self.penalty, self.strength, self.rate = penalty, strength, rate

    def call(self, inputs):
        if self.penalty == "l1":
            penalty = ops.mean(ops.sum(ops.abs(inputs), axis=-1))
        else:
            mean = ops.clip(ops.mean(inputs, axis=0), SMALLEST, 1 - SMALLEST)
            penalty = ops.sum(
                self.rate * ops.log(self.rate / mean) + (1 - self.rate) * ops.log((1 - self.rate) / (1 - mean)),
            )
        self.add_loss(self.strength * penalty)
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "penalty": self.penalty, "strength": self.strength, "rate": self.rate}
