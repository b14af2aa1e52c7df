"""Soft parameter sharing: parallel layers, one per task, that a penalty holds together."""

import itertools

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class SoftSharing(keras.layers.Layer):
    """Runs one layer per task and adds the squared distances between their weights to the model's losses.

    The penalty is `strength * sum((w_a - w_b) ** 2)` over all pairs of tasks and all weights that at least one of the two trains,
    biases too: 0 leaves the tasks alone, and a large strength is hard sharing. A frozen layer (`trainable = False`) stays, and
    others are pulled to it, as to the paper's source language. The penalty counts once per call, whatever the batch.

    Source: deck A, "Multi-task Learning"; Duong et al. 2015, "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in
    a Neural Network Parser"; Ruder 2017, "An Overview of Multi-Task Learning in Deep Neural Networks".

    Args:
        layers: List of two or more keras layers, one per task, with weights of the same shapes; whole models are layers, too.
        strength: Factor of the penalty, 0 or more.

    Call arguments:
        inputs: A tensor that all layers see, or a list of tensors, one per layer.

    Returns:
        A list with the output of each layer.

    Raises:
        ValueError: If there are fewer than two layers, `strength` is negative, there are more or fewer inputs than layers, or the
            weights of the layers have different shapes.

    Example:
        >>> columns = [keras.layers.Dense(2, kernel_initializer="zeros"), keras.layers.Dense(2, kernel_initializer="ones")]
        >>> sharing = SoftSharing(columns, strength=0.5)
        >>> digit, parity = sharing(keras.ops.ones((1, 3)))
        >>> keras.ops.convert_to_numpy(parity).tolist()
        [[3.0, 3.0]]
        >>> float(sharing.losses[0])  # six weights that differ by one
        3.0
    """

    def __init__(self, layers, strength=1e-3, **kwargs):
        # The layers know their own types, and the penalty needs the weights as they are: in half precision the squares of small
        # differences would vanish.
        super().__init__(autocast=False, **{"dtype": "float32", **kwargs})
        if len(layers) < 2:
            raise ValueError(f"`layers` of SoftSharing must be two or more, one per task, got {len(layers)}.")
        if strength < 0:
            raise ValueError(f"`strength` of SoftSharing must not be negative, got {strength}.")
        self.layers = list(layers)
        self.strength = strength
        self.supports_masking = True

    def _per_layer(self, inputs):
        inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs] * len(self.layers)
        if len(inputs) != len(self.layers):
            raise ValueError(f"SoftSharing has {len(self.layers)} layers and needs one input or as many, got {len(inputs)}.")
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
        return None  # each layer has set its own

    def get_config(self):
        return {
            **super().get_config(),
            "layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers],
            "strength": self.strength,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layers": [keras.saving.deserialize_keras_object(layer) for layer in config["layers"]]})
