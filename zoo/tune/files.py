"""What is on disk of a study: `saved_models/NAME/tune/STUDY/`.

study.json says what is searched, journal.jsonl what was asked and answered, and `trials/` holds a folder per trial with its
request (trial.json), its answer (result.json), what it printed (log.txt) and its checkpoints. best.json, trials.csv, report.html
and tensorboard/ are made of these.
"""

import fcntl
import json
import os
import pathlib
import re

from zoo.errors import UsageError
from zoo.files import read_json

STUDY, JOURNAL, TRIALS, BEST, TABLE, REPORT, BOARDS = (
    "study.json",
    "journal.jsonl",
    "trials",
    "best.json",
    "trials.csv",
    "report.html",
    "tensorboard",
)
REQUEST, RESULT, LOG = "trial.json", "result.json", "log.txt"
DEFAULT_FOLDER = "saved_models"
FORMAT = 1  # of study.json and journal.jsonl


def studies_folder(name, folder):
    """The folder of all studies of a network."""
    return pathlib.Path(folder) / name / "tune"


def study_names(studies):
    """The names of the studies in a folder, the oldest first."""
    found = [path.parent for path in studies.glob(f"*/{STUDY}")]
    return [path.name for path in sorted(found, key=lambda path: ((path / STUDY).stat().st_mtime_ns, path.name))]


def next_name(studies):
    """The number of the next study, as text: one more than the largest that is taken."""
    taken = [int(path.name) for path in studies.glob("*") if path.name.isdigit()]
    return str(max(taken, default=0) + 1)


def check_study_name(name):
    """Raises `UsageError` where a name is not a plain name of a folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"got --study {name!r}; expected letters, digits, '.', '_' and '-'.")


def read_study(folder):
    """study.json of a study.

    Raises:
        UsageError: If it is missing or damaged, or was written by another version.
    """
    definition = read_json(folder / STUDY, "start a new study with --new")
    if not isinstance(definition, dict) or "format" not in definition:
        raise UsageError(f"{folder / STUDY} is damaged (it names no format); start a new study with --new.")
    if definition["format"] != FORMAT:
        raise UsageError(
            f"{folder / STUDY} is of another version (format {definition['format']!r}, and this zoo reads {FORMAT}); "
            "start a new study with --new."
        )
    if not isinstance(definition.get("fingerprint"), dict) or not all(
        isinstance(part, dict) for part in definition["fingerprint"].values()
    ):
        raise UsageError(f"{folder / STUDY} is damaged (it has no fingerprint); start a new study with --new.")
    return definition


def read_best(name, study, folder):
    """The settings of a study's winner, as texts `key=value`.

    Raises:
        UsageError: If there is no such study, or it has no winner yet.
    """
    check_study_name(study)
    # A study of `zoo tune` without --folder serves a run in another folder too.
    places = [studies_folder(name, one) for one in dict.fromkeys((str(folder), DEFAULT_FOLDER))]
    studies = next((place for place in places if (place / study / BEST).is_file()), places[0])
    if not (studies / study / BEST).is_file():
        known = ", ".join(study_names(studies)) or "none"
        raise UsageError(
            f"{studies / study} holds no {BEST}; the studies of {name} are: {known}. Make one with `zoo tune {name}`."
        )
    best = read_json(studies / study / BEST, "make it again with `zoo tune --resume`")
    settings = best.get("settings") if isinstance(best, dict) else None
    if not isinstance(settings, list) or not all(isinstance(text, str) for text in settings):
        raise UsageError(f"{studies / study / BEST} is damaged (it lists no settings); make it again with `zoo tune --resume`.")
    return settings


class Journal:
    """The events of a study in the order in which they happened, a line of JSON each; one process at a time may hold it.

    Args:
        path: The file; it is made if there is none.

    Attributes:
        events: What is in it, a list of dictionaries.

    Raises:
        UsageError: If another process holds it, or it is damaged. A last line that a kill left unfinished is dropped.
    """

    def __init__(self, path):
        self._path = path
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise UsageError(f"another `zoo tune` is at work on {path.parent}; wait for it, or start a new study.") from None
        self._file.seek(0)
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        try:
            self.events = [json.loads(line) for line in content[:whole].splitlines()]
            if not all(isinstance(event, dict) and "event" in event for event in self.events):
                raise ValueError("a line is not an event")
        except ValueError as error:
            self._file.close()
            raise UsageError(f"{path} is damaged ({error}); start a new study with --new.") from error
        self._file.truncate(whole)

    def append(self, event):
        """Writes an event; it is on the disk when this returns."""
        line = (json.dumps(event) + "\n").encode()
        length = os.fstat(self._file.fileno()).st_size
        try:
            if self._file.write(line) != len(line):
                raise OSError(28, os.strerror(28), str(self._path))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(length)
            raise
        self.events.append(event)

    def close(self):
        """Lets another process have it."""
        self._file.close()
