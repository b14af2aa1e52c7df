"""The trials of a study: what came out of each, which is the best, and the tables that tell it."""

import collections
import csv
import dataclasses
import json
import math
import shlex
import threading

from zoo.files import write_json, written_beside
from zoo.tune import files


@dataclasses.dataclass
class Row:
    """One trial.

    `values` are those of its hyperparameters, `until` the epoch at which it ends, `past` the trial that it goes on from
    (Hyperband), `origin` the trial whose result it has, where that was known from another study. `score` is on the validation
    part.
    """

    trial: str
    values: dict
    settings: dict
    until: int
    past: str | None = None
    origin: str | None = None
    status: str = "waiting"
    score: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    ended: float | None = None
    reason: str | None = None
    worker: str | None = None
    seen: float = 0.0
    so_far: float | None = None

    def listed(self):
        """What tables and reports tell of it, a dictionary."""
        fields = ("trial", "status", "score", "epochs", "seconds", "ended", "reason", "values")
        return {field: getattr(self, field) for field in fields}


class Results:
    """The trials of a study, ranked and told; `Study` gathers them.

    Attributes:
        folder: The study's folder.
        space: Its `Space`.
        objective: Name of the score.
        direction: "max" or "min", whichever is better.
        rows: {trial: `Row`} in the order of their start.
    """

    def __init__(self, folder, space, objective, direction):
        self.folder, self.space = folder, space
        self.objective, self.direction = objective, direction
        self.rows = {}
        self._lock = threading.RLock()

    def ranked(self):
        """The completed trials, the best first."""
        with self._lock:
            completed = [row for row in self.rows.values() if row.status == "completed"]
        return sorted(completed, key=lambda row: row.score, reverse=self.direction == "max")

    def failures(self):
        """Why trials failed, [(reason, number of trials)], the most frequent reason first."""
        return collections.Counter(row.reason for row in self.rows.values() if row.status == "failed").most_common()

    def listed(self):
        """All trials as dictionaries, for reports."""
        with self._lock:
            return [row.listed() for row in self.rows.values()]

    def command(self, row):
        """The command line that trains with a trial's settings."""
        return shlex.join(["zoo", "train", self.space.name, *self.space.overrides(row.values)])

    def write_tables(self):
        """Writes trials.csv and best.json."""
        names = [hp["name"] for hp in self.space.described()]
        columns = ["trial", "status", self.objective, "epochs", "seconds", "ended", *names, "reason"]
        with written_beside(self.folder / files.TABLE) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            for row in self.rows.values():
                values = [row.values.get(name, "") for name in names]
                facts = [row.trial, row.status, row.score, row.epochs, round(row.seconds, 2), row.ended]
                writer.writerow(["" if value is None else value for value in [*facts, *values, row.reason]])
        ranked = self.ranked()
        if ranked:
            write_json(self.folder / files.BEST, self.facts_of(ranked[0]))

    def facts_of(self, row):
        """What best.json holds where this trial is the best."""
        return {
            "name": self.space.name,
            "study": self.folder.name,
            "trial": row.trial,
            "objective": self.objective,
            "score": row.score,
            "epochs": row.epochs,
            "settings": self.space.overrides(row.values),
            "command": self.command(row),
        }


def read_result(path):
    """A trial's result as an event; None if it is not a whole one."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        event = {key: result[key] for key in ("status", "score", "epochs", "seconds", "reason")}
        whole = isinstance(event["epochs"], int) and isinstance(event["seconds"], (int, float))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if event["status"] == "completed" and whole and isinstance(event["score"], (int, float)):
        if math.isfinite(event["score"]):
            return event
        return {**event, "status": "failed", "score": None, "reason": f"its score is {event['score']}"}
    return event if event["status"] == "failed" and whole and isinstance(event["reason"], str) else None


def completed_trials(folder):
    """The completed trials of a study with their settings, read from its journal."""
    started = {}
    for line in (folder / files.JOURNAL).read_bytes().splitlines():
        try:
            event = json.loads(line)
            if event["event"] == "start":
                started[event["trial"]] = {key: event[key] for key in ("values", "settings", "until")}
            elif event["event"] == "end" and event["status"] == "completed":
                yield {**event, **started[event["trial"]]}
            elif event["event"] == "known":
                yield event
        except (ValueError, KeyError, TypeError):
            continue  # a last line that a kill left unfinished
