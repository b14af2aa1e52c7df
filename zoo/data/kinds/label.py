"""Labels: the number of a class, or the probability of each class, for a whole example or for each step of it."""

import numpy as np

from zoo.errors import UsageError

SHOWN = 3  # of the classes' probabilities, the largest


def of_classes(classes, probabilities=False):
    """The `zoo.data.Field` of a label, or of its probabilities.

    Args:
        classes: Name of each class, in order; None where they have none, and then it is a number or a vector.
        probabilities: Whether every class has its probability.

    Example:
        >>> of_classes(("cat", "dog")).maximum
        1
    """
    from zoo.data.contract import Field

    names = None if classes is None else tuple(classes)
    if probabilities:
        return Field("float32", (None if names is None else len(names),), 0.0, 1.0, classes=names)
    return Field("int32", (), 0, None if names is None else len(names) - 1, classes=names)


def read(source, name, field):
    """The number of a class by its name or its number.

    Raises:
        UsageError: If there is no such class.
    """
    if str(source) in field.classes:
        return np.array([field.classes.index(str(source))], field.dtype), []
    if str(source).isdecimal() and int(source) < len(field.classes):
        return np.array([int(source)], field.dtype), []
    raise UsageError(f"`{name}` is {str(source)!r}; expected one of {', '.join(field.classes)}.")


def value(row, field):
    """The name of the class, or {name: probability}; a list of them where there is one for each step.

    Example:
        >>> from zoo.data.kinds.label import of_classes
        >>> value(np.array([0.25, 0.75]), of_classes(("cat", "dog"), probabilities=True))
        {'cat': 0.25, 'dog': 0.75}
    """
    row = np.asarray(row)
    if row.ndim > _usual_rank(row):
        return [value(step, field) for step in row]
    if row.ndim == 0:
        if not 0 <= row < len(field.classes):
            raise UsageError(
                f"the label is {int(row)}, and there are {len(field.classes)} classes; expected 0 to {len(field.classes) - 1}."
            )
        return field.classes[int(row)]
    _check_size(row, field)
    return dict(zip(field.classes, row.tolist()))


def _usual_rank(row):
    """The number of axes that an answer for a whole example has."""
    return 0 if row.dtype.kind in "iu" else 1


def _check_size(row, field):
    if np.shape(row) != (len(field.classes),):
        raise UsageError(f"probabilities have the shape {np.shape(row)}; expected ({len(field.classes)},), one for each class.")


def words(row, field):
    """The name of the class, or the likeliest ones with their probabilities; of each step only the likeliest class.

    Example:
        >>> from zoo.data.kinds.label import of_classes
        >>> words(np.array([0.25, 0.75]), of_classes(("cat", "dog"), probabilities=True))
        'dog 75.0%, cat 25.0%'
        >>> words(np.array([0, 0, 1]), of_classes(("cat", "dog")))
        'cat cat dog'
    """
    row = np.asarray(row)
    if row.ndim > _usual_rank(row):
        return " ".join(value(step if step.ndim == 0 else step.argmax(), field) for step in row)
    if row.ndim == 0:
        return value(row, field)
    _check_size(row, field)
    likeliest = np.argsort(-row, kind="stable")[:SHOWN]
    said = [index for index in likeliest if index == likeliest[0] or row[index] >= 5e-4]
    return ", ".join(f"{field.classes[index]} {row[index]:.1%}" for index in said)
