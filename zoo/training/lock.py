"""One process at a time in the folder of a run."""

import contextlib

import filelock

from zoo.errors import UsageError

LOCK = "training.lock"


@contextlib.contextmanager
def held(path):
    """Holds a lock on a file, which is removed at the end; one that a killed process left behind is free.

    Raises:
        UsageError: If another process holds it.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / LOCK
        >>> with held(path):
        ...     path.is_file()
        True
        >>> path.is_file()
        False
    """
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise UsageError(f"another process is training in {path.parent}; wait for it, or give another --folder.") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: a process that opened it before finds no file behind its lock
        lock.release()
