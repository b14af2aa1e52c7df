"""Random numbers from a seed, with the same values on every backend and runtime."""

import math

import keras
from keras import ops

# The generator of Wichmann & Hill: three streams, each multiplied by its factor modulo its prime in each step. The product of two
# numbers below these primes fits into an int32.
FACTORS, PRIMES = (171, 172, 170), (30269, 30307, 30323)
# The golden section of the period, 6,953,607,871,644: the starting points of the first n seeds, up to a million, are at least
# 0.38 period / n steps apart. It is coprime to the period, so no two seeds have the same starting point.
STEPS_BETWEEN_SEEDS = 4297566009115


@keras.saving.register_keras_serializable("zoo")
class SeededNormal(keras.layers.Layer):
    """Standard normal values that depend only on the seed and on their row and column.

    It needs neither a state nor a random operation of the backend. All steps from the seed to the uniform values are integer
    arithmetic below 2 ** 31, so that TensorFlow, JAX, LiteRT and ONNX agree up to the rounding of a logarithm and a cosine.

    Source: Wichmann & Hill 1982, "Algorithm AS 183: An Efficient and Portable Pseudo-Random Number Generator"; Box & Muller 1958,
    "A Note on the Generation of Random Normal Deviates". Departures: each element jumps to its own position in the sequence, so
    that all are computed at once; the sum of fractions is cut to 24 bits, which a float32 represents exactly; no value is beyond
    5.77.

    Args:
        width: Number of columns.

    Call arguments:
        count: Scalar int32, the number of rows; 0 or less means none.
        seed: Scalar int32, 0 or more.

    Returns:
        `(count, width)` float32. The first rows do not depend on `count`.

    Raises:
        ValueError: If `width` is smaller than 1.

    Example:
        >>> normal = SeededNormal(2)(count=keras.ops.array(3), seed=keras.ops.array(7))
        >>> tuple(normal.shape)
        (3, 2)
    """

    def __init__(self, width: int, **kwargs):
        super().__init__(**kwargs)
        if width < 1:
            raise ValueError(f"`width` of SeededNormal must be at least 1, got {width}.")
        self.width = width

    def call(self, count, seed):
        steps = 2 * self.width  # uniform values per row: the radii, then the angles
        rows = ops.arange(ops.maximum(count, 0), dtype="int32")
        columns = ops.array([_powers(FACTORS, column) for column in range(steps)], dtype="int32")
        start = _power(_powers(FACTORS, STEPS_BETWEEN_SEEDS), seed)  # (3,)
        row_start = ops.mod(_power(_powers(FACTORS, steps), rows) * start, PRIMES)  # (count, 3)
        uniform = _uniform(ops.mod(row_start[:, None, :] * columns, PRIMES))  # (count, 2 * width)
        radius = ops.sqrt(2.0 * _minus_log(uniform[:, : self.width]))
        return radius * ops.cos(2.0 * math.pi * uniform[:, self.width :])

    def compute_output_spec(self, count, seed):
        return keras.KerasTensor((None, self.width), dtype="float32")

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def seeded_gumbel(seed, row, columns):
    """Gumbel noise that depends only on seed, row and column, as the values of `SeededNormal` do.

    The largest of logits with this noise added is a draw from their softmax.

    Source: Gumbel 1954, "Statistical Theory of Extreme Values and Some Practical Applications"; the generator is that of
    `SeededNormal`.

    Args:
        seed: int32 `(batch,)`, 0 or more.
        row: int32 `(batch,)`, 0 or more: which row of the seed's numbers.
        columns: Number of columns, a Python integer.

    Returns:
        `(batch, columns)` float32, between -2.9 and 16.7.

    Example:
        >>> tuple(seeded_gumbel(ops.array([1, 2]), ops.array([0, 0]), 5).shape)
        (2, 5)
    """
    start = _power(_powers(FACTORS, STEPS_BETWEEN_SEEDS), seed)  # (batch, 3)
    row_start = ops.mod(_power(_powers(FACTORS, columns), row) * start, PRIMES)  # (batch, 3)
    steps = ops.array([_powers(FACTORS, column) for column in range(columns)], dtype="int32")
    total = _total(ops.mod(row_start[:, None, :] * steps, PRIMES))  # (batch, columns)
    # Odd multiples of 2 ** -24: neither 0 nor 1, of which the noise would be infinite.
    uniform = ops.cast(total // 2 * 2 + 1, "float32") * 2.0**-24
    return -ops.log(_minus_log(uniform))


def _powers(bases, exponent):
    """The Python integers `bases`, one per stream, to the power of a Python integer."""
    return [pow(base, exponent, prime) for base, prime in zip(bases, PRIMES)]


def _power(bases, exponent):
    """The same for an int32 tensor `exponent` (...): (..., 3), looked up digit by digit in base 256."""
    power = 1
    for unit in (1, 256, 256**2, 256**3):
        table = ops.array([_powers(bases, digit * unit) for digit in range(256)], dtype="int32")
        power = ops.mod(power * ops.take(table, exponent // unit % 256, axis=0), PRIMES)
    return power


def _uniform(state):
    """From the three streams (..., 3) to (...), multiples of 2 ** -24 above 0 and up to 1."""
    return ops.cast(_total(state) + 1, "float32") * 2.0**-24


def _total(state):
    """The sum of the fractions of the three streams, modulo 1, as an int32 number of 2 ** -24."""
    # In two steps, because a state times 2 ** 24 does not fit into an int32.
    shifted, primes = state * 2**16, ops.array(PRIMES, dtype="int32")
    fraction = shifted // primes * 2**8 + shifted % primes * 2**8 // primes
    # Not `ops.sum`, whose result in ONNX Runtime is wrong for zero rows.
    total = fraction[..., 0] + fraction[..., 1] + fraction[..., 2]
    return total % 2**24


def _minus_log(uniform):
    """The negative logarithm, near 1 as a series, because the logarithm of LiteRT is inaccurate there."""
    rest = 1.0 - uniform  # exact
    series = rest * (1.0 + rest * (1.0 / 2.0 + rest / 3.0))
    return ops.where(rest < 2.0**-8, series, -ops.log(uniform))
