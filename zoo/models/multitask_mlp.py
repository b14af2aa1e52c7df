"""A multilayer perceptron that learns several tasks at once, with hard or soft parameter sharing.

With hard sharing all tasks use the same trunk of hidden layers, and each task has its own head. With soft sharing each task has
its own trunk as well, and a penalty on the squared differences between the weights of the trunks keeps them similar.

Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Multi-task Learning (hard and soft parameter sharing; the total loss
L = la + alpha lb + beta lc + ... is set in `compile`); Ruder 2017, "An Overview of Multi-Task Learning in Deep Neural Networks".
No departures; the slides give no sizes.
"""

import keras
from keras import layers

from zoo.layers import SoftSharing
from zoo.shapes import require_fixed_size


def multitask_mlp(
    input_shape: tuple[int, ...] = (28, 28, 1),
    tasks: dict[str, int] | tuple[tuple[str, int], ...] = (("digit", 10), ("parity", 2), ("above_four", 2)),
    sharing: str = "hard",
    units: tuple[int, ...] = (192, 96),
    dropout: float = 0.3,
    penalty: float = 1e-4,
    name: str = "multitask_mlp",
) -> keras.Model:
    """Builds the network: 170,606 weights by default, 509,102 with `sharing="soft"`.

    Args:
        input_shape: Shape of one example with values in [0, 1]; it is flattened.
        tasks: Number of classes of each task: {name: number}, or pairs of both.
        sharing: "hard" for one trunk for all tasks, or "soft" for one trunk per task.
        units: Width of each hidden layer of a trunk, bottom to top.
        dropout: Fraction of each hidden layer's outputs dropped in training.
        penalty: Factor of the squared differences between the weights of the trunks, 0 or more; used by "soft" only. With 0 the
            tasks are independent.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model` from `image` (batch, *input_shape) to {task: logits (batch, number of classes)}.
        `classifiers(model)` returns the probabilities and the class of each task.

    Raises:
        ValueError: If there is no task, `sharing` is unknown, soft sharing has a single task or a negative penalty, or the
            examples do not have a fixed size.

    Example:
        >>> multitask_mlp().count_params(), multitask_mlp(sharing="soft").count_params()
        (170606, 509102)
    """
    require_fixed_size(name, input_shape)
    tasks = dict(tasks)
    if not tasks:
        raise ValueError("`tasks` of multitask_mlp must name at least one task, got none.")
    if sharing not in ("hard", "soft"):
        raise ValueError(f'`sharing` must be "hard" or "soft", got {sharing!r}.')
    inputs = keras.Input(input_shape, name="image")
    x = layers.Flatten(name="flatten")(inputs)
    if sharing == "hard":
        features = [_hidden(x, units, dropout)] * len(tasks)
    else:
        pixels = keras.Input(x.shape[1:], name="pixels")
        trunks = [keras.Model(pixels, _hidden(pixels, units, dropout, f"{task}_"), name=f"{task}_trunk") for task in tasks]
        features = SoftSharing(trunks, penalty, name="trunks")(x)
    outputs = {
        task: layers.Dense(classes, dtype="float32", name=task)(feature)
        for (task, classes), feature in zip(tasks.items(), features)
    }
    return keras.Model(inputs, outputs, name=name)


def classifiers(model: keras.Model) -> keras.Model:
    """The probabilities and the class for each task, sharing the weights of `model`.

    Args:
        model: A model from `multitask_mlp`.

    Returns:
        A `keras.Model` from `image` (batch, *input_shape) to, for each task, {`TASK_probabilities`: (batch, number of classes);
        `TASK_label`: (batch,) int32, the most likely class}.

    Example:
        >>> list(classifiers(multitask_mlp(tasks={"digit": 10, "parity": 2})).output)
        ['digit_probabilities', 'digit_label', 'parity_probabilities', 'parity_label']
    """
    outputs = {}
    for task, logits in model.output.items():
        # Not `argmax`: Keras builds it from bitwise operations that LiteRT does not have.
        _, label = keras.ops.top_k(logits, 1)
        outputs[f"{task}_probabilities"] = keras.ops.softmax(logits)
        outputs[f"{task}_label"] = keras.ops.cast(keras.ops.squeeze(label, axis=-1), "int32")
    return keras.Model(model.input, outputs, name="classifiers")


def _hidden(x, units, dropout, prefix=""):
    for index, width in enumerate(units, start=1):
        x = layers.Dense(width, activation="relu", kernel_initializer="he_normal", name=f"{prefix}dense{index}")(x)
        x = layers.Dropout(dropout, name=f"{prefix}dropout{index}")(x)
    return x
