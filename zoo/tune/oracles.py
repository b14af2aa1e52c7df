"""KerasTuner's oracles, which choose the values of the next trial, told to begin with the recipe's own settings."""

import sys
import warnings

import keras_tuner
from keras_tuner import oracles

from zoo.recipe import Target


class _Told:
    """What all our oracles do otherwise: the first trial has the default values, and nothing is written.

    The journal of the study remembers what was asked and answered. An oracle's own files are written in place, so that a kill
    can halve them, and those of a grid search do not say where the grid was left.
    """

    def _random_values(self):
        if self.start_order:
            return super()._random_values()
        hp = self.hyperparameters.copy()
        hp.values = {}
        for parameter in hp.space:
            if hp.is_active(parameter):
                hp.values[parameter.name] = parameter.default
        return hp.values

    def save(self):
        pass

    def _save_trial(self, trial):
        pass


class _Random(_Told, oracles.RandomSearchOracle):
    pass


class _Bayesian(_Told, oracles.BayesianOptimizationOracle):
    """It is not made to think again about what it proposed before, which can take it seconds for each trial.

    Attributes:
        proposed: {trial: values} of an earlier session.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.proposed = {}

    def populate_space(self, trial_id):
        completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
        at_random = completed < max(3 * len(self.hyperparameters.space), 3)
        if trial_id in self.proposed and not at_random:
            return {"status": "RUNNING", "values": dict(self.proposed[trial_id])}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn tells of every length scale at its bound
            return super().populate_space(trial_id)


class _Hyperband(_Told, oracles.HyperbandOracle):
    pass


class _Grid(_Told, oracles.GridSearchOracle):
    """It does not wait for a trial to end before it proposes the one after it: the space is known from the start."""

    def populate_space(self, trial_id):
        answer = super().populate_space(trial_id)
        if answer["status"] == "RUNNING":
            self._populate_next.append(trial_id)
        return answer


TUNERS = {"hyperband": _Hyperband, "bayesian": _Bayesian, "random": _Random, "grid": _Grid}


def make_oracle(tuner, hyperparameters, target: Target, epochs, seed):
    """An oracle of KerasTuner.

    Args:
        tuner: One of `TUNERS`.
        hyperparameters: A `keras_tuner.HyperParameters` with the whole space.
        target: The recipe's `Target`, which gives objective and direction.
        epochs: Number of epochs of a whole run; Hyperband gives most trials fewer.
        seed: Of the study; 0 is a seed like any other.

    Returns:
        A `keras_tuner.Oracle` without a limit of its own to the number of trials.

    Example:
        >>> from zoo.recipe import Target
        >>> hp = keras_tuner.HyperParameters()
        >>> _ = hp.Float("dropout", 0.0, 0.5, default=0.4)
        >>> make_oracle("random", hp, Target("accuracy", at_least=0.9), 20, 0).create_trial("0000").hyperparameters.values
        {'dropout': 0.4}
    """
    options = {
        "objective": keras_tuner.Objective(objective_of(target), "max" if target.at_most is None else "min"),
        "hyperparameters": hyperparameters.copy(),
        "seed": seed + 1,  # KerasTuner takes 0 for "any seed"
        "max_consecutive_failed_trials": sys.maxsize,
    }
    limit = {"max_epochs": epochs} if tuner == "hyperband" else {"max_trials": None}
    oracle = TUNERS[tuner](**limit, **options)
    oracle.verbose = 0
    return oracle


def objective_of(target):
    """The name of what is searched for: the target's metric on the validation part."""
    return f"val_{target.monitor or target.metric}"
