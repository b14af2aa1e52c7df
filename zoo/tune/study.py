"""A study: which trials there are and who runs them, remembered in a journal."""

import json
import time

from keras_tuner.engine import trial as trials

from zoo.errors import UsageError
from zoo.files import write_json
from zoo.tune import files
from zoo.tune.boards import write_board
from zoo.tune.oracles import make_oracle, objective_of
from zoo.tune.results import Results, Row, completed_trials, read_result

WAIT, DONE = "wait", "done"  # what a worker is told in place of a trial


class Study(Results):
    """The state of a search, which many workers ask and tell at once; it can be had back from its folder at any moment.

    The oracle's state is not read from a file: a new oracle is asked and told again all that the journal holds.

    Args:
        folder: The study's folder, with its study.json.
        space: The `Space`.
        definition: What study.json holds.
        max_trials: No more trials than these are started, or None.
        budget: Seconds of searching, those of earlier sessions counted too, or None.
        clock: Function that gives the time in seconds.

    Raises:
        UsageError: If the journal is damaged, or held by another process.
    """

    def __init__(self, folder, space, definition, max_trials=None, budget=None, clock=time.monotonic):
        search = definition["fingerprint"]["search"]
        self.target = space.recipe.target
        super().__init__(folder, space, objective_of(self.target), search["direction"])
        self.definition = definition
        self.max_trials, self.budget = max_trials, budget
        self.tuner = search["tuner"]
        self._executions = search["executions"]
        self._epochs = space.defaults["epochs"]
        self.oracle = make_oracle(self.tuner, space.hyperparameters, self.target, self._epochs, space.defaults["seed"])
        self._exhausted = self._closed = False
        self._known = {}
        self._clock, self._started, self._before = clock, clock(), 0.0
        self._journal = files.Journal(folder / files.JOURNAL)
        try:
            self._replay()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._journal.close()
            raise UsageError(f"{folder / files.JOURNAL} is damaged ({error!r}); start a new study with --new.") from error
        except UsageError:
            self._journal.close()
            raise

    def ask(self, worker):
        """A trial for a worker.

        Returns:
            A `Row` that the worker now holds; `WAIT` if there may be one later; `DONE` if there will be none.
        """
        with self._lock:
            if self._closed:
                return DONE
            row = next((row for row in self.rows.values() if row.status == "running" and row.worker == worker), None)
            while row is None:
                row = next((row for row in self.rows.values() if row.status == "waiting"), None) or self._create()
                if row is None or not self._is_known(row):
                    break
                row = None
            if row is not None:
                request = {"settings": row.settings, "until": row.until, "past": row.past, "executions": self._executions}
                write_json(self.folder / files.TRIALS / row.trial / files.REQUEST, request)
                row.status, row.worker, row.seen = "running", worker, self._clock()
                return row
            return DONE if self.done else WAIT

    def told(self, trial, worker, epochs, so_far):
        """Notes that a worker is at work on a trial.

        Args:
            trial: The trial.
            worker: The worker.
            epochs: Number of epochs done.
            so_far: The best value up to now, or None.

        Returns:
            Whether the worker shall go on: False if the trial is another's by now, or the search is over.
        """
        with self._lock:
            row = self.rows.get(trial)
            if row is None or self._closed or row.status not in ("running", "waiting"):
                return False
            if row.status == "waiting":  # after the chief, or the worker, was away for a while
                row.status, row.worker = "running", worker
            if row.worker != worker:
                return False
            row.seen, row.epochs, row.so_far = self._clock(), epochs, so_far
            return True

    def finish(self, trial, worker):
        """Takes the result of a trial out of its folder.

        A second result of the same trial, or one of a worker that does not hold it, changes nothing.
        """
        with self._lock:
            row = self.rows.get(trial)
            if row is None or self._closed or row.status not in ("running", "waiting") or row.worker not in (worker, None):
                return
            path = self.folder / files.TRIALS / trial / files.RESULT
            result = read_result(path)
            if result is None:
                path.unlink(missing_ok=True)
                row.status, row.worker = "waiting", None  # no whole result: the trial is taken up again
            else:
                self._end(row, result)

    def drop(self, worker):
        """Lets go of what a worker held that is no more."""
        with self._lock:
            for row in self.rows.values():
                if row.status == "running" and row.worker == worker:
                    row.status, row.worker = "waiting", None

    def drop_silent(self, patience):
        """Lets go of what workers held that have been silent for `patience` seconds.

        Returns:
            Their names.
        """
        with self._lock:
            silent = {row.worker for row in self.rows.values() if row.status == "running" and self._clock() - row.seen > patience}
            for worker in silent:
                self.drop(worker)
            return sorted(silent)

    def close(self):
        """Ends the search: no trial is given out any more, and those at work are told to stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._note({"event": "pause"})
            for row in self.rows.values():
                if row.status == "running":
                    row.status, row.worker = "waiting", None

    def release(self):
        """Lets another process have the study."""
        self._journal.close()

    @property
    def seconds(self):
        """How long was searched, in all sessions."""
        return self._before + self._clock() - self._started

    @property
    def done(self):
        """Whether every planned trial has ended."""
        with self._lock:
            at_work = any(row.status in ("running", "waiting") for row in self.rows.values())
            full = self.max_trials is not None and self._count() >= self.max_trials
            return not at_work and (self._exhausted or full)

    @property
    def over_budget(self):
        """Whether the time is up."""
        return self.budget is not None and self.seconds >= self.budget

    @property
    def exhausted(self):
        """Whether the tuner has no further trial to propose."""
        return self._exhausted

    def summary(self):
        """What came out, for a program."""
        best = self.ranked()
        return {
            "folder": str(self.folder),
            "objective": self.objective,
            "seconds": round(self.seconds, 1),
            "best": self.facts_of(best[0]) if best else None,
            "trials": self.listed(),
        }

    def fork(self, before):
        """Takes over the completed trials of another study, as far as they lie in this one's space.

        Args:
            before: The folder of the other study, which had the same data, sources, versions, objective and executions.

        Returns:
            How many there were.
        """
        count = 0
        for trial in completed_trials(before):
            values = self.space.values_of(trial["settings"], trial["values"])
            if values is not None:
                facts = {key: trial[key] for key in ("settings", "until", "score", "epochs", "seconds")}
                self._note({"event": "known", "trial": f"{before.name}-{trial['trial']}", "values": values, **facts})
                count += 1
        self.write_tables()
        return count

    def clear_checkpoints(self):
        """Removes what trials kept to be gone on with, once every one has ended: whoever wants the winner trains it again."""
        if self.done:
            for row in self.rows.values():
                self._clear(row)

    def _count(self):
        return sum(row.origin != row.trial for row in self.rows.values())

    def _note(self, event):
        """Writes an event and lets it take effect; after an error nothing of it has happened."""
        event = {**event, "at": round(self.seconds, 3)}
        try:
            self._journal.append(event)
        except OSError:
            self._closed = True  # the oracle may know by now what the journal does not
            raise
        self._apply(event)

    def _replay(self):
        for event in self._journal.events:
            self._apply(event, replayed=True)
            self._before = max(self._before, float(event["at"]))

    def _apply(self, event, replayed=False):
        """Lets an event take effect on the rows and on the oracle."""
        kind, trial = event["event"], event.get("trial")
        if kind == "pause":
            return
        if kind == "start":
            if replayed:
                self._repeat(event)
            self.rows[trial] = self._row(trial, event["values"])
        elif kind == "end":
            row = self.rows[trial]
            for key in ("status", "score", "epochs", "seconds", "reason"):
                setattr(row, key, event[key])
            row.origin, row.ended, row.worker, row.so_far = event.get("origin"), event["at"], None, None
            told = self.oracle.trials[trial]
            if row.status == "completed":
                self.oracle.update_trial(trial, {self.objective: row.score}, step=row.epochs)
            told.status = trials.TrialStatus.COMPLETED if row.status == "completed" else trials.TrialStatus.FAILED
            self.oracle.end_trial(told)
        elif kind == "known":
            self._learn(event)
        else:
            raise ValueError(f"there is no event {kind!r}")

    def _row(self, trial, values):
        until, past = int(values.get("tuner/epochs", self._epochs)), values.get("tuner/trial_id")
        return Row(trial, self.space.values(values), self.space.settings(values), until, past)

    def _repeat(self, event):
        """Asks a new oracle again what the old one was asked."""
        # Questions that had no answer are not in the journal, but used up random numbers.
        self.oracle._seed_state = event["seed_state"]
        if self.tuner == "bayesian":
            self.oracle.proposed[event["trial"]] = event["values"]
        trial = self.oracle.create_trial(event["trial"])
        # Hyperband's bracket is left out: a question without an answer can have begun the next one earlier.
        before, now = ({**values, "tuner/bracket": None} for values in (event["values"], trial.hyperparameters.values))
        if trial.trial_id != event["trial"] or before != now:
            raise ValueError(f"trial {event['trial']} has other values than the tuner gives")

    def _learn(self, event):
        """Makes a trial of another study one of this one."""
        settings = self.space.settings(event["values"])
        row = Row(event["trial"], event["values"], settings, event["until"], origin=event["trial"], status="completed")
        row.score, row.epochs, row.seconds, row.ended = event["score"], event["epochs"], event["seconds"], event["at"]
        self.rows[row.trial] = row
        self._known[_key(settings, row.until)] = row
        if self.tuner == "bayesian" and row.until == self._epochs:
            hp = self.space.hyperparameters.copy()
            hp.values = dict(event["values"])
            told = trials.Trial(hp, row.trial, trials.TrialStatus.COMPLETED)
            told.score = row.score
            self.oracle.trials[row.trial] = told

    def _create(self):
        """The row of a new trial; None if the oracle has none now, or no more, or there are enough."""
        if self._exhausted or (self.max_trials is not None and self._count() >= self.max_trials):
            return None
        number = f"{len(self.oracle.trials):04}"
        seed_state = self.oracle._seed_state
        trial = self.oracle.create_trial(number)
        if trial.status == trials.TrialStatus.STOPPED:
            self._exhausted = True
        if trial.status != trials.TrialStatus.RUNNING:
            return None
        values = dict(trial.hyperparameters.values)
        row = self._row(number, values)
        facts = {"values": values, "settings": row.settings, "until": row.until, "seed_state": seed_state}
        self._note({"event": "start", "trial": number, **facts})
        return self.rows[number]

    def _is_known(self, row):
        """Whether another study has the result of a trial, which it then takes."""
        known = self._known.get(_key(row.settings, row.until))
        if known is None:
            return False
        result = {"status": "completed", "score": known.score, "epochs": known.epochs, "seconds": known.seconds, "reason": None}
        self._end(row, {**result, "origin": known.trial})
        return True

    def _end(self, row, event):
        self._note({"event": "end", "trial": row.trial, **event})
        self.write_tables()
        write_board(self.folder / files.BOARDS, row.listed(), self._history(row), self.objective)
        if self.tuner != "hyperband":  # which goes on from the best of them
            self._clear(row)

    def _clear(self, row):
        for path in (self.folder / files.TRIALS / row.trial).glob("seed-*/**/*.weights.h5"):
            path.unlink(missing_ok=True)

    def _history(self, row):
        path = self.folder / files.TRIALS / row.trial / f"seed-{row.settings['seed']}" / "progress.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))["history"]
        except (OSError, ValueError, KeyError):
            return []


def _key(settings, until):
    """What tells two trials apart."""
    return json.dumps([settings, until], sort_keys=True)
