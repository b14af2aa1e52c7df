"""The models that are served, and the folders that are watched for their versions."""

import dataclasses
import gc
import os
import pathlib
import threading

from zoo.errors import UsageError
from zoo.serve.version import Version

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"  # TensorFlow Serving's states


class NotFound(Exception):
    """There is no such model or version, or it is not available; the message is TensorFlow Serving's."""


@dataclasses.dataclass
class Status:
    """What is told of one version."""

    state: str
    code: int = 0
    message: str = ""
    version: Version | None = None


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
        """The numbers of all versions that are there."""
        try:
            return sorted(int(entry.name) for entry in os.scandir(self.folder) if _is_version(entry))
        except OSError:
            return []

    def wanted(self, refused=()):
        """The numbers of the versions that should be served now; for one that was refused, an older one is."""
        there = self.versions()
        if self.every:
            return there
        if self.specific:
            return [number for number in there if number in self.specific]
        return [number for number in there if number not in refused][-self.latest :]


class Models:
    """All models that are served. A thread watches their folders.

    A new version is loaded, warmed and replayed before it takes over; then the old one answers what it has and goes. One that
    fails is told of, and the old one stays.

    Args:
        models: A list of `Model`.
        load: Function of (name, number, folder) to a `Version`.
        poll: Seconds between two looks at the folders.
        drain: Seconds for which a version that goes is waited for.
        note: Function that is told what happens, a line of text.
    """

    def __init__(self, models, load, poll=1.0, drain=30.0, note=lambda line: None):
        self._models = {model.name: model for model in models}
        self._load, self._poll, self._drain, self._note = load, poll, drain, note
        self._statuses = {name: {} for name in self._models}
        self._lock, self._stopping = threading.RLock(), threading.Event()
        self._looked = False
        self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)

    def start(self):
        """Loads what is there, and begins to watch.

        Raises:
            UsageError: If there is nothing to serve.
        """
        self.look()
        if not any(self.available(name) for name in self._models):
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
                reasons = [status.message for status in self.statuses(failed[0]).values() if status.message]
                self._forget(new)
                raise UsageError(f"model {failed[0]} did not become available: {(reasons or ['it has no version to serve'])[0]}")
            self._models = models
            self.look()
            self._forget(gone)

    def _forget(self, names):
        for name in names:
            for number in list(self._statuses[name]):
                self._unload(name, number)
            del self._statuses[name]

    @property
    def names(self):
        """The names of all models."""
        return list(self._models)

    @property
    def ready(self):
        """Whether something is served, and nothing is still to be loaded; what was refused does not count."""
        states = [status.state for name in list(self._models) for status in self.statuses(name).values()]
        return self._looked and AVAILABLE in states and START not in states and LOADING not in states

    def statuses(self, name):
        """{number: `Status`} of a model's versions, the newest first.

        Raises:
            NotFound: If there is no such model.
        """
        if name not in self._statuses:
            raise NotFound(f"Could not find any versions of model {name}")
        return dict(sorted(self._statuses[name].items(), reverse=True))

    def available(self, name):
        """The numbers of the versions that answer, the newest first."""
        return [number for number, status in self.statuses(name).items() if status.state == AVAILABLE]

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
        if name in self._statuses:
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
            self._looked = True

    def _look_at(self, model):
        name, statuses, there = model.name, self._statuses[model.name], model.versions()
        for number in [number for number, status in statuses.items() if status.code and number not in there]:
            del statuses[number]  # it may come back mended
        while True:
            wanted = model.wanted({number for number, status in statuses.items() if status.code})
            fresh = [number for number in wanted if number not in statuses or statuses[number] == Status(END)]
            if not fresh:
                break
            for number in fresh:
                statuses[number] = Status(START)
            for number in fresh:
                self._load_one(model, number)
        # What serves well goes only after something else does.
        if any(statuses[number].state == AVAILABLE for number in wanted):
            for number in self.available(name):
                if number not in wanted:
                    self._unload(name, number)

    def _load_one(self, model, number):
        statuses = self._statuses[model.name]
        statuses[number] = Status(LOADING)
        try:
            version = self._load(model.name, number, model.folder / str(number))
        except Exception as error:
            message = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
            statuses[number] = Status(END, 3, message.splitlines()[0])
            self._note(f"{model.name} version {number} is refused: {message.splitlines()[0]}")
            return
        # What lives from here on is not looked through again: a full collection would stop every answer for as long as it takes.
        gc.collect()
        gc.freeze()
        statuses[number] = Status(AVAILABLE, version=version)
        self._note(f"{model.name} version {number} is served by {version.engine}")

    def _unload(self, name, number):
        status = self._statuses[name][number]
        if status.version is None:
            return
        self._statuses[name][number] = Status(UNLOADING)
        status.version.close(self._drain)
        self._statuses[name][number] = Status(END)
        self._note(f"{name} version {number} is unloaded")

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
    return entry.name.isascii() and entry.name.isdecimal() and len(entry.name) < 19 and entry.is_dir()
