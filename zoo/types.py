"""The types of settings, for the annotations of a recipe's `build` and of a data set's `load`, and how text becomes one."""

import ast
import dataclasses
import difflib
import typing
from typing import Annotated, Literal

import annotated_types

from zoo.errors import UsageError

Count = Annotated[int, annotated_types.Ge(1)]
Length = Annotated[int, annotated_types.Ge(1), annotated_types.Le(10_000)]  # of made-up sequences
Positive = Annotated[float, annotated_types.Gt(0)]
NonNegative = Annotated[float, annotated_types.Ge(0)]
Fraction = Annotated[float, annotated_types.Ge(0), annotated_types.Lt(1)]


def typed(key, text, annotation):
    """The value of a setting that was written as text.

    Args:
        key: Name of the setting, for the message.
        text: The value as in Python; bare words are text.
        annotation: Its type, with bounds.

    Raises:
        UsageError: If it is of another type, or out of range.

    Example:
        >>> typed("units", "(300, 150)", tuple[Count, ...])
        (300, 150)
    """
    import pydantic

    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = {"true": True, "false": False}.get(text, text) if annotation is bool else text
    try:
        # Strict keeps "3" from passing for 3; tuples are written as in Python, so a list may stand for one.
        return pydantic.TypeAdapter(annotation).validate_python(tuple(value) if isinstance(value, list) else value, strict=True)
    except pydantic.ValidationError:
        if annotation is str or str in typing.get_args(annotation):
            return text
        raise UsageError(f"the setting {key} is {text!r}; expected {type_name(annotation)}.") from None


def type_name(annotation):
    """A type of a setting as a person reads it.

    Example:
        >>> type_name(Fraction), type_name(tuple[Count, ...]), type_name(Literal["gru", "lstm"] | None)
        ('float, at least 0, less than 1', 'tuple of int, at least 1', '"gru", "lstm" or None')
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        words = {"Ge": "at least", "Gt": "more than", "Le": "at most", "Lt": "less than"}
        bounds = [f"{words[type(bound).__name__]} {dataclasses.astuple(bound)[0]}" for bound in arguments[1:]]
        return ", ".join([type_name(arguments[0]), *bounds])
    if origin is Literal:
        return ", ".join(f'"{choice}"' for choice in arguments)
    if origin is tuple:
        return f"tuple of {type_name(arguments[0])}"
    if arguments:
        return " or ".join(type_name(argument) for argument in arguments)
    return "None" if annotation is type(None) else annotation.__name__


def nearest(word, known):
    """The end of a sentence that offers the known word nearest to `word`: '; did you mean ...?' or '.'."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {matches[0]!r}?" if matches else "."


def counted(count, word):
    """A number with its noun.

    Example:
        >>> counted(1, "epoch"), counted(1200, "line")
        ('1 epoch', '1,200 lines')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"
