"""What is searched: the recipe's space, narrowed or widened on the command line, as KerasTuner's hyperparameters."""

import ast
import json
import typing

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from zoo.errors import UsageError
from zoo.recipe import nearest

NOT_SEARCHED = ("data", "seed", "epochs")  # another data set or seed is another question; epochs are the tuner's to give
DIGITS = 6  # of a number that was drawn: enough to tell two trials apart, few enough to read and to type


class Space:
    """The hyperparameters of a study, and the settings that their values make.

    A hyperparameter bears the name of the setting that it makes; where several make one, they are named `setting/part`.

    Args:
        name: Name of the recipe.
        recipe: The `Recipe`.
        fixed: Settings that are not searched, as texts `key=value`.
        changes: Ranges in place of, or beside, the recipe's own, as texts `key=low:high`, `key=low:high:log`, `key=low:high:step`
            or `key=choice,choice`.

    Attributes:
        hyperparameters: A `keras_tuner.HyperParameters` that holds all of them; what is fixed has one value.

    Raises:
        UsageError: If a key is no setting, a range cannot be read or holds what the setting does not allow, or nothing is left to
            be searched.
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
        try:
            keywords = dict(self.recipe.space(hp)) if self.recipe.space else {}
        except (TypeError, ValueError) as error:
            raise UsageError(f"the space of {self.name} cannot be read: {str(error).splitlines()[0]}") from error
        for key in self._changes:
            if "/" not in key:
                keywords[key] = hp.get(key)
        return keywords

    def _explored(self):
        """All hyperparameters, those of every condition too."""
        hp = keras_tuner.HyperParameters()
        for register in self._changes.values():
            register(hp)
        self._explore(hp)
        found = keras_tuner.HyperParameters()
        found.merge([self._as_searched(parameter) for parameter in hp.space])
        found.values = {}
        return found

    def _as_searched(self, parameter):
        """The parameter: of one value if its setting is fixed or given whole, or with a default that is one of its steps."""
        setting, part, _ = parameter.name.partition("/")
        if setting in self._is_fixed and parameter.name in self._changes:
            raise UsageError(f"{parameter.name} is searched by --space and fixed by a setting; leave one of the two out.")
        if setting in self._is_fixed or (part and setting in self._changes):
            return kinds.Fixed(parameter.name, parameter.default, conditions=parameter.conditions)
        config = parameter.get_config()
        if isinstance(parameter, kinds.Float) and parameter.step is not None:
            config["default"] = min(parameter.values, key=lambda value: abs(value - parameter.default))
        return type(parameter).from_config(config)

    def _explore(self, hp):
        """Calls the recipe's space until every conditional scope was open once."""
        opened = []
        while True:
            self._keywords(hp)
            closed = [conditions for conditions in hp.inactive_scopes if conditions not in opened]
            if not closed:
                return
            opened.append(list(closed[0]))
            for condition in closed[0]:
                hp.values[condition.name] = condition.values[0]
            hp.ensure_active_values()

    def _check(self):
        types = self.recipe.types()
        hp = self.hyperparameters.copy()
        hp.values = {parameter.name: parameter.default for parameter in hp.space}
        keywords = self._keywords(hp)
        for key in [*keywords, *(parameter.name.partition("/")[0] for parameter in hp.space)]:
            if key not in types:
                raise UsageError(f"the space of {self.name} names {key!r}, which is no setting{nearest(key, types)}")
            if key in NOT_SEARCHED:
                raise UsageError(f"the space of {self.name} names {key!r}, which cannot be searched; give it as {key}=value.")
        if not self.searched():
            given = f" once {', '.join(sorted(self._is_fixed))} is fixed" if self.fixed else ""
            raise UsageError(f"the space of {self.name} is empty{given}; name a setting to search with --space key=low:high.")
        default = {parameter.name: parameter.default for parameter in hp.space}
        for parameter in self.searched():
            for value in _ends(parameter):
                self.settings({**default, parameter.name: value})

    def _read_change(self, text):
        """A change `key=range` as (key, function that registers it in hyperparameters)."""
        key, equals, wanted = text.partition("=")
        types = self.recipe.types()
        setting = key.partition("/")[0]
        if setting not in types:
            raise UsageError(f"--space names {setting!r}, which is no setting{nearest(setting, types)}")
        if not equals or not wanted:
            raise UsageError(f"got --space {text}; expected key=low:high, key=low:high:log, key=low:high:step or key=a,b,c.")
        if ":" in wanted:
            return key, self._read_range(text, key, wanted.split(":"), self._is_whole(key))
        choices = _choices(wanted)
        default = self.defaults[setting] if self.defaults[setting] in choices else choices[0]
        return key, lambda hp: hp.Choice(key, choices, default=default)

    def _is_whole(self, key):
        """Whether a hyperparameter is a whole number: as the recipe's space has it, or the type of the setting."""
        own = keras_tuner.HyperParameters()
        if self.recipe.space:
            self.recipe.space(own)
        for parameter in own.space:
            if parameter.name == key:
                return isinstance(parameter, kinds.Int)
        annotation = self.recipe.types().get(key)
        base = (typing.get_args(annotation) or (annotation,))[0]
        if base not in (int, float):
            raise UsageError(f"--space {key} takes choices, key=a,b,c: the setting is no single number.")
        return base is int

    def _read_range(self, text, key, parts, whole):
        number = int if whole else float
        try:
            low, high = number(parts[0]), number(parts[1])
            log = parts[2:] == ["log"]
            step = None if log or len(parts) == 2 else number(*parts[2:])
        except (ValueError, TypeError) as error:
            kind = "whole numbers" if whole else "numbers"
            raise UsageError(f"got --space {text}; expected {key}=low:high, with :log or :step after it, in {kind}.") from error
        default = self.defaults.get(key)
        steps = (default - low) / step if step and isinstance(default, (int, float)) else 0
        if not isinstance(default, (int, float)) or not low <= default <= high or abs(steps - round(steps)) > 1e-9:
            default = low
        options = {"sampling": "log" if log else "linear", "default": default}
        try:
            if whole:
                kinds.Int(key, low, high, step=step, **options)
                return lambda hp: hp.Int(key, low, high, step=step, **options)
            kinds.Float(key, low, high, step=step, **options)
            return lambda hp: hp.Float(key, low, high, step=step, **options)
        except ValueError as error:
            raise UsageError(
                f"got --space {text}; expected low below high, above 0 where it is log, and a step above 0."
            ) from error


def _choices(text):
    try:
        values = list(ast.literal_eval(f"({text},)"))
    except (ValueError, SyntaxError):
        values = text.split(",")
    # KerasTuner has choices of numbers, of texts or of booleans; anything else travels as text, as on the command line.
    if len({type(value) for value in values}) == 1 and isinstance(values[0], (int, float, str)):
        return values
    return [str(value) for value in values]


def _rounded(value):
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _ends(hp):
    return list(hp.values) if isinstance(hp, (kinds.Choice, kinds.Boolean)) else [hp.min_value, hp.max_value]


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
    return {"name": hp.name, "kind": kind, "low": hp.min_value, "high": hp.max_value, "log": hp.sampling == "log"}


def _text(hp):
    if isinstance(hp, (kinds.Choice, kinds.Boolean)):
        text = f"one of {', '.join(map(str, hp.values))}"
    else:
        text = f"{hp.min_value:g} to {hp.max_value:g}"
        text += {"log": ", log", "reverse_log": ", reverse log"}.get(hp.sampling, "")
        if hp.step not in (None, 1):
            text += f", in steps of {hp.step:g}"
    conditions = [f"{condition.name} is {' or '.join(map(str, condition.values))}" for condition in hp.conditions]
    return text + (f", where {' and '.join(conditions)}" if conditions else "")
