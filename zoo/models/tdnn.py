"""A time-delay neural network: 1-D convolutions over time, with a finite memory.

Each layer sees its input at the present step and at some steps before, so the evidence for a class at one step depends on the
last `memory` steps only, whatever the weights are: Y(t) = f(X(t), ..., X(t - memory + 1)). The logits are its mean over time, so
that it matters little when a pattern occurs.

Source: Waibel et al. 1989, "Phoneme Recognition Using Time-Delay Neural Networks"; "Deep Learning: Recurrent Networks", lecture
of 26 February 2018, Story so far and "BIBO" Stability. Departures from Waibel: ReLU instead of the sigmoid; zeros before the
first step, so that sequences of any length are accepted; the evidence is linear and averaged, where Waibel sums squares;
dilations are an option.
"""

import keras
from keras import layers


def tdnn(
    input_shape: tuple[int | None, int] = (None, 28),
    num_classes: int = 10,
    filters: tuple[int, ...] = (64, 64, 64),
    kernel_size: int = 9,
    dilations: tuple[int, ...] = (1, 1, 1),
    augmentation: layers.Layer | None = None,
    name: str = "tdnn",
) -> keras.Model:
    """Builds the network: 90,698 weights by default, with a memory of 25 steps.

    Args:
        input_shape: Length (None: any) and features of one sequence.
        num_classes: Number of classes.
        filters: Width of each layer, bottom to top.
        kernel_size: Number of steps that each layer sees.
        dilations: Distance in steps between the inputs that a layer sees, for each layer.
        augmentation: A Keras layer that changes the sequences in training only, such as `zoo.layers.Augmentation`, or None.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `sequence` (batch, *input_shape) to `logits` (batch, num_classes).
        `evidence(model)` returns them for each step.

    Raises:
        ValueError: If `filters` and `dilations` differ in length.

    Example:
        >>> tdnn().count_params()
        90698
    """
    if len(filters) != len(dilations):
        raise ValueError(f"{name} needs one dilation per layer, got filters {tuple(filters)} and dilations {tuple(dilations)}.")
    x = inputs = keras.Input(input_shape, name="sequence")
    if augmentation is not None:
        x = augmentation(x)
    for index, (width, dilation) in enumerate(zip(filters, dilations), start=1):
        options = {"dilation_rate": dilation, "activation": "relu", "kernel_initializer": "he_normal"}
        x = layers.Conv1D(width, kernel_size, padding="causal", **options, name=f"conv{index}")(x)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    outputs = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, outputs, name=name)


def memory(kernel_size: int, dilations: tuple[int, ...]) -> int:
    """Number of steps, including the present one, on which the evidence at one step depends.

    Example:
        >>> memory(kernel_size=9, dilations=(1, 1, 1))
        25
    """
    return 1 + (kernel_size - 1) * sum(dilations)


def evidence(model: keras.Model) -> keras.Model:
    """The evidence for each class at each step, sharing the weights of `model`; the logits are its mean over time.

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
