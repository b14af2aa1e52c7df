"""Scores of a trained network."""

import dataclasses
import math

import numpy as np

from zoo import finder as recipes
from zoo import saved
from zoo.data.batches import Batches
from zoo.data.forms import damage
from zoo.data.language import measures, measures_by_line
from zoo.endpoints import default_endpoint
from zoo.errors import UsageError
from zoo.recipe import takes
from zoo.writing import written

EVALUATION_BATCH = 250
ANSWERING_BATCH = 100  # a beam of five makes five of each


def evaluate(name, folder=None, part="test", noise=None):
    """The scores of a trained network on one part of the data that it was trained on.

    Args:
        name: Name of the recipe.
        folder: The folder of saved models; None as in `zoo.load`.
        part: "test", "validation" or "train".
        noise: Standard deviation of Gaussian noise that is added to the pictures, 0 or more; None for the data as they are.

    Returns:
        {metric: value}; a value is a number or a list of numbers.

    Raises:
        UsageError: If the network or its data cannot be loaded, or the data are not those that it was trained on, or noise cannot
            be added to them.
    """
    model = saved.load(name, folder)
    data = saved.load_data(name, folder)
    measured_on = getattr(data, part)
    if noise is not None:
        measured_on = with_noise(measured_on, data.contract, noise)
    return scores(recipes.find(name), model, measured_on, data)


def evaluate_on(name, overrides, folder=None, part="test"):
    """The scores of a trained network on other data than it was trained on.

    Args:
        name: Name of the recipe.
        overrides: Settings as texts `key=value`: `data`, and those of that data set. A running text is measured as a whole.
        folder: The folder of saved models; None as in `zoo.load`.
        part: "test", "validation" or "train" of those data.

    Returns:
        ({metric: value}, lines, notes): `lines` are the scores of each line of a text, as `zoo.data.language.measures_by_line`
        makes them, else None; `notes` tell how the data were read.

    Raises:
        UsageError: If there is no such setting, or the data are not of the form of those that it was trained on.
    """
    recipe, model = recipes.find(name), saved.load(name, folder)
    contract = saved.read_contract(saved.find_saved(name, folder))
    settings = recipe.settings(overrides)
    known = ("data", *recipe.data_settings(settings["data"]))
    given = [override.partition("=")[0] for override in overrides]
    if "data" not in given or not set(given) <= set(known):
        raise UsageError(f"got {', '.join(given)}; expected data=SET, and what else that set takes: {', '.join(known[1:])}.")
    if "whole" in known and "whole" not in given:
        settings["whole"] = True
    data = recipe.load_data(settings, contract)
    if data.contract.classes != contract.classes or set(data.contract.inputs) != set(contract.inputs):
        raise UsageError(
            f"the data have the inputs {_names(data.contract.inputs)} and the classes {_names(data.contract.classes)}; "
            f"{recipes.name_of(name)} takes {_names(contract.inputs)} and knows {_names(contract.classes)}."
        )
    chosen = getattr(data, part)
    contract.check(chosen.inputs)
    if recipe.log_likelihoods is None:
        return scores(recipe, model, chosen, data), None, data.notes
    log_likelihoods = recipe.log_likelihoods(model, chosen)
    pieces = next(iter(contract.inputs.values())).vocabulary
    values = scores(recipe, model, chosen, data, log_likelihoods)
    return values, measures_by_line(log_likelihoods, chosen, pieces), data.notes


def _names(several):
    return ", ".join(several or ["none"])


def with_noise(part, contract, noise):
    """A part of the data whose pictures have Gaussian noise, always the same, and whose targets are as they were.

    The noise is added to the picture that is the target, where one is: of a network that restores pictures, this is the whole
    one.

    Args:
        part: A `zoo.data.Part`.
        contract: Its `Contract`.
        noise: Standard deviation, 0 or more, where pixels lie in [0, 1].

    Returns:
        A `zoo.data.Part`.

    Raises:
        UsageError: If there are no pictures, or no targets, or `noise` is below 0.
    """
    pictures = [name for name, field in contract.inputs.items() if field.kind == "image"]
    if not pictures:
        raise UsageError(f"noise is added to pictures, and the network reads {', '.join(contract.inputs)}; leave out --noise.")
    if part.targets is None:
        raise UsageError("the network is judged by its own inputs, noise and all; leave out --noise.")
    whole = undamaged(part)
    noisy = {name: damage(whole[name], "gaussian", noise, seed) for seed, name in enumerate(pictures)}
    return dataclasses.replace(part, inputs={**whole, **noisy})


def undamaged(part):
    """The inputs of a part, with the targets in place of a picture that is to be restored to them."""

    def is_restored(array):
        return isinstance(part.targets, np.ndarray) and part.targets.shape == array.shape

    return {name: part.targets if is_restored(array) else array for name, array in part.inputs.items()}


def scores(recipe, model, part, data, log_likelihoods=None):
    """Every Keras metric of the model on a part of its data, and what the recipe measures and estimates beyond them.

    Args:
        recipe: The `Recipe`.
        model: The compiled model.
        part: The `Part`.
        data: The `Data` that it is of.
        log_likelihoods: What the recipe's function of this name gives for the part, where that is known already.

    Returns:
        {metric: value}; a value is a number or a list of numbers.
    """
    values = quick_scores(recipe, model, part, data.contract)
    if recipe.log_likelihoods is not None:
        values.update(measures(recipe.log_likelihoods(model, part) if log_likelihoods is None else log_likelihoods))
    if recipe.estimate is not None:
        train = {"train": data.train} if takes(recipe.estimate, "train") else {}
        values.update(recipe.estimate(model, part, data.contract, **train))
    return {metric: np.asarray(value, "float64").tolist() for metric, value in values.items()}


def quick_scores(recipe, model, part, contract):
    """The `scores` without what the recipe estimates, which can take minutes."""
    values = model.evaluate(Batches(part, contract, EVALUATION_BATCH, outputs=model.output_names), return_dict=True, verbose=0)
    values.update(measured(recipe, default_endpoint(recipe, model, contract), part, contract))
    return values


def sample(recipe, model, contract):
    """A text that a network writes after the prompt of its recipe."""
    endpoint = default_endpoint(recipe, model, contract)
    return written(endpoint, recipe.prompt, contract[next(iter(endpoint.inputs))])


def measured(recipe, endpoint, part, contract):
    """What the recipe measures of the answers to a part, {name: number}; empty for a recipe of Keras metrics only."""
    if recipe.measure is None:
        return {}
    return recipe.measure(endpoint.predict(part.inputs, ANSWERING_BATCH), part, contract)


def interval(metric, score, model, part):
    """The interval of a score that is a share of the examples of a part, as `wilson_interval` gives it.

    Args:
        metric: Name of the metric.
        score: Its value.
        model: The model that was measured.
        part: The part of the data that it was measured on.

    Returns:
        [low, high]; None for other metrics, and for accuracies that are means: over several outputs, or over the places of a
        sequence, which are not as many independent trials.
    """
    if not metric.endswith("accuracy") or len(model.outputs) > 1:
        return None
    targets = part.targets[model.output_names[0]] if isinstance(part.targets, dict) else part.targets
    return wilson_interval(score, len(part)) if targets.size == len(part) else None


def wilson_interval(share, count):
    """Where the true share of right answers lies, with 95 % confidence (Wilson 1927).

    Args:
        share: The share of right answers among those that were counted, from 0 to 1.
        count: Number of examples.

    Returns:
        [low, high].

    Example:
        >>> [round(bound, 4) for bound in wilson_interval(0.9, 1000)]
        [0.8798, 0.9171]
    """
    z = 1.959964
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return [middle - half, middle + half]
