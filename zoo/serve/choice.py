"""Which of the files of a version answers: the one whose runtime is fastest for this network on this machine."""

import dataclasses
import importlib.util
import math

import numpy as np

from zoo.engines import DEFAULT, LITERT, ONNX, SAVED_MODEL, golden_arrays, open_engine, reason_of, seconds_of_call
from zoo.errors import UsageError
from zoo.machine import machine

FILES = {"litert": LITERT, "onnx": ONNX, "saved_model": SAVED_MODEL}
RUNTIMES = {"litert": "ai_edge_litert", "onnx": "onnxruntime", "saved_model": "tensorflow"}
BATCHES = (1, 32)
BUDGET = 0.05  # seconds for which a file is timed at each batch size


@dataclasses.dataclass(frozen=True)
class Opened:
    """The file that answers.

    Args:
        engine: Its engine.
        name: "litert", "onnx" or "saved_model".
        path: The file.
        why: Why it was chosen, or "" if there was no choice.
    """

    engine: object
    name: str
    path: object
    why: str = ""


def open_fastest(folder, contract=None, golden=(), report=None, engine=None, threads=1):
    """Opens the fastest file of a version; the others are not kept open.

    A SavedModel takes TensorFlow, seconds and half a gigabyte, so that it is opened where nothing else is. Where export.json says
    how long the files take and was made on a machine like this one, that is believed; else they are timed here.

    Args:
        folder: The version's folder, a `pathlib.Path`.
        contract: contract.json, or None.
        golden: golden.json; what is timed is its first request to the default signature.
        report: export.json, or None.
        engine: "litert", "onnx" or "saved_model", or None for the fastest.
        threads: Threads of one call.

    Returns:
        An `Opened`.

    Raises:
        UsageError: If there is no file, or no installed runtime opens one.
    """
    there = {name: path for name in FILES if engine in (None, name) and (path := _file(folder, name)) is not None}
    if not there:
        raise UsageError(f"{folder} holds no {FILES[engine] if engine else 'exported file'}; make one with `zoo export`.")
    reasons, (order, rivals), why = [], _by_signatures(there, contract), ""
    for name in list(order):
        if importlib.util.find_spec(RUNTIMES[name]) is None:
            reasons.append(f"{there[name].name} needs {RUNTIMES[name]}, which is not installed")
            order.remove(name)
    rivals = [name for name in rivals if name in order]
    if len(rivals) > 1 and contract is not None:
        times, where = _exported_times(rivals, report), "at its export"
        if times is None:
            times, where = _measured_times({name: there[name] for name in rivals}, golden, threads), "here"
        if times:
            order.sort(key=lambda name: (name not in rivals, _mean(times[name]) if name in times else math.inf))
            told = [f"{name} {_told(times[name])}" for name in order if name in times]
            why = f"{', '.join(told)} ms a call of {' and '.join(map(str, BATCHES))} examples, measured {where}"
    for name in order:
        try:
            return Opened(open_engine(there[name], threads), name, there[name], why)
        except Exception as error:  # every runtime has its own
            reasons.append(f"{there[name].name} cannot be opened: {reason_of(error)}")
    raise UsageError(f"{folder}: {'; '.join(reasons)}.")


def _file(folder, name):
    """The file of a format: by our name, or the only one of its kind."""
    if (folder / FILES[name]).is_file():
        return folder / FILES[name]
    others = sorted(path for path in folder.glob(f"*{(folder / FILES[name]).suffix}") if path.is_file())
    return others[0] if len(others) == 1 and name != "saved_model" else None


def _by_signatures(there, contract):
    """(the formats in order, the SavedModel last; those that answer the most signatures, among which speed decides)."""
    signatures = contract["signatures"].values() if contract else ()
    answered = {name: sum(name in one["formats"] for one in signatures) for name in there if name != "saved_model"}
    rivals = [name for name in answered if answered[name] == max(answered.values())]
    return rivals + [name for name in there if name not in rivals], rivals


def _exported_times(names, report):
    """{format: seconds of a call at each of `BATCHES`} as export.json says it, or None where it does not for this machine."""
    if not report or report.get("machine") != machine():
        return None
    try:
        return {
            name: _at_batches({int(size): ms / 1e3 for size, ms in report["files"][name]["latency_ms"].items()}) for name in names
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _measured_times(paths, golden, threads):
    """The same, measured here; a file that does not open or does not answer has none."""
    try:
        inputs = next(golden_arrays(request["inputs"]) for request in golden if request["signature"] == DEFAULT)
    except (StopIteration, KeyError, TypeError, ValueError):  # what is damaged is told of when it is replayed
        return {}
    times = {}
    for name, path in paths.items():
        try:
            times[name] = _timed(open_engine(path, threads), inputs)
        except Exception:  # every runtime has its own; who is chosen and why it does not open is told later
            continue
    return times


def _timed(engine, inputs):
    given, _ = engine.describe(DEFAULT)
    fixed = {shape[0] for _, shape in given.values() if shape} - {None}
    sizes = {max(fixed)} if fixed else BATCHES
    seconds = {}
    for size in sizes:
        rows = {name: np.resize(array, (size, *array.shape[1:])) if array.ndim else array for name, array in inputs.items()}
        seconds[size] = seconds_of_call(engine, DEFAULT, rows, BUDGET)
    return _at_batches(seconds)


def _at_batches(seconds):
    """Seconds at each of `BATCHES`; a file of a fixed batch size is called as often as it takes."""
    if len(seconds) == 1:
        ((size, taken),) = seconds.items()
        return [taken * -(-batch // size) for batch in BATCHES]
    return [seconds[batch] for batch in BATCHES]


def _mean(times):
    """The geometric mean: neither the lone request nor the full batch counts more."""
    return math.exp(sum(math.log(max(taken, 1e-9)) for taken in times) / len(times))


def _told(times):
    return " and ".join(f"{1e3 * taken:.2g}" for taken in times)
