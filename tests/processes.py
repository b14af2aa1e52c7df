"""What processes run, as Linux tells it."""

import contextlib
import os
import pathlib
import re
import signal


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


def started_in(variable):
    """The processes that were started `variable`, such as "NAME=value", in their environment, whoever their parent is."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(variable) in (path / "environ").read_bytes().split(b"\0"):
                found.add(int(path.name))
    return found


def read_until(process, pattern):
    """Waits until what a process prints has a pattern, a regular expression of bytes in which `.` is any byte."""
    printed = b""
    while not re.search(pattern, printed, re.DOTALL):
        more = process.stdout.read1()
        assert more, f"the run ended by itself: {printed[-300:]}"
        printed += more


def end(pids):
    """Ends processes at once, those that are gone already excepted."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
