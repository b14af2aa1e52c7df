"""How the examples of a person's own data are shared out to the parts."""

import numpy as np


def stratified(generator, labels, drawn):
    """Row numbers for training and for so many other parts, in random order, with a tenth of every class in each of those.

    Args:
        generator: A `numpy.random.Generator`.
        labels: `(examples,)` integers.
        drawn: Number of other parts; each has at least one example of every class.

    Returns:
        A list of `1 + drawn` arrays of row numbers.

    Example:
        >>> [len(rows) for rows in stratified(np.random.default_rng(0), np.arange(40) % 2, 2)]
        [32, 4, 4]
    """
    order = generator.permutation(len(labels))
    part = np.zeros(len(labels), int)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        tenth = max(1, len(members) // 10)
        for number in range(drawn):
            part[members[number * tenth : (number + 1) * tenth]] = number + 1
    return [order[part[order] == number] for number in range(1 + drawn)]
