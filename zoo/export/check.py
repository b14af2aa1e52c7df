"""The proof that a file computes what Keras does: run in a fresh process by its own runtime, compared on the same inputs."""

import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from zoo.engines import read_arrays, write_arrays
from zoo.errors import RunError

TOLERANCE = 1e-5
# A quantized file computes something else, on purpose; what is beyond this is no rounding but a fault.
QUANTIZED_TOLERANCE = 0.2


@dataclasses.dataclass(frozen=True)
class Difference:
    """How far answers are from Keras's.

    Args:
        largest: Largest absolute difference of a floating-point output, or 0.
        relative: Root of the mean squared difference over that of Keras's own values; the worst output counts.
        unequal: Share of integers that are not equal; the worst output counts.
        where: Signature and output of the largest excess over the tolerance, for the message.
        excess: Largest difference over the largest absolute value of the output, or over 1 where that is larger.
    """

    largest: float = 0.0
    relative: float = 0.0
    unequal: float = 0.0
    excess: float = 0.0
    where: str = ""


def answers_of(path, requests, timed=()):
    """What an exported file answers in a process of its own.

    Args:
        path: The file, as `zoo.engines.open_engine` takes it.
        requests: A list of (signature, {input: array}, ...).
        timed: More requests, to be timed.

    Returns:
        A list of {output: array}; after it, for every timed request, {"seconds": median duration of the call}.

    Raises:
        RunError: If the runtime refuses the file or a request.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = pathlib.Path(folder) / "requests.npz", pathlib.Path(folder) / "answers.npz"
        write_arrays(asked, [request[:2] for request in [*requests, *timed]])
        finished = run_engines(path, asked, answered, "--time", str(len(timed)))
        if finished.returncode:
            lines = [line for line in finished.stderr.splitlines() if line.strip()] if finished.returncode > 0 else []
            reason = lines[-1] if lines else f"exit code {finished.returncode}"
            raise RunError(f"{path.name} does not run in its own runtime: {reason:.300}")
        return [outputs for _, outputs in read_arrays(answered)]


def run_engines(*arguments):
    """Runs `python -m zoo.engines` with some arguments, and gives its `subprocess.CompletedProcess`."""
    command, environment = [sys.executable, "-m", "zoo.engines", *arguments], {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def difference(requests, answers):
    """The `Difference` of answers from the outputs that stand in the requests.

    Raises:
        RunError: If an output is missing, or has another shape or type.
    """
    largest = relative = unequal = excess = 0.0
    where = ""
    for (signature, _, expected), given in zip(requests, answers, strict=True):
        if set(given) != set(expected):
            raise RunError(f"signature {signature} gives {sorted(given)}; Keras gives {sorted(expected)}.")
        for name, right in expected.items():
            there = np.asarray(given[name])
            if there.shape != right.shape or there.dtype != right.dtype:
                raise RunError(
                    f"output `{name}` of {signature} is {there.dtype} {there.shape}; Keras gives {right.dtype} {right.shape}."
                )
            if not right.size:
                continue
            if right.dtype.kind == "f":
                same = (there == right) | (np.isnan(there) & np.isnan(right))  # infinities too
                gap = np.where(same, 0.0, np.abs(there.astype("float64") - right))
                gap = np.where(np.isfinite(gap), gap, np.inf)
                finite = np.where(np.isfinite(right), right, 0.0).astype("float64")
                over = float(gap.max() / max(1.0, np.abs(finite).max()))
                largest = max(largest, float(gap.max()))
                relative = max(relative, float(np.sqrt((gap**2).mean() / max((finite**2).mean(), 1e-12))))
            else:
                over = float((there != right).mean())
                unequal = max(unequal, over)
            if over > excess:
                excess, where = over, f"output `{name}` of {signature}"
    return Difference(largest, relative, unequal, excess, where)


def prove(path, requests, quantized=False):
    """Runs a file in a fresh process and compares it with Keras.

    Args:
        path: The file.
        requests: What `make_requests` gave.
        quantized: Whether the file computes in fewer bits: then its answers must only lie near Keras's.

    Returns:
        The `Difference`.

    Raises:
        RunError: If the file does not run, or differs by more than 1e-5, of the largest value where that is beyond 1, or in an
            integer.
    """
    found = difference(requests, answers_of(path, requests))
    judge(path, found, quantized)
    return found


def judge(path, found, quantized=False):
    """Raises `RunError`, as `prove` does, if the `Difference` found is too large."""
    name = path.name
    if quantized:
        if not found.relative <= QUANTIZED_TOLERANCE:
            raise RunError(
                f"{name} is off by {found.relative:.0%} of the size of the outputs after quantization; it is not kept. "
                "Give more representative data, or another quantization."
            )
    elif not found.excess <= TOLERANCE:
        raise RunError(f"{name} differs from Keras by {found.excess:.2g} in {found.where}; it is not kept.")
