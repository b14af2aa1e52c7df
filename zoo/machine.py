"""What this machine has."""

import functools
import os
import pathlib
import platform


def cores():
    """Number of cores that this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@functools.cache
def machine():
    """This machine in a line, by which it is known whether times were measured on another kind.

    Example:
        >>> f"{cores()} cores" in machine()
        True
    """
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{platform.machine()}, {model or 'unknown processor'}, {cores()} cores"
