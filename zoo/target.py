"""The number that a recipe must reach, and how it chooses the best epoch."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Target:
    """The number that a recipe must reach on the test part, and by which its best epoch is chosen on the validation part.

    Args:
        metric: Name of a Keras metric of the model, or of a number that the recipe's `measure` or `estimate` gives.
        at_least: Smallest value that passes, for metrics that should be large.
        at_most: Largest value that passes, for metrics that should be small. Give exactly one of the two.
        aim: A stretch goal, for information only.
        monitor: Name of the Keras metric that chooses the epoch, where the target itself is too dear to compute in every epoch;
            it has the same direction.

    Raises:
        ValueError: If both or none of `at_least` and `at_most` are given.

    Example:
        >>> Target("accuracy", at_least=0.993).passes(0.9941)
        True
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    aim: float | None = None
    monitor: str | None = None

    def __post_init__(self):
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a Target takes exactly one of `at_least` and `at_most`.")

    @property
    def bound(self):
        """The value that must be reached."""
        return self.at_least if self.at_most is None else self.at_most

    def better(self, value, than):
        """Whether `value` is better than `than`; anything is better than None."""
        return than is None or (value < than if self.at_least is None else value > than)

    def passes(self, value):
        """Whether `value` reaches the target."""
        return value <= self.at_most if self.at_least is None else value >= self.at_least

    def __str__(self):
        return f"{self.metric} {'at most' if self.at_least is None else 'at least'} {self.bound:g}"
