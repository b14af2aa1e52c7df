"""What is searched: the recipe's space, narrowed or widened on the command line, as KerasTuner's hyperparameters."""

import ast
import json
import math
import typing

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from zoo.errors import UsageError
from zoo.recipe import nearest

NOT_SEARCHED = ("data", "seed", "epochs")  # another data set or seed is another question; epochs are the tuner's to give
DIGITS = 6  # of a number that was drawn: enough to tell two trials apart, few enough to read and to type


class Space:
    """The hyperparameters of a study, and the settings that their values make.

    A hyperparameter is named after the setting that it makes; where several make one, they are named `setting/part`.

    Args:
        name: Name of the recipe.
        recipe: The `Recipe`.
        fixed: Settings that are not searched, as texts `key=value`.
        changes: Ranges in place of, or beside, the recipe's own, as texts `key=low:high`, `key=low:high:log`, `key=low:high:step`
            or `key=choice,choice`.

    Attributes:
        hyperparameters: A `keras_tuner.HyperParameters` that holds all of them; what is fixed has one value.

    Raises:
        UsageError: If a key is not a setting, a range cannot be read or holds what the setting does not allow, or nothing is
            left to be searched.
    """

    def __init__(self, name, recipe, fixed=(), changes=()):
        self.name, self.recipe, self.fixed = name, recipe, tuple(fixed)
        self.defaults = recipe.settings(self.fixed)
        self._is_fixed = {text.partition("=")[0] for text in self.fixed}
        self._changes = dict(self._read_change(text) for text in changes)
        self.hyperparameters = self._explored()
        self._check()

    def searched(self):
        """The hyperparameters that have more than one value."""
        return [hp for hp in self.hyperparameters.space if not isinstance(hp, kinds.Fixed)]

    def settings(self, values):
        """Every setting of a trial.

        Args:
            values: {hyperparameter: value}, as an oracle of KerasTuner gives them; its own `tuner/...` are left out.

        Returns:
            {setting: value}, typed and in range.

        Raises:
            UsageError: If a value is not what its setting allows.
        """
        return self.recipe.settings([*self.fixed, *self._overrides(values)])

    def values(self, values):
        """The values of a trial as they are used: without what is fixed and without KerasTuner's own, numbers rounded."""
        names = {hp.name for hp in self.searched()}
        return {name: _rounded(value) for name, value in values.items() if name in names}

    def overrides(self, values):
        """The texts `key=value` that make a trial's settings out of the recipe's defaults."""
        return [*self.fixed, *self._overrides(values)]

    def values_of(self, settings, values):
        """The values in this space of a trial of another one.

        Args:
            settings: The trial's settings.
            values: The values of its hyperparameters.

        Returns:
            {hyperparameter: value} that makes the same settings; None if there is none in this space.
        """
        hp = self.hyperparameters.copy()
        hp.values = {one.name: _rounded(values.get(one.name, settings.get(one.name, one.default))) for one in self.searched()}
        hp.values = {one.name: hp.values[one.name] for one in self.searched() if hp.is_active(one)}
        if not all(_lies_in(one, hp.values) for one in self.searched() if one.name in hp.values):
            return None
        same = json.dumps(self.settings(hp.values), sort_keys=True) == json.dumps(settings, sort_keys=True)
        return hp.values if same else None

    def described(self):
        """A list of dictionaries, one for each searched hyperparameter, for files and reports."""
        return [_described(hp) for hp in self.searched()]

    def texts(self):
        """{hyperparameter: its range as a person reads it}."""
        return {hp.name: _text(hp) for hp in self.searched()}

    def _overrides(self, values):
        hp = keras_tuner.HyperParameters()
        hp.values = {name: _rounded(value) for name, value in values.items()}
        keywords = self._keywords(hp)
        return [f"{key}={value}" for key, value in keywords.items() if key not in self._is_fixed]

    def _keywords(self, hp):
        """What the recipe's space says of these hyperparameters, and beside it what the command line added."""
        keywords = self._own_keywords(hp)
        for key in self._changes:
            if "/" not in key:
                keywords[key] = hp.get(key)
        return keywords

    def _own_keywords(self, hp):
        try:
            return dict(self.recipe.space(hp)) if self.recipe.space else {}
        except (TypeError, ValueError) as error:
            raise UsageError(f"the space of {self.name} cannot be read: {str(error).splitlines()[0]}") from error

    def _explored(self):
        """All hyperparameters as they are searched, those of every condition too."""
        explored, opened = keras_tuner.HyperParameters(), []
        while True:
            self._own_keywords(explored)
            closed = [conditions for conditions in explored.inactive_scopes if conditions not in opened]
            if not closed:
                break
            opened.append(list(closed[0]))
            for condition in closed[0]:
                explored.values[condition.name] = condition.values[0]
            explored.ensure_active_values()
        own = {parameter.name: parameter for parameter in explored.space}
        found = {}
        for parameter in [*explored.space, *self._added(own)]:
            if all(self._can_be(found[condition.name], condition.values) for condition in parameter.conditions):
                found[parameter.name] = self._as_searched(parameter)
        hp = keras_tuner.HyperParameters()
        hp.merge(list(found.values()))
        hp.values = {}
        return hp

    def _added(self, own):
        """The hyperparameters that the command line names beside the recipe's own."""
        for key in self._changes:
            if key in own:
                continue
            if "/" in key:
                raise UsageError(f"{self.name} has no hyperparameter {key!r}{nearest(key, own)} It has {', '.join(own)}.")
            yield self._range(key, None)

    @staticmethod
    def _can_be(parent, values):
        """Whether a hyperparameter that others depend on can have one of these values."""
        if isinstance(parent, kinds.Fixed):
            return parent.value in values
        return not isinstance(parent, kinds.Choice) or bool(set(parent.values) & set(values))

    def _as_searched(self, parameter):
        """The parameter: of one value if its setting is fixed or given whole, else with the range that it was given."""
        setting, part, _ = parameter.name.partition("/")
        if setting in self._is_fixed and parameter.name in self._changes:
            raise UsageError(f"{parameter.name} is searched by --space and fixed by a setting; leave one of the two out.")
        if setting in self._is_fixed or (part and setting in self._changes):
            value = self.defaults[setting] if not part and setting in self.defaults else parameter.default
            return kinds.Fixed(parameter.name, value, conditions=parameter.conditions)
        if parameter.name in self._changes:
            parameter = self._range(parameter.name, parameter)
        config = parameter.get_config()
        if isinstance(parameter, kinds.Float) and parameter.step is not None and parameter.sampling == "linear":
            # KerasTuner counts the steps with `//`, which is one too few where 0.3 // 0.1 is 2.
            config["max_value"] = parameter.max_value + parameter.step / 1000
            parameter = kinds.Float.from_config(config)
            config["default"] = min(parameter.values, key=lambda value: abs(value - parameter.default))
        return type(parameter).from_config(config)

    def _check(self):
        types = self.recipe.types(self.defaults["data"])
        not_searched = (*NOT_SEARCHED, *self.recipe.data_settings(self.defaults["data"]))
        default = {parameter.name: parameter.default for parameter in self.hyperparameters.space}
        hp = self.hyperparameters.copy()
        hp.values = default
        for key in [*self._keywords(hp), *(name.partition("/")[0] for name in default)]:
            if key not in types:
                raise UsageError(f"the space of {self.name} names {key!r}, which is not a setting{nearest(key, types)}")
            if key in not_searched:
                raise UsageError(f"the space of {self.name} names {key!r}, which cannot be searched; give it as {key}=value.")
        if not self.searched():
            given = f" once {', '.join(sorted(self._is_fixed))} is fixed" if self.fixed else ""
            raise UsageError(f"the space of {self.name} is empty{given}; name a setting to search with --space key=low:high.")
        for parameter in self.searched():
            conditions = {condition.name: condition.values[0] for condition in parameter.conditions}
            for value in _ends(parameter):
                self.settings({**default, **conditions, parameter.name: value})

    def _read_change(self, text):
        """A change `key=range` as (key, range)."""
        key, equals, wanted = text.partition("=")
        setting = key.partition("/")[0]
        types = self.recipe.types(self.defaults["data"])
        if setting not in types:
            raise UsageError(f"--space names {setting!r}, which is not a setting{nearest(setting, types)}")
        if not equals or not wanted:
            raise UsageError(f"got --space {text}; expected key=low:high, key=low:high:log, key=low:high:step or key=a,b,c.")
        return key, wanted

    def _range(self, key, own):
        """The hyperparameter that the command line makes of a key, in place of the recipe's own one if it has one."""
        wanted = self._changes[key]
        default = own.default if "/" in key else self.defaults[key]
        conditions = [] if own is None else own.conditions
        if ":" in wanted:
            return self._number(key, wanted, own, default, conditions)
        choices = _choices(wanted)
        meant = choices if "/" in key else [self.recipe.settings([*self.fixed, f"{key}={choice}"])[key] for choice in choices]
        default = choices[meant.index(default)] if default in meant else choices[0]
        return kinds.Choice(key, choices, default=default, conditions=conditions)

    def _number(self, key, wanted, own, default, conditions):
        annotation = self.recipe.types(self.defaults["data"]).get(key)
        base = (typing.get_args(annotation) or (annotation,))[0]
        if not isinstance(own, (kinds.Int, kinds.Float)) and base not in (int, float):
            raise UsageError(f"--space {key} takes choices, key=a,b,c: the setting is not a single number.")
        whole = isinstance(own, kinds.Int) if isinstance(own, (kinds.Int, kinds.Float)) else base is int
        number, (low, high, *rest) = int if whole else float, wanted.split(":")
        log, asked = rest == ["log"], f"got --space {key}={wanted}; expected"
        try:
            low, high = number(low), number(high)
            step = None if log or not rest else number(*rest)
        except (ValueError, TypeError) as error:
            kind = "whole numbers" if whole else "numbers"
            raise UsageError(f"{asked} {key}=low:high, with :log or :step after it, in {kind}.") from error
        if not -math.inf < low < high < math.inf or (log and low <= 0) or (step is not None and not 0 < step < math.inf):
            raise UsageError(f"{asked} low below high, above 0 where it is log, and a step above 0.")
        steps = (default - low) / step if step else 0
        if not low <= default <= high or abs(steps - round(steps)) > 1e-9:
            default = low
        kind, step = kinds.Int if whole else kinds.Float, 1 if whole and not log and step is None else step
        return kind(key, low, high, step=step, sampling="log" if log else "linear", default=default, conditions=conditions)


def _choices(text):
    """The choices of a text, of a type that KerasTuner has: numbers or texts. Anything else is written as on the command line."""
    try:
        values = list(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError):
        values = text.split(",")
    kinds_of_value = {type(value) for value in values}
    if kinds_of_value <= {int, float}:
        return [float(value) for value in values] if float in kinds_of_value else values
    return [value if isinstance(value, str) else str(value) for value in values]


def _rounded(value):
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _ends(hp):
    return list(hp.values) if isinstance(hp, (kinds.Choice, kinds.Boolean)) else [hp.min_value, _high(hp)]


def _high(hp):
    """The largest value: the last step, where there are steps."""
    return hp.max_value if hp.step is None else _rounded(list(hp.values)[-1])


def _lies_in(hp, values):
    value = values[hp.name]
    if isinstance(hp, (kinds.Choice, kinds.Boolean)):
        return value in hp.values
    if hp.step is None:
        return hp.min_value <= value <= hp.max_value
    return any(_rounded(step) == value for step in hp.values)


def _described(hp):
    if isinstance(hp, (kinds.Choice, kinds.Boolean)):
        kind = "boolean" if isinstance(hp, kinds.Boolean) else "choice"
        return {"name": hp.name, "kind": kind, "choices": sorted(hp.values) if kind == "boolean" else list(hp.values)}
    kind = "int" if isinstance(hp, kinds.Int) else "float"
    return {"name": hp.name, "kind": kind, "low": hp.min_value, "high": _high(hp), "log": hp.sampling == "log"}


def _text(hp):
    if isinstance(hp, (kinds.Choice, kinds.Boolean)):
        text = f"one of {', '.join(map(str, hp.values))}"
    else:
        text = f"{hp.min_value:g} to {_high(hp):g}"
        text += {"log": ", log", "reverse_log": ", reverse log"}.get(hp.sampling, "")
        if hp.step not in (None, 1):
            text += f", in steps of {hp.step:g}"
    conditions = [f"{condition.name} is {' or '.join(map(str, condition.values))}" for condition in hp.conditions]
    return text + (f", where {' and '.join(conditions)}" if conditions else "")
