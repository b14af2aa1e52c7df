"""Soft parameter sharing: parallel layers, one per task, whose weights a penalty keeps similar."""

import itertools

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class SoftSharing(keras.layers.Layer):
    """Runs one layer per task and adds the squared distances between their weights to the losses of the model.

    The penalty is `strength * sum((w_a - w_b) ** 2)` over all pairs of tasks and all weights, including biases, that are
    trainable in at least one of the two. With a strength of 0 the tasks are independent, and a large strength is hard sharing. A
    frozen layer (`trainable = False`) does not move, and the others are pulled towards it, as towards the source language in
    Duong et al. The penalty is added once per call, whatever the batch size.

    Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Multi-task Learning; Duong et al. 2015, "Low Resource Dependency Parsing:
    Cross-lingual Parameter Sharing in a Neural Network Parser"; Ruder 2017, "An Overview of Multi-Task Learning in Deep Neural
    Networks".

    Args:
        layers: List of two or more Keras layers or models, one per task, with weights of the same shapes.
        strength: Factor of the penalty, 0 or more.

    Call arguments:
        inputs: One tensor for all layers, or a list of tensors, one per layer.

    Returns:
        A list with the output of each layer.

    Raises:
        ValueError: If there are fewer than two layers, `strength` is negative, the number of inputs is neither 1 nor that of the
            layers, or the weights of the layers have different shapes.

    Example:
        >>> columns = [keras.layers.Dense(2, kernel_initializer="zeros"), keras.layers.Dense(2, kernel_initializer="ones")]
        >>> sharing = SoftSharing(columns, strength=0.5)
        >>> digit, parity = sharing(keras.ops.ones((1, 3)))
        >>> keras.ops.convert_to_numpy(parity).tolist()
        [[3.0, 3.0]]
        >>> float(sharing.losses[0])  # six weights with a difference of 1
        3.0
    """

    def __init__(self, layers: list[keras.layers.Layer], strength: float = 1e-3, **kwargs):
        # The layers have their own dtypes, and the penalty needs the weights in full precision: in half precision the squares of
        # small differences would underflow.
        super().__init__(autocast=False, **{"dtype": "float32", **kwargs})
        if len(layers) < 2:
            raise ValueError(f"`layers` of SoftSharing must be two or more layers, one per task, got {len(layers)}.")
        if strength < 0:
            raise ValueError(f"`strength` of SoftSharing must not be negative, got {strength}.")
        self.layers = list(layers)
        self.strength = strength
        self.supports_masking = True

    def _per_layer(self, inputs):
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs] * len(self.layers)
        if len(inputs) != len(self.layers):
            raise ValueError(f"SoftSharing needs one input or {len(self.layers)}, one per layer, got {len(inputs)}.")
        return inputs

    def build(self, input_shape):
        several = isinstance(input_shape[0], (list, tuple))
        for layer, shape in zip(self.layers, self._per_layer(input_shape if several else [input_shape] * len(self.layers))):
            if not layer.built:
                layer.build(tuple(shape))
        shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in self.layers]
        for layer, others in zip(self.layers, shapes):
            if others != shapes[0]:
                raise ValueError(
                    "The layers of SoftSharing must have weights of the same shapes: "
                    f"{self.layers[0].name} has {shapes[0]}, {layer.name} has {others}."
                )

    def call(self, inputs):
        self.add_loss(ops.convert_to_tensor(self.strength * self._squared_distance()))
        return [layer(each) for layer, each in zip(self.layers, self._per_layer(inputs))]

    def _squared_distance(self):
        total = 0.0
        for one, other in itertools.combinations(self.layers, 2):
            for weight, counterpart in zip(one.weights, other.weights):
                if weight.trainable or counterpart.trainable:
                    total = total + ops.sum(ops.square(weight - counterpart))
        return total

    def compute_output_spec(self, inputs):
        return [layer.compute_output_spec(each) for layer, each in zip(self.layers, self._per_layer(inputs))]

    def compute_mask(self, inputs, previous_mask):
        return None  # each layer sets its own

    def get_config(self):
        return {
            **super().get_config(),
            "layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers],
            "strength": self.strength,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layers": [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]})
