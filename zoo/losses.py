"""Losses that Keras does not have. They need nothing but Keras and run on each of its backends.

For two classes use `keras.losses.Hinge`. `keras.losses.CategoricalHinge` counts only the highest of the wrong scores, and
compares it with 0 as well; `multiclass_hinge` counts all wrong scores.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
def multiclass_hinge(y_true, y_pred, margin: float = 1.0):
    """The loss of a multiclass support vector machine: each wrong class should score less than the true one, by a margin.

    The loss of one example is `sum(max(0, y_pred[wrong] - y_pred[true] + margin))` over all wrong classes. PyTorch's
    `multi_margin_loss` is this sum divided by the number of classes.

    Source: Weston & Watkins 1999, "Support Vector Machines for Multi-Class Pattern Recognition"; Dibeklioğlu 2025, GE 461 "Deep
    Learning", Hinge Loss/Multi class SVM Loss. No departures; the margin of the slides is 1.

    Args:
        y_true: `(batch, ...)` or `(batch, ..., 1)`, indices of the true classes, from 0 to `classes - 1`. The loss of any other
            index is NaN.
        y_pred: `(batch, ..., classes)`, scores of any size.
        margin: How far the true class should be ahead. To choose it in `compile`, use `MulticlassHinge(margin)`.

    Returns:
        `(batch, ...)`, 0 or more.

    Raises:
        ValueError: If the shapes do not match; one-hot labels are not accepted.

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
    true = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    # Divided by 1, or by 0 where the label is not a class: the loss must not look like a number there.
    score = ops.sum(true * y_pred, axis=-1, keepdims=True) / ops.sum(true, axis=-1, keepdims=True)
    return ops.sum(ops.relu(margin - score + y_pred) * (1.0 - true), axis=-1)


@keras.saving.register_keras_serializable("zoo")
class MulticlassHinge(keras.losses.Loss):
    """`multiclass_hinge` with a configurable margin, for `compile`.

    Args:
        margin: How far the true class should be ahead, positive.
        **kwargs: `reduction`, `name` and `dtype`, as for every `keras.losses.Loss`.

    Raises:
        ValueError: If `margin` is not positive.

    Example:
        >>> float(MulticlassHinge(margin=2.0)(keras.ops.array([0]), keras.ops.array([[3.0, 2.0]])))  # 2 - 3 + 2
        1.0
    """

    def __init__(self, margin: float = 1.0, **kwargs):
        super().__init__(**{"name": "multiclass_hinge", **kwargs})
        self.margin = _positive(margin)

    def call(self, y_true, y_pred):
        return multiclass_hinge(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("zoo")
def mean_bias_error(y_true, y_pred):
    """The mean of truth minus prediction: negative where the predictions are too large on average.

    It measures a bias. It cannot be trained with, because it has no minimum.

    Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Mean Bias Error. No departures; in forecasting the sign is often reversed.

    Args:
        y_true: `(batch, ..., outputs)`, numbers of any size.
        y_pred: Same shape.

    Returns:
        `(batch, ...)`, the mean over the outputs.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> float(mean_bias_error(keras.ops.array([1.0, 2.0]), keras.ops.array([2.0, 4.0])))  # (-1 - 2) / 2
        -1.5
    """
    y_true, y_pred = _alike("mean_bias_error", y_true, y_pred)
    return ops.mean(y_true - y_pred, axis=-1)


@keras.saving.register_keras_serializable("zoo")
def contrastive_loss(y_true, y_pred, margin: float = 1.0):
    """Pulls similar pairs together and pushes other pairs apart until they are a margin away from each other.

    The loss of a similar pair at distance d is `d ** 2 / 2`, that of any other pair `max(0, margin - d) ** 2 / 2`.

    Source: Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", equation 4. Departure: in
    the paper Y = 1 marks a dissimilar pair; here 1 means that the two are the same.

    Args:
        y_true: `(batch, ..., pairs)`, 1 for a similar pair, 0 for any other.
        y_pred: Same shape, the distances that the network computes, 0 or more.
        margin: How far apart dissimilar pairs should be. To choose it in `compile`, use `ContrastiveLoss(margin)`.

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
    """`contrastive_loss` with a configurable margin, for `compile`.

    Args:
        margin: How far apart dissimilar pairs should be, positive.
        **kwargs: `reduction`, `name` and `dtype`, as for every `keras.losses.Loss`.

    Raises:
        ValueError: If `margin` is not positive.

    Example:
        >>> float(ContrastiveLoss(margin=3.0)(keras.ops.array([[0]]), keras.ops.array([[1.0]])))  # (3 - 1) ** 2 / 2
        2.0
    """

    def __init__(self, margin: float = 1.0, **kwargs):
        super().__init__(**{"name": "contrastive_loss", **kwargs})
        self.margin = _positive(margin)

    def call(self, y_true, y_pred):
        return contrastive_loss(y_true, y_pred, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable("zoo")
def sum_of_distances(y_true, y_pred):
    """Pulls similar pairs together and pushes other pairs apart, without a margin.

    The loss is the sum of the distances of similar pairs minus the sum of the distances of all other pairs. It has no minimum
    where distances can grow without bound, so the embeddings need a fixed length.

    Source: Dibeklioğlu 2025, GE 461 "Deep Learning", Metric/Contrastive Learning. No departures.

    Args:
        y_true: `(batch, ..., pairs)`, 1 for a similar pair, 0 for any other.
        y_pred: Same shape, the distances that the network computes, 0 or more.

    Returns:
        `(batch, ...)`, the sum over the pairs.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> float(sum_of_distances(keras.ops.array([1, 1, 0]), keras.ops.array([0.5, 0.25, 1.5])))  # 0.5 + 0.25 - 1.5
        -0.75
    """
    y_true, y_pred = _alike("sum_of_distances", y_true, y_pred)
    return ops.sum((2.0 * y_true - 1.0) * y_pred, axis=-1)


@keras.saving.register_keras_serializable("zoo")
def perceptron_criterion(y_true, y_pred):
    """The loss of the perceptron, `max(0, -y_true * y_pred)`: 0 for a score on the right side, however small.

    Gradient descent on it, one example at a time, is Rosenblatt's rule. A score of exactly 0 counts as an error: its loss is 0,
    but it has the full gradient. Otherwise a perceptron whose weights start at 0 would never learn.

    Source: Rosenblatt 1958, "The Perceptron"; Bishop 2006, "Pattern Recognition and Machine Learning", equation 4.54.

    Args:
        y_true: `(batch, ..., outputs)`, 1 for one class and -1 for the other; 0 counts as -1.
        y_pred: Same shape, scores of any size.

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
    """Both as tensors of one dtype and shape; never broadcast, which would compare every truth with every prediction."""
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
