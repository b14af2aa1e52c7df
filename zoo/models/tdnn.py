"""A time-delay neural network: 1-D convolutions over time, with a finite memory.

Each layer sees its input now and at some steps before, so the evidence for a class at one time depends on the last steps only,
`memory` of them, whatever the weights are: Y(t) = f(X(t), ..., X(t - memory + 1)). The answer is its mean over time, so that it
matters little when something is seen.

Source: Waibel et al. 1989, "Phoneme Recognition Using Time-Delay Neural Networks"; deck C, "Story so far" and "The behavior of
recurrence" (time-delay nets, convnets over time). Departures: ReLU for sigmoids; zeros stand before the first step, so that
sequences of any length have an answer; the evidence is linear and its mean is taken, where Waibel sums squares; dilations are an
option.
"""

import keras
from keras import layers


def tdnn(
    input_shape=(None, 28),
    num_classes=10,
    filters=(64, 64, 64),
    kernel_size=9,
    dilations=(1, 1, 1),
    augmentation=None,
    name="tdnn",
):
    """Builds the network: 90,698 weights by default, with a memory of 25 steps.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        filters: Width of each layer, bottom to top.
        kernel_size: Number of steps that each layer sees.
        dilations: Steps of the layer's input between those that it sees, layer by layer.
        augmentation: A keras layer that changes the sequences in training only, such as
            `zoo.layers.augmentation.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes). Step by
        step `evidence(model)` gives them.

    Raises:
        ValueError: If there are not as many dilations as filters.

    Example:
        >>> tdnn().count_params()
        90698
    """
    if len(filters) != len(dilations):
        raise ValueError(f"tdnn needs a dilation for each layer, got filters {tuple(filters)} and dilations {tuple(dilations)}.")
    x = inputs = keras.Input(input_shape, name="sequence")
    if augmentation is not None:
        x = augmentation(x)
    for index, (width, dilation) in enumerate(zip(filters, dilations), start=1):
        options = {"dilation_rate": dilation, "activation": "relu", "kernel_initializer": "he_normal"}
        x = layers.Conv1D(width, kernel_size, padding="causal", **options, name=f"conv{index}")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def memory(kernel_size, dilations):
    """Number of steps, the present one among them, that the evidence at one time can depend on.

    Example:
        >>> memory(kernel_size=9, dilations=(1, 1, 1))
        25
    """
    return 1 + (kernel_size - 1) * sum(dilations)


def evidence(model):
    """The evidence for each class at every step, sharing the weights of `model`; its mean over time is the logits.

    Args:
        model: A model from `tdnn`.

    Returns:
        A `keras.Model` from `sequence` to {`evidence`: (batch, time, num_classes)}.

    Example:
        >>> evidence(tdnn()).output["evidence"].shape
        (None, None, 10)
    """
    steps = model.get_layer("mean").input  # (batch, time, filters)
    return keras.Model(model.input, {"evidence": model.get_layer("logits")(steps)}, name="evidence")
