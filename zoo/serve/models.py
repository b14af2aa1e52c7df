"""The models that are served, and the folders that are watched for their versions."""

import dataclasses
import os
import pathlib
import re
import threading
import time

from zoo.errors import UsageError
from zoo.serve.memory import settle
from zoo.serve.version import CONTRACT, Version

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"  # TensorFlow Serving's states
PAUSES = (1, 2, 4, 8, 16, 32)  # looks between the tries to load a version that was refused
SMALLEST, LARGEST = -(2**63), 2**63 - 1  # of a version


class NotFound(Exception):
    """There is no such model or version, or it is not available; the message is TensorFlow Serving's."""


@dataclasses.dataclass
class Status:
    """What is told of one version."""

    state: str
    code: int = 0
    message: str = ""
    version: Version | None = None


@dataclasses.dataclass
class _Refusal:
    """When a version that was refused is tried again: once its files are others, and a few times as they are."""

    files: tuple
    tries: int
    again: float

    def is_due(self, files):
        return files != self.files or (self.tries <= len(PAUSES) and time.monotonic() >= self.again)


@dataclasses.dataclass(frozen=True)
class Model:
    """What is asked for: a folder with a folder for each version, and which of them to serve.

    `latest` is how many of the newest are served; `specific` names them instead; `every` serves all there are.
    """

    name: str
    folder: pathlib.Path
    latest: int = 1
    specific: tuple = ()
    every: bool = False
    labels: dict = dataclasses.field(default_factory=dict)

    def versions(self):
        """{number: folder} of all versions that are there, the oldest first.

        The name of a folder is any int64, with leading zeros or without, as in TensorFlow Serving; of two with the same number
        the shorter name counts.
        """
        try:
            names = sorted((entry.name for entry in os.scandir(self.folder) if _is_version(entry)), key=len, reverse=True)
        except OSError:
            return {}
        return dict(sorted((int(name), self.folder / name) for name in names))

    def wanted(self, refused=()):
        """The numbers of the versions that should be served now; for one that was refused, an older one is."""
        there = list(self.versions())
        if self.every:
            return there
        if self.specific:
            return [number for number in there if number in self.specific]
        return [number for number in there if number not in refused][-self.latest :]


class Models:
    """All models that are served. A thread watches their folders.

    A new version is loaded, warmed and replayed before it takes over; then the old one answers what it has and goes. One that
    fails is told of, and the old one stays; it is tried again when its files change, and a few times with growing pauses.

    Args:
        models: A list of `Model`.
        load: Function of (name, number, folder) to a `Version`.
        poll: Seconds between two looks at the folders.
        drain: Seconds for which a version that goes is waited for.
        note: Function that is told what happens, a line of text.
        told: Function of (name, number, state) that is told of every new state of a version; None where it is forgotten.
    """

    def __init__(self, models, load, poll=1.0, drain=30.0, note=lambda line: None, told=lambda name, number, state: None):
        self._models = {model.name: model for model in models}
        self._load, self._poll, self._drain, self._note, self._told = load, poll, drain, note, told
        self._statuses = {name: {} for name in self._models}
        self._refusals, self._have_served = {}, set()
        self._lock, self._stopping = threading.RLock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)

    def start(self):
        """Loads what is there, and begins to watch.

        Raises:
            UsageError: If there is nothing to serve.
        """
        self.look()
        if not self._have_served:
            reasons = [status.message for every in self._statuses.values() for status in every.values() if status.message]
            raise UsageError(reasons[0] if reasons else "there is no exported model; make one with `zoo export`.")
        self._thread.start()

    def stop(self):
        """Ends the watch, and lets every version answer what it has."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        for every in self._statuses.values():
            for status in every.values():
                if status.version is not None:
                    status.version.close(self._drain)

    def configure(self, models):
        """Serves other models from now on, as HandleReloadConfigRequest asks. What is new is loaded before anything goes.

        Raises:
            UsageError: If a label names a version that is not available, or a new model has none that loads; nothing changes.
        """
        models = {model.name: model for model in models}
        with self._lock:
            for model in models.values():
                for label, number in model.labels.items():
                    if model.name in self._models and number not in self.available(model.name):
                        raise UsageError(f"label {label!r} of {model.name} names version {number}, which is not available.")
            new, gone = [name for name in models if name not in self._models], set(self._models) - set(models)
            for name in new:
                self._statuses[name] = {}
                self._look_at(models[name])
            failed = [name for name in new if not self.available(name)]
            if failed:
                reasons = [status.message for status in self._statuses[failed[0]].values() if status.message]
                self._forget(new)
                raise UsageError(f"model {failed[0]} did not become available: {(reasons or ['it has no version to serve'])[0]}")
            self._models = models
            self.look()
            self._forget(gone)

    def _forget(self, names):
        for name in names:
            for number in list(self._statuses[name]):
                self._unload(name, number)
                self._drop(name, number)
            del self._statuses[name]
            self._have_served.discard(name)

    @property
    def names(self):
        """The names of all models."""
        return list(self._models)

    @property
    def ready(self):
        """Whether each model has served: what is loaded beside one that serves does not count."""
        return self._have_served.issuperset(self._models)

    def statuses(self, name):
        """{number: `Status`} of a model's versions, the newest first.

        Raises:
            NotFound: If there is no such model, or no version of it.
        """
        if not self._statuses.get(name):
            raise NotFound(f"Could not find any versions of model {name}")
        return dict(sorted(self._statuses[name].items(), reverse=True))

    def available(self, name):
        """The numbers of the versions that answer, the newest first."""
        every = dict(self._statuses.get(name, {}))
        return sorted((number for number, status in every.items() if status.state == AVAILABLE), reverse=True)

    def find(self, name, number=None, label=None):
        """A `Version` that answers: the newest, that of a number, or that of a label.

        Raises:
            NotFound: If there is none.
            UsageError: If there is no such label, as in TensorFlow Serving.
        """
        if label is not None:
            model = self._models.get(name)
            if model is None or label not in model.labels:
                raise UsageError(f"Unrecognized servable version label: {label}")
            number = model.labels[label]
        numbers = self.available(name)
        if number is None and numbers:
            return self._statuses[name][numbers[0]].version
        if number in numbers:
            return self._statuses[name][number].version
        raise NotFound(
            f"Servable not found for request: {f'Latest({name})' if number is None else f'Specific({name}, {number})'}"
        )

    def look(self):
        """Compares the folders with what is served, and loads and unloads what differs."""
        with self._lock:
            for model in list(self._models.values()):
                self._look_at(model)

    def _look_at(self, model):
        name, statuses, there = model.name, self._statuses[model.name], model.versions()
        for number in [number for number, status in statuses.items() if status.code and number not in there]:
            self._drop(name, number)  # it may come back mended
        due = {number for number in there if self._is_due(name, number, there[number])}
        while True:
            wanted = model.wanted({number for number, status in statuses.items() if status.code} - due)
            fresh = [n for n in wanted if n not in statuses or n in due or statuses[n] == Status(END)]
            if not fresh:
                break
            for number in fresh:
                if number not in statuses or statuses[number] == Status(END):
                    self._set(name, number, Status(START))
            for number in fresh:
                due.discard(number)
                self._load_one(name, number, there.get(number, model.folder / str(number)))
        # What serves well goes only after something else does.
        if any(statuses[number].state == AVAILABLE for number in wanted):
            for number in self.available(name):
                if number not in wanted:
                    self._unload(name, number)

    def _is_due(self, name, number, folder):
        """Whether a version is to be loaded again: one that was refused, or one that serves without the contract it now has."""
        status, refusal = self._statuses[name].get(number), self._refusals.get((name, number))
        if refusal is not None:
            return refusal.is_due(_files_of(folder))
        version = status and status.version
        return bool(version and version.made_from and (folder / CONTRACT).is_file())

    def _load_one(self, name, number, folder):
        before = self._statuses[name][number]
        if before.version is None:
            self._set(name, number, Status(LOADING, before.code, before.message))
        files = _files_of(folder)
        try:
            version = self._load(name, number, folder)
        except Exception as error:
            self._refuse(name, number, before, files, error)
            return
        self._refusals.pop((name, number), None)
        made = f"contract made from {version.made_from}" if version.made_from else ""
        self._set(name, number, Status(AVAILABLE, message=made, version=version))
        self._have_served.add(name)
        if before.version is not None:
            before.version.close(self._drain)
        before = None
        settle()
        told = "; ".join(filter(None, (version.why, made)))
        self._note(f"{name} version {number} is served by {version.engine}" + (f" ({told})" if told else ""))

    def _refuse(self, name, number, before, files, error):
        message = (str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}").splitlines()[0]
        last = self._refusals.get((name, number))
        tries = last.tries + 1 if last is not None and last.files == files else 1
        pause = self._poll * PAUSES[min(tries, len(PAUSES)) - 1]
        self._refusals[name, number] = _Refusal(files, tries, time.monotonic() + pause)
        if before.version is None:
            self._set(name, number, Status(END, 3, message))
        if message != before.message:
            self._note(f"{name} version {number} is refused: {message}")

    def _unload(self, name, number):
        status = self._statuses[name][number]
        if status.version is None:
            return
        self._set(name, number, Status(UNLOADING))
        status.version.close(self._drain)
        status = None
        settle()
        self._set(name, number, Status(END))
        self._note(f"{name} version {number} is unloaded")

    def _set(self, name, number, status):
        self._statuses[name][number] = status
        self._told(name, number, status.state)

    def _drop(self, name, number):
        del self._statuses[name][number]
        self._refusals.pop((name, number), None)
        self._told(name, number, None)

    def _watch(self):
        while not self._stopping.wait(self._poll):
            self.look()


def models_in(folder):
    """The models of a folder: every folder in it that holds a numbered folder.

    Raises:
        UsageError: If there is none.
    """
    folder = pathlib.Path(folder)
    try:
        found = [
            Model(entry.name, pathlib.Path(entry.path)) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)
        ]
    except OSError as error:
        raise UsageError(f"{folder} cannot be read ({error.strerror or error}); give the folder of exported models.") from error
    found = [model for model in found if model.folder.is_dir() and model.wanted()]
    if not found:
        raise UsageError(f"{folder} holds no exported model; make one with `zoo export NAME --folder {folder}`.")
    return found


def _is_version(entry):
    return bool(re.fullmatch("-?[0-9]+", entry.name)) and SMALLEST <= int(entry.name) <= LARGEST and entry.is_dir()


def _files_of(folder):
    """By what it is told whether the files of a version are others: their names, sizes and times."""
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.stat(os.path.join(path, name))
            except OSError:  # it has just gone
                continue
            found.append((os.path.join(path, name), status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(sorted(found))
