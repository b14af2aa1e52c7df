"""Generated series: the sum of two waves of any pace and some noise, no two the same."""

from typing import Annotated

import annotated_types
import numpy as np

from zoo.data.forecasting import windows_data
from zoo.types import Count

COUNTS = {"train": 7000, "validation": 1000, "test": 2000}
NOISE = 0.05  # the deviation, where the waves have amplitudes of 0.5 and 0.2


def load(window: Count = 50, horizon: Count = 10, noise: Annotated[float, annotated_types.Ge(0)] = NOISE):
    """10 000 series: 7 000 to train, 1 000 to validate, 2 000 to test.

    A series is 0.5 sin((t - a) u) + 0.2 sin((t - b) v) + noise: t grows by 1 over the window, the frequency u lies between 10 and
    30 and v between 20 and 50 (that is 1.6 to 4.8 and 3.2 to 8 periods in a window), a and b between 0 and 1, from a fixed seed.

    Args:
        window: Number of steps that the network sees.
        horizon: How many steps ahead it forecasts.
        noise: Standard deviation of the noise.

    Returns:
        A `zoo.data.Data` with `series` (window, 1), float32, and targets (examples, window, horizon).

    Example:
        >>> load().test.targets.shape
        (2000, 50, 10)
    """
    generator, parts = np.random.default_rng(0), {}
    times = np.arange(window + horizon) / window
    for part, count in COUNTS.items():
        starts, frequencies = generator.random((2, count, 1)), generator.random((2, count, 1))
        slow = 0.5 * np.sin((times - starts[0]) * (10 + 20 * frequencies[0]))
        fast = 0.2 * np.sin((times - starts[1]) * (20 + 30 * frequencies[1]))
        values = (slow + fast + noise * generator.standard_normal(slow.shape)).astype("float32")
        parts[part] = values[:, :window], values[:, np.arange(1, window + 1)[:, None] + np.arange(horizon)]
    return windows_data(parts, {}, "generated, the sum of two waves and noise, seed 0", "generated")
