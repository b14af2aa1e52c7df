"""One exported version of a network in memory: its contract, its engine and its queue."""

import threading

import numpy as np

from zoo.engines import DEFAULT, golden_arrays, reason_of
from zoo.errors import UsageError
from zoo.files import read_json
from zoo.serve.adapters import adapters, check_picture
from zoo.serve.batching import Batcher
from zoo.serve.choice import open_fastest
from zoo.serve.kinds import with_kinds
from zoo.serve.signature import Signature, contract_of

CONTRACT, GOLDEN, EXPORT = "contract.json", "golden.json", "export.json"
PICTURES = "image_bytes"  # the input of every signature of ours that takes pictures


class Version:
    """One version of a model.

    Args:
        name: Name of the model.
        number: Number of the version.
        folder: Its folder, with at least one exported file. Where contract.json and golden.json lie beside it, they are kept to;
            else the contract is made from the file's signatures.
        engine: "litert", "onnx", "saved_model", or None for the fastest.
        threads: Threads of one call.
        batching: Keywords of `Batcher`.

    Attributes:
        signatures: {name: `Signature`} of all that it answers.
        engine: Name of the engine that runs.
        why: Why that engine was chosen, or "".
        contract: contract.json, or what was made in its place.
        made_from: The file that the contract was made from, or None.

    Raises:
        UsageError: If the folder is not an exported version, or its golden requests are not answered as they were.
    """

    def __init__(self, name, number, folder, engine=None, threads=1, batching=None):
        self.name, self.number, self.folder = name, number, folder
        contract, golden, report = _read(folder)
        declared = contract and _signatures(contract, folder)
        opened = open_fastest(folder, contract, golden, report, engine, threads)
        self._engine, self.engine, self._path, self.why = opened.engine, opened.name, opened.path, opened.why
        self.contract = contract or contract_of(name, self._engine, self.engine, self._path.name)
        self.made_from = self.contract.get("made_from")
        declared = declared or _signatures(self.contract, folder)
        self.signatures = {key: signature for key, signature in declared.items() if key in self._engine.signatures}
        adapted = adapters(self.contract, self.signatures)
        self.signatures.update({key: signature for key, (signature, _) in adapted.items()})
        self._adapted = {key: adapter for key, (_, adapter) in adapted.items()}
        self._users, self._free = 0, threading.Condition()
        fixed = {signature.batch for signature in self.signatures.values()} - {None}
        self.batcher = Batcher(self._run, **{**(batching or {}), **({"max_batch": max(fixed)} if fixed else {})})
        try:
            self._replay(golden, _allowed(report, self.engine))
        except BaseException:
            self.close(0)
            raise

    def signature(self, name=""):
        """A `Signature` by its name; the default one for an empty name.

        Raises:
            UsageError: If there is none.
        """
        found = self.signatures.get(name or DEFAULT)
        if found is None:
            raise UsageError(f'Serving signature name: "{name or DEFAULT}" not found in signature def')
        return found

    def is_adapted(self, signature):
        """Whether a signature's inputs are made from pictures or texts here, which can take a while."""
        return signature.name in self._adapted

    @property
    def is_alone(self):
        """Whether only one request is at it."""
        return self._users == 1

    def answer_now(self, signature, inputs):
        """The outputs at once, for a lone request to a quick engine; None where they have to be waited for.

        Raises:
            UsageError: If the inputs do not keep the contract.
        """
        if signature.name in self._adapted or not self.batcher.is_idle:
            return None
        return self.batcher.now(signature.name, inputs, self._checked(signature, inputs))

    def answer(self, signature, inputs, tell, is_wanted=lambda: True):
        """Answers checked inputs through the queue; `tell` is called once, in another thread, with outputs or an exception.

        Raises:
            UsageError: If the inputs do not keep the contract.
            QueueFull: If there is no room.
            Stopped: If another version has taken over.
        """
        adapter = self._adapted.get(signature.name)
        if adapter is not None:
            signature.check(inputs)
            name, inputs, tell = adapter(inputs, tell)
            signature = self.signatures[name]
        self.batcher.submit(signature.name, inputs, self._checked(signature, inputs), tell, is_wanted)

    def __enter__(self):
        with self._free:
            self._users += 1
        return self

    def __exit__(self, *error):
        with self._free:
            self._users -= 1
            self._free.notify_all()

    def close(self, timeout):
        """Waits, for a bounded time, until nobody uses it, ends its thread, and lets go of the engine.

        Nothing of it may stay in a cycle: the collector does not look through what lives long, so that it would stay for ever.
        """
        with self._free:
            self._free.wait_for(lambda: not self._users, timeout)
        self.batcher.stop()
        self._engine, self._adapted = None, {}

    def _checked(self, signature, inputs):
        rows = signature.check(inputs)
        if PICTURES in inputs and not self.made_from:  # a SavedModel of ours unpacks them in the graph
            for content in inputs[PICTURES].ravel():
                check_picture(content)
        return rows

    def _run(self, signature, inputs):
        fixed = self.signatures[signature].batch
        if fixed is None:
            return self._engine.run(signature, inputs)
        rows = len(next(iter(inputs.values())))
        if rows < fixed:
            inputs = {
                name: np.concatenate([array, np.repeat(array[-1:], fixed - rows, axis=0)]) for name, array in inputs.items()
            }
        return {name: array[:rows] for name, array in self._engine.run(signature, inputs).items()}

    def _replay(self, golden, allowed):
        """Asks the golden requests, which also warms the engine up.

        Raises:
            UsageError: If an answer is another than it was.
        """
        for request in golden:
            try:
                name, inputs, expected = request["signature"], golden_arrays(request["inputs"]), golden_arrays(request["outputs"])
            except (KeyError, TypeError, ValueError) as error:
                raise UsageError(f"{self.folder / GOLDEN} is damaged ({error!r}); export again.") from error
            if name not in self.signatures:
                continue
            fixed = self.signatures[name].batch
            if fixed is not None and any(len(array) > fixed for array in inputs.values()):
                continue
            answered, done = [], threading.Event()
            self.answer(self.signatures[name], inputs, lambda answer, to=answered, done=done: (to.append(answer), done.set()))
            done.wait()
            if isinstance(answered[0], Exception):
                raise UsageError(f"{self._path} does not answer its golden requests: {reason_of(answered[0])}")
            for key, right in expected.items():
                if not _agree(answered[0].get(key), right, allowed):
                    raise UsageError(f"{self._path} answers its golden requests otherwise in `{key}` of {name}.")


def _read(folder):
    """(contract.json, golden.json, export.json): (None, (), None) of a version that was made elsewhere."""
    report = read_json(folder / EXPORT, "export again") if (folder / EXPORT).is_file() else None
    if not (folder / CONTRACT).is_file() and report is None:
        return None, (), None
    return read_json(folder / CONTRACT, "export again"), read_json(folder / GOLDEN, "export again"), report


def _signatures(contract, folder):
    try:
        vocabularies = contract["vocabularies"]
        signatures = with_kinds(contract["signatures"], contract)
        return {key: Signature(key, one, vocabularies) for key, one in signatures.items()}
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{folder / CONTRACT} is damaged ({error!r}); export again.") from error


def _allowed(report, engine):
    """How far an answer may be from the golden one: as far as it was when the file was proven, and a little more."""
    try:
        differs = report["files"][engine]["golden_difference"]
    except (KeyError, TypeError):
        differs = 0.0
    return max(2e-5, 1.05 * differs + 1e-5)


def _agree(given, right, allowed):
    if given is None or np.shape(given) != right.shape:
        return False
    if right.dtype.kind != "f":
        # A quantized file was allowed to answer otherwise now and then.
        return bool(np.mean(np.asarray(given) != right) <= (allowed if allowed > 1e-3 else 0)) if right.size else True
    scale = max(1.0, float(np.abs(right[np.isfinite(right)]).max(initial=0)))
    same = (given == right) | (np.isnan(given) & np.isnan(right))
    return bool(np.all(same | (np.abs(given.astype("float64") - right) <= allowed * scale)))
