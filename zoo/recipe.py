"""What a recipe is, and how its settings are read.

A recipe is one file in `recipes/` that ends in `recipe = Recipe(...)`. Its settings are the keywords of its `build`, its `phases`
and its `fit`, the name of its data set with the settings that this has, and the seed: flat, typed and strict.
"""

import dataclasses
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import annotated_types

from zoo.datasets import DATA_SETS
from zoo.errors import UsageError
from zoo.target import Target
from zoo.types import Count, Fraction, NonNegative, Positive, nearest, typed

FIT_TYPES = {
    "epochs": Count,
    "batch_size": Count,
    "optimizer": Literal["adam", "sgd", "momentum", "nesterov"],
    "learning_rate": Positive,
    "momentum": Fraction,
    "weight_decay": NonNegative,
    "global_clipnorm": Positive | None,
    "schedule": Literal["constant", "cosine", "step", "exponential", "one_cycle"],
}
# What a recipe's `fit` need not say; `schedule` apart, for builds that take an optimizer.
OPTIMIZER_DEFAULTS = {"optimizer": "adam", "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 0.0, "global_clipnorm": None}
# What `build` and `phases` are given; their other parameters are settings.
GIVEN = ("contract", "optimizer", "batch_size", "settings")
# What a data set's `load` is given; its other parameters are settings where they have a type.
GIVEN_TO_LOAD = ("path", "contract")
OTHER_TYPES = {"data": str, "seed": Annotated[int, annotated_types.Ge(0), annotated_types.Le(2**31)]}


@dataclasses.dataclass(frozen=True)
class Phase:
    """One stretch of training: what learns, on which form of the data, for how long.

    Each phase begins with the weights of the best epoch of the phase before, and with an optimizer of its own; the learning rate
    follows the schedule of the settings again.

    Args:
        name: Its name in the history and on disk, such as "layer1".
        epochs: Number of epochs, at least 1.
        learning_rate: The highest learning rate; None for that of the settings.
        learns: Names of the layers that learn, while the others keep their weights; None for all.
        model: Function of (whole model, optimizer) to the compiled `keras.Model` that this phase trains, made of layers of the
            whole model, or of its own; None for the whole model.
        data: Function of (`Data`, whole model) to the `Data` of this phase, such as the codings of the layers before; None for
            the data as they are.
        finish: Function of (model of this phase, whole model), called after the last epoch, that carries weights over where the
            two share no layers; None where they do.
        monitor: Name of the Keras metric, smaller is better, that chooses the best epoch of a `model`; the epochs of the whole
            model are chosen by the target of the recipe.

    Raises:
        ValueError: If the name is not a name of a folder, or there is no epoch.

    Example:
        >>> [phase.name for phase in (Phase("head", 2, learns=("logits",)), Phase("all", 8, learning_rate=1e-4))]
        ['head', 'all']
    """

    name: str
    epochs: int
    learning_rate: float | None = None
    learns: tuple | None = None
    model: Callable | None = None
    data: Callable | None = None
    finish: Callable | None = None
    monitor: str = "loss"

    def __post_init__(self):
        if not re.fullmatch("[a-z0-9_]+", self.name):
            raise ValueError(f"the name of a Phase must be of small letters, digits and _, got {self.name!r}.")
        if self.epochs < 1:
            raise ValueError(f"the Phase {self.name} must have at least 1 epoch, got {self.epochs}.")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Args:
        build: Function of typed keywords with defaults to a compiled `keras.Model`. Parameters without a default come first:
            `contract` is given the contract of the data set, `optimizer` the Keras optimizer that the settings of `fit` name.
        data: The default data set: a module of `zoo.datasets`, or any other with a function `load`.
        fit: Defaults of `epochs`, `batch_size` and what else is not to be as usual: `schedule` ("constant"), and where `build`
            takes an optimizer, `optimizer` ("adam"), `learning_rate` (1e-3), `momentum` (0.9), `weight_decay` (0) and
            `global_clipnorm` (None). `zoo.optimizers` says what they mean.
        target: The `Target`.
        prepare: Function from `Data`, and `settings` if it takes them, to `Data` in the form that the network needs, or None.
        endpoints: Function of a trained model to {name: functional model with a dictionary of outputs}: what can be asked of it.
            "serving_default" is what `zoo predict` and every export answer first; without it that is the model itself, or for
            classifiers its `probabilities` and `label`. One that gives another's inputs stands before it.
        fields: Function of the data's contract to {name: Field}, or None: inputs and outputs of endpoints that are not in the
            contract and are more than vectors: inputs with bounds, outputs that are images, labels or text.
        measure: Function of (answers, part, contract) to {name: number}, for a target that is no Keras metric, or None. The
            answers are those of "serving_default", {name: array}.
        estimate: Function of (model, part, contract), and the training part `train` if it takes it, to {name: number or list of
            numbers}: a target that no answer tells, and what else the card is to hold; or None. `NAME_range`, [low, high], says
            between which values the output NAME lies for 98 % of the examples.
        log_likelihoods: For language models, function of (model, part) to the logarithm of the probability of each token of a
            text after those before it, `(tokens,)`; it gives the scores `nats`, `bits` and `perplexity`. None for others.
        space: Function of a KerasTuner `hp` to settings, keywords of `build` or of `fit`, or None: what `zoo tune` searches. A
            hyperparameter is named after its setting, or `setting/part`; its default is the recipe's.
        phases: Function of `settings` and of typed keywords with defaults, which are settings too, to a list of `Phase`, or None.
            An empty list is one phase of the whole model, as without. The last phase trains the whole model, as a rule for the
            `epochs` of the settings: these are what `zoo tune` shortens.
        adapt: Function of (model, training part), called once before the first epoch, for layers that count or normalise: what
            they find must be weights, as with `keras.layers.Normalization.adapt`. None where nothing adapts.
        prompt: For networks that write, what a text begins with. Texts after the first epoch, after a quarter of the epochs and
            with the final weights are kept on the card, to show how it learned. None for others.
    """

    build: Callable
    data: Any
    fit: dict
    target: Target
    prepare: Callable | None = None
    endpoints: Callable | None = None
    fields: Callable | None = None
    measure: Callable | None = None
    estimate: Callable | None = None
    log_likelihoods: Callable | None = None
    space: Callable | None = None
    phases: Callable | None = None
    adapt: Callable | None = None
    prompt: str | None = None

    def defaults(self, data=None):
        """Every setting with its default value.

        Args:
            data: The setting `data`, whose own settings are among them; None for the recipe's data set.
        """
        built = {name: parameter.default for name, parameter in self._parameters().items()}
        usual = {**(OPTIMIZER_DEFAULTS if takes(self.build, "optimizer") else {}), "schedule": "constant"}
        fit = {"epochs": None, "batch_size": None, **usual, **self.fit}
        data = data or self.data.__name__.rpartition(".")[2]
        own = {name: parameter.default for name, parameter in self.data_settings(data).items()}
        return {"data": data, **own, **built, **fit, "seed": 0}

    def types(self, data=None):
        """Every setting with its type; `data` as for `defaults`."""
        defaults = self.defaults(data)
        own = {name: parameter.annotation for name, parameter in self.data_settings(defaults["data"]).items()}
        built = {name: parameter.annotation for name, parameter in self._parameters().items()}
        every = {**OTHER_TYPES, **FIT_TYPES, **built, **own}
        return {name: every[name] for name in defaults}

    def data_settings(self, data):
        """The settings of a data set, {name: `inspect.Parameter`}: the typed keywords of its `load`.

        Args:
            data: The setting `data`: the name of a set, with a path after a colon where it takes one.

        Raises:
            UsageError: If there is no such set, or a setting of it has the name of one of the recipe's.
        """
        parameters = inspect.signature(self._data_set(data).load).parameters
        found = {name: one for name, one in parameters.items() if one.annotation is not one.empty and name not in GIVEN_TO_LOAD}
        for name in found:
            if name in (*OTHER_TYPES, *FIT_TYPES, *self._parameters()):
                raise UsageError(f"the data set {data} and the recipe both have a setting {name!r}; rename the recipe's.")
        return found

    def settings(self, overrides=()):
        """The settings after `key=value` overrides.

        Args:
            overrides: Texts `key=value`; values are written as in Python, bare words are text.

        Returns:
            {setting: value}, in the order of `defaults`.

        Raises:
            UsageError: If a key is unknown, or a value of the wrong type or out of range.
        """
        split = [(override, *override.partition("=")) for override in overrides]
        data = next((text for _, key, _, text in reversed(split) if key == "data"), None)
        data = data and typed("data", data, str)
        settings, types = self.defaults(data), self.types(data)
        for override, key, equals, text in split:
            if not equals:
                raise UsageError(f"got {override!r}; expected a setting as key=value, such as epochs=3.")
            if key not in types:
                raise UsageError(f"there is no setting {key!r}{nearest(key, types)} The settings are {', '.join(types)}.")
            settings[key] = typed(key, text, types[key])
        return settings

    def load_data(self, settings, contract=None):
        """The data set that the settings name, in the form that the network needs.

        Args:
            settings: {setting: value}; a setting of the data set that is missing has its default.
            contract: The `Contract` of a trained network, whose pieces of text are then used instead of learned again.

        Raises:
            UsageError: If there is no such data set, or it cannot be read, or has another form than the recipe's own.
        """
        text = settings["data"]
        keywords = {name: settings[name] for name in self.data_settings(text) if name in settings}
        load = self._data_set(text).load
        if ":" in text:
            if not takes(load, "path"):
                raise UsageError(f"the data set {text.partition(':')[0]} takes no path, got {text!r}.")
            keywords["path"] = text.partition(":")[2]
        if takes(load, "contract"):
            keywords["contract"] = contract
        data = load(**keywords)
        if self.prepare is None:
            return data
        try:
            whole = {"settings": {**self.defaults(text), **settings}} if takes(self.prepare, "settings") else {}
            return self.prepare(data, **whole)
        except KeyError as error:
            raise UsageError(self._unfit(settings, data.contract, error)) from error

    def build_model(self, settings, contract):
        """The compiled model for resolved settings.

        Raises:
            UsageError: If the network cannot be built with these settings, or does not take the data's inputs.
        """
        keywords = {name: settings[name] for name in _settings_of(self.build)}
        if takes(self.build, "contract"):
            keywords["contract"] = contract
        if takes(self.build, "optimizer"):
            from zoo.optimizers import optimizer_of  # brings keras, which a reader of settings does without

            keywords["optimizer"] = optimizer_of(settings)
        if takes(self.build, "batch_size"):
            keywords["batch_size"] = settings["batch_size"]
        try:
            model = self.build(**keywords)
        except KeyError as error:
            raise UsageError(self._unfit(settings, contract, error)) from error
        except TypeError as error:
            if contract.classes is not None or "NoneType" not in str(error):
                raise
            raise UsageError(self._unfit(settings, contract, "classes")) from error
        except ValueError as error:
            # Keras says where on the first line, and what on the next, in bold.
            lines = [line for line in re.sub(r"\x1b\[\d*m", "", str(error)).splitlines() if line.strip()]
            raise UsageError(f"the network cannot be built: {' '.join(lines[:2])}") from error
        names = {tensor.name for tensor in model.inputs}
        if names != set(contract.inputs):
            raise UsageError(self._unfit(settings, contract, sorted(names)))
        return model

    def list_phases(self, settings):
        """The phases of a run with these settings, a list of at least one `Phase`.

        Raises:
            UsageError: If two have the same name, or the last one does not train the whole model.
        """
        phases = []
        if self.phases is not None:
            phases = self.phases(settings, **{name: settings[name] for name in _settings_of(self.phases)})
        names = [phase.name for phase in phases]
        if len(set(names)) < len(names):
            raise UsageError(f"the phases of the recipe are named {', '.join(names)}; expected a name of its own for each.")
        if phases and phases[-1].model is not None:
            raise UsageError(f"the last phase, {names[-1]}, has a model of its own; expected one that trains the whole model.")
        return phases or [Phase("all", settings["epochs"])]

    def _unfit(self, settings, contract, needed):
        return (
            f"the data set {settings['data']!r} has the inputs {sorted(contract.inputs)}, and the network needs {needed}; "
            f"use data={self.defaults()['data']} or a set of its form."
        )

    def _data_set(self, text):
        """The module of a data set, by its name with or without a path."""
        name = text.partition(":")[0]
        if name == self.data.__name__.rpartition(".")[2]:
            return self.data
        if name not in DATA_SETS:
            raise UsageError(f"there is no data set {name!r}{nearest(name, DATA_SETS)} The sets are {', '.join(DATA_SETS)}.")
        return importlib.import_module(f"zoo.datasets.{name}")

    def _parameters(self):
        return {**_settings_of(self.build), **(_settings_of(self.phases) if self.phases else {})}


def takes(function, name):
    """Whether a function has a parameter of a name."""
    return name in inspect.signature(function).parameters


def _settings_of(function):
    """The parameters of `build` or `phases` that are settings."""
    parameters = inspect.signature(function).parameters
    return {name: parameter for name, parameter in parameters.items() if name not in GIVEN}
