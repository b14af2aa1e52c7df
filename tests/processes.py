"""What processes run, as Linux tells it."""

import os
import pathlib


def children(pid):
    """The processes that `pid` started and that still run: {pid: command line}."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = os.fsdecode((path / "cmdline").read_bytes()).split("\0")
        except OSError:
            continue
        if parent == pid:
            found[int(path.name)] = command
    return found


def descendants(pid):
    """`children` and theirs."""
    found = children(pid)
    return found | {pid: command for child in found for pid, command in descendants(child).items()}
