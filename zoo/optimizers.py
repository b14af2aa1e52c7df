"""Keras's optimizers and learning-rate schedules, by the names that settings give them."""

import keras
from keras.optimizers import schedules

# What weight decay leaves alone: pulling these to 0 regularises nothing.
UNDECAYED = ["bias", "gamma", "beta"]


def optimizer_of(settings):
    """The optimizer that the settings of a run name.

    Args:
        settings: A dictionary with `optimizer` ("adam", "sgd", "momentum", "nesterov"), `learning_rate`, `momentum` (read by the
            latter two), `weight_decay` and `global_clipnorm`. Weight decay is Keras's: each update takes
            `learning_rate * weight_decay` of every weight but biases and normalisations away, apart from the gradient
            (Loshchilov & Hutter 2019). All gradients together are scaled down to the norm `global_clipnorm`, unless None
            (Pascanu et al. 2013).

    Returns:
        A `keras.optimizers.Optimizer`.

    Example:
        >>> rates = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-3, "global_clipnorm": None}
        >>> optimizer_of({"optimizer": "nesterov", **rates}).nesterov
        True
    """
    name, rate = settings["optimizer"], settings["learning_rate"]
    common = {"weight_decay": settings["weight_decay"] or None, "global_clipnorm": settings["global_clipnorm"]}
    if name == "adam":
        optimizer = keras.optimizers.Adam(rate, **common)
    else:
        momentum = 0.0 if name == "sgd" else settings["momentum"]
        optimizer = keras.optimizers.SGD(rate, momentum=momentum, nesterov=name == "nesterov", **common)
    if optimizer.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    return optimizer


def scheduled(learning_rate, schedule, steps):
    """A learning rate that follows a schedule over all steps of a run.

    Args:
        learning_rate: The highest rate.
        schedule: "constant"; "cosine" falls to 0 (Loshchilov & Hutter 2017); "step" falls to a tenth after half and again after
            three quarters of the steps (He et al. 2015); "exponential" falls evenly to a hundredth; "one_cycle" rises from a 25th
            over the first 30 % of the steps and falls to 0 on a cosine (Smith 2018).
        steps: Number of batches in all epochs.

    Returns:
        A number, or a `keras.optimizers.schedules.LearningRateSchedule`.

    Example:
        >>> [round(float(scheduled(0.5, name, 10)(5)), 4) for name in ("cosine", "step", "exponential")]
        [0.25, 0.5, 0.05]
    """
    if schedule == "constant":
        return learning_rate
    if schedule == "cosine":
        return schedules.CosineDecay(learning_rate, steps)
    if schedule == "step":
        rates = [learning_rate, learning_rate / 10, learning_rate / 100]
        return schedules.PiecewiseConstantDecay([steps // 2, steps * 3 // 4], rates)
    if schedule == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps, 0.01)
    rising = max(1, round(0.3 * steps))
    return schedules.CosineDecay(learning_rate / 25, max(1, steps - rising), warmup_target=learning_rate, warmup_steps=rising)
