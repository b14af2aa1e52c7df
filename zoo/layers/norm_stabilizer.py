"""A penalty that keeps the length of a recurrent layer's state the same over time."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class NormStabilizer(keras.layers.Layer):
    """Adds a penalty on changes in the norm of the states of a recurrent layer, from one step to the next, to the model's losses.

    The penalty of a sequence is `strength * mean((|h[t]| - |h[t-1]|)^2)`, the mean over all steps that have a step before them;
    it is averaged over the batch. Steps that are masked do not count. Like Keras's own regularizers it is part of the loss in
    training and in validation alike, and of no metric.

    Source: COMP547, lecture on recurrent networks, Regularization: Norm-stabilizer; Krueger & Memisevic 2016, "Regularizing RNNs
    by Stabilizing Activations". Departure: the step from the initial state to the first one, which this layer does not see, is
    not penalized.

    Args:
        strength: Factor of the penalty, 0 or more; the paper's beta.

    Call arguments:
        sequence: `(batch, time, units)`, as a recurrent layer with `return_sequences=True` gives it.
        mask: `(batch, time)`, False at steps that do not count; None means that all do.

    Returns:
        `sequence`, unchanged.

    Raises:
        ValueError: If `strength` is negative.

    Example:
        >>> stabilizer = NormStabilizer(strength=2.0)
        >>> _ = stabilizer(keras.ops.array([[[3.0, 4.0], [0.0, 5.0], [0.0, 2.0]]]))  # norms of 5, 5 and 2
        >>> float(stabilizer.losses[0])
        9.0
    """

    def __init__(self, strength: float, **kwargs):
        super().__init__(**kwargs)
        if strength < 0:
            raise ValueError(f"`strength` of NormStabilizer must not be negative, got {strength}.")
        self.strength = strength
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, sequence, mask=None):
        states = ops.cast(sequence, keras.backend.result_type(sequence.dtype, "float32"))
        squares = ops.sum(ops.square(states), axis=-1)
        norms = ops.sqrt(ops.maximum(squares, 1e-12))  # the root has no gradient at 0
        changes = ops.square(norms[:, 1:] - norms[:, :-1])
        counts = ops.ones_like(changes) if mask is None else ops.cast(ops.logical_and(mask[:, 1:], mask[:, :-1]), changes.dtype)
        means = ops.sum(changes * counts, axis=1) / ops.maximum(ops.sum(counts, axis=1), 1.0)
        self.add_loss(self.strength * ops.mean(means))
        return sequence

    def compute_output_shape(self, sequence_shape):
        return sequence_shape

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}
