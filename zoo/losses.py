"""Losses that Keras does not have. Pure keras: they run on every backend of Keras 3.

For the two-class hinge take `keras.losses.Hinge`. `keras.losses.CategoricalHinge` counts only the highest wrong score, or 0 where
all of them are lower; `multiclass_hinge` counts them all.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
def multiclass_hinge(y_true, y_pred, margin=1.0):
    """The multiclass support vector machine: every wrong class should score less than the true one, by a margin.

    The loss of one example is `sum(max(0, y_pred[wrong] - y_pred[true] + margin))` over all wrong classes. PyTorch's
    `multi_margin_loss` is this sum divided by the number of classes.

    Source: Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition"; Dibeklioğlu 2025, GE 461 "Deep
    Learning", Hinge Loss/Multi class SVM Loss. No departures; the slides' margin is 1.

    Args:
        y_true: `(batch, ...)` or `(batch, ..., 1)`, numbers of the true classes, from 0 to `classes - 1`. Other numbers give NaN.
        y_pred: `(batch, ..., classes)`, scores; any numbers.
        margin: By how much the true class should win; with `compile`, give `MulticlassHinge(margin)`.

    Returns:
        `(batch, ...)`, 0 or more.

    Raises:
        ValueError: If the shapes do not fit; one-hot labels are refused.

    Example:
        >>> float(multiclass_hinge(keras.ops.array([0]), keras.ops.array([[3.0, 1.0, 2.5, 0.0]]))[0])  # 0 + 0.5 + 0
        0.5
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != len(y_pred.shape) - 1:
        raise ValueError(
            "`multiclass_hinge` needs integer labels, (batch, ...), and scores, (batch, ..., classes), "
            f"got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    classes = y_pred.shape[-1]
    true = ops.one_hot(ops.cast(y_true, "int32"), classes, dtype=y_pred.dtype)
    # Divided by 1, or by 0 where the label is no class: that must not pass for a loss.
    score = ops.sum(true * y_pred, axis=-1, keepdims=True) / ops.sum(true, axis=-1, keepdims=True)
    return ops.sum(ops.relu(margin - score + y_pred) * (1.0 - true), axis=-1)


@keras.saving.register_keras_serializable("zoo")
class MulticlassHinge(keras.losses.Loss):
    """`multiclass_hinge` with a margin of one's own, for `compile`.

    Args:
        margin: By how much the true class should win, positive.
        **kwargs: `reduction`, `name` and `dtype`, as for every `keras.losses.Loss`.

    Raises:
        ValueError: If `margin` is not positive.

    Example:
        >>> float(MulticlassHinge(margin=2.0)(keras.ops.array([0]), keras.ops.array([[3.0, 2.0]])))  # 2 - 3 + 2
        1.0
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**{"name": "multiclass_hinge", **kwargs})
        self.margin = _positive(margin)

    def call(self, y_true, y_pred):
        return multiclass_hinge(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("zoo")
def mean_bias_error(y_true, y_pred):
    """The mean of prediction minus truth: above 0 where the model says too much.

    It tells a bias and is no loss to train with: it has no minimum.

    Source: deck A, "Mean Bias Error". Departure from it: the deck subtracts the prediction from the truth; we take the sign of
    forecasting and of `keras.losses`, where more is more.

    Args:
        y_true: `(batch, ..., outputs)`, any numbers.
        y_pred: Same shape.

    Returns:
        `(batch, ...)`.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> float(mean_bias_error(keras.ops.array([1.0, 2.0]), keras.ops.array([2.0, 4.0])))
        1.5
    """
    y_true, y_pred = _alike("mean_bias_error", y_true, y_pred)
    return ops.mean(y_pred - y_true, axis=-1)


@keras.saving.register_keras_serializable("zoo")
def contrastive_loss(y_true, y_pred, margin=1.0):
    """Draws similar pairs together, and pushes others apart until they are a margin away from each other.

    A similar pair at the distance d costs `d ** 2 / 2`, any other `max(0, margin - d) ** 2 / 2`.

    Source: Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", equation 4. Departure:
    there Y = 1 marks a pair that is not similar; here 1 answers "are they the same?" with yes.

    Args:
        y_true: `(batch, ..., pairs)`, 1 for a similar pair, 0 for another.
        y_pred: Same shape, the distances that the network gives, 0 or more.
        margin: How far apart pairs that are not similar should be; with `compile`, give `ContrastiveLoss(margin)`.

    Returns:
        `(batch, ...)`, the mean over the pairs, 0 or more.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> [float(contrastive_loss(keras.ops.array([same]), keras.ops.array([0.5]))) for same in (1, 0)]
        [0.125, 0.125]
    """
    y_true, y_pred = _alike("contrastive_loss", y_true, y_pred)
    pair = y_true * ops.square(y_pred) + (1.0 - y_true) * ops.square(ops.relu(margin - y_pred))
    return 0.5 * ops.mean(pair, axis=-1)


@keras.saving.register_keras_serializable("zoo")
class ContrastiveLoss(keras.losses.Loss):
    """`contrastive_loss` with a margin of one's own, for `compile`.

    Args:
        margin: How far apart pairs that are not similar should be, positive.
        **kwargs: `reduction`, `name` and `dtype`, as for every `keras.losses.Loss`.

    Raises:
        ValueError: If `margin` is not positive.

    Example:
        >>> float(ContrastiveLoss(margin=3.0)(keras.ops.array([[0]]), keras.ops.array([[1.0]])))  # (3 - 1) ** 2 / 2
        2.0
    """

    def __init__(self, margin=1.0, **kwargs):
        super().__init__(**{"name": "contrastive_loss", **kwargs})
        self.margin = _positive(margin)

    def call(self, y_true, y_pred):
        return contrastive_loss(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("zoo")
def sum_of_distances(y_true, y_pred):
    """Draws similar pairs together and pushes others apart without a margin.

    It is the distances of the former less those of the latter.

    It has no minimum where distances can grow without a bound; take embeddings of a fixed length.

    Source: deck A, "Metric/Contrastive Learning". Departure: the mean over the pairs, where the deck has the sum.

    Args:
        y_true: `(batch, ..., pairs)`, 1 for a similar pair, 0 for another.
        y_pred: Same shape, the distances that the network gives, 0 or more.

    Returns:
        `(batch, ...)`, the mean over the pairs.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> float(sum_of_distances(keras.ops.array([1, 1, 0]), keras.ops.array([0.5, 0.25, 1.5])))  # (0.5 + 0.25 - 1.5) / 3
        -0.25
    """
    y_true, y_pred = _alike("sum_of_distances", y_true, y_pred)
    return ops.mean((2.0 * y_true - 1.0) * y_pred, axis=-1)


@keras.saving.register_keras_serializable("zoo")
def perceptron_criterion(y_true, y_pred):
    """The perceptron's errors, `max(0, -y_true * y_pred)`: a score on the right side costs nothing, however small.

    Gradient descent on it, one example at a time, is Rosenblatt's rule. A score of 0, on the line, is an error with the loss 0
    and the full gradient; otherwise a perceptron whose weights begin at 0 would never learn.

    Source: Rosenblatt 1958, "The Perceptron"; Bishop 2006, "Pattern Recognition and Machine Learning", equation 4.54.

    Args:
        y_true: `(batch, ..., outputs)`, 1 for one class and -1 for the other; 0 counts as -1.
        y_pred: Same shape, scores; any numbers.

    Returns:
        `(batch, ...)`, the mean over the outputs, 0 or more.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> [float(perceptron_criterion(keras.ops.array([truth]), keras.ops.array([3.0]))) for truth in (1, -1)]
        [0.0, 3.0]
    """
    y_true, y_pred = _alike("perceptron_criterion", y_true, y_pred)
    error = ops.where(y_true > 0, -y_pred, y_pred)
    return ops.mean(ops.where(error >= 0, error, 0.0), axis=-1)


def _alike(name, y_true, y_pred):
    """Both as tensors of one type and shape, without the broadcasting that makes a table of two columns."""
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    if len(y_true.shape) == 1 and len(y_pred.shape) == 2 and y_pred.shape[-1] == 1:
        y_true = ops.expand_dims(y_true, -1)
    ranks_differ = len(y_true.shape) != len(y_pred.shape)
    if ranks_differ or any(one != other for one, other in zip(y_true.shape, y_pred.shape) if None not in (one, other)):
        raise ValueError(
            f"`{name}` needs truth and prediction of the same shape, got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    return y_true, y_pred


def _positive(margin):
    if margin <= 0:
        raise ValueError(f"`margin` must be positive, got {margin}.")
    return margin
