"""Points in the plane on two sides of a known line, for networks that find a line."""

import numpy as np

from zoo.data.contract import Contract, Data, Field, Part

# The line is where NORMAL . x + OFFSET = 0; it misses the origin, so a network needs its bias.
NORMAL = (0.6, 0.8)
OFFSET = -0.2
MARGIN = 0.1
COUNTS = {"train": 1000, "validation": 200, "test": 1000}


def load():
    """1 000 points to train, 200 to validate and 1 000 to test, evenly spread, but none nearer to the line than `MARGIN`.

    A line parts them without error. With a constant 1 as a third feature, it has the unit weights
    (NORMAL, OFFSET) / sqrt(1 + OFFSET^2), and the margin is MARGIN / sqrt(1 + OFFSET^2).

    Returns:
        A `zoo.data.Data` with `features` (2,), float32 in [-1, 1], and int32 targets, 1 on the side that NORMAL points to.

    Example:
        >>> data = load()
        >>> side = data.train.inputs["features"] @ NORMAL + OFFSET
        >>> bool(((side > 0) == data.train.targets).all())
        True
    """
    features = np.random.default_rng(0).uniform(-1, 1, (3000, 2)).astype("float32")
    side = features @ NORMAL + OFFSET
    clear = np.flatnonzero(np.abs(side) >= MARGIN)
    parts, start = {}, 0
    for name, count in COUNTS.items():
        rows = clear[start : start + count]
        parts[name] = Part({"features": features[rows]}, (side[rows] > 0).astype("int32"))
        start += count
    return Data(
        **parts,
        contract=Contract({"features": Field("float32", (2,), -1.0, 1.0)}, ("negative", "positive")),
        source=f"generated, {NORMAL[0]} x + {NORMAL[1]} y {OFFSET:+g} = 0 with margin {MARGIN}, seed 0",
        licence="generated",
    )
