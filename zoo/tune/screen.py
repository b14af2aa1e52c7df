"""How a search is shown while it runs: a live table in a terminal, a line per finished trial anywhere else."""

import time

import rich.live
import rich.table

from zoo.types import counted

REFRESH = 0.5  # seconds


class Screen:
    """Shows a study; to be called over and over.

    Args:
        console: A `rich.console.Console`.
    """

    def __init__(self, console):
        self._console, self._live = console, None
        self._shown, self._told = 0.0, None

    def __enter__(self):
        if self._console.is_terminal:
            self._live = rich.live.Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *error):
        if self._live is not None:
            self._live.stop()

    def __call__(self, study):
        if self._live is not None:
            if time.monotonic() - self._shown >= REFRESH:
                self._shown = time.monotonic()
                self._live.update(live_table(study, self._console.height - 4), refresh=True)
            return
        ended = [row for row in list(study.rows.values()) if row.ended is not None]
        if self._told is None:  # what earlier sessions ended is not news
            self._told = {row.trial for row in ended}
        for row in ended:
            if row.trial not in self._told:
                self._told.add(row.trial)
                self._console.print(_line(study, row), soft_wrap=True)


def live_table(study, height):
    """The trials at work, and after them the best ones, as many as there is room for."""
    rows = list(study.rows.values())
    at_work = [row for row in rows if row.status == "running"]
    best = study.ranked()[: max(3, height - len(at_work))]
    failed = sum(row.status == "failed" for row in rows)
    planned = "" if study.max_trials is None else f" of {study.max_trials}"
    ended = sum(row.status in ("completed", "failed") for row in rows)
    time_left = "" if study.budget is None else f" of {duration(study.budget)}"
    title = f"study {study.folder.name}: {ended}{planned} trials, {failed} failed, {duration(study.seconds)}{time_left}"
    return trial_table(study, [*at_work, *best], title)


def trial_table(study, rows, title=None):
    """A table of some trials, with what their settings have other than the recipe's."""
    table = rich.table.Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("trial", "status", study.objective, "epochs", "time"):
        table.add_column(column, no_wrap=True)
    table.add_column("settings", overflow="fold")
    for row in rows:
        score = row.so_far if row.status == "running" else row.score
        facts = [row.trial, row.status, "" if score is None else f"{score:.5g}", f"{row.epochs} of {row.until}"]
        table.add_row(*facts, "" if row.status == "running" else duration(row.seconds), differing(study.space, row))
    return table


def duration(seconds):
    """Seconds as a person reads them.

    Example:
        >>> duration(59.6), duration(3700)
        ('1m 00s', '1h 01m')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60:02}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60:02}m"


def differing(space, row):
    """The hyperparameters of a trial that are not the recipe's own, as text."""
    own = space.values({hp.name: hp.default for hp in space.searched()})
    return " ".join(f"{name}={value}" for name, value in row.values.items() if value != own[name]) or "the recipe's own"


def _line(study, row):
    values = differing(study.space, row)
    if row.status == "failed":
        return f"{row.trial}  failed: {row.reason}  ({values})"
    origin = f", known from {row.origin}" if row.origin else ""
    took = f"{counted(row.epochs, 'epoch')}  {duration(row.seconds)}{origin}"
    return f"{row.trial}  {study.objective} {row.score:.5g}  {took}  {values}"
