"""Exported files appear whole or not at all."""

import contextlib
import os
import pathlib
import shutil

from zoo.errors import RunError, UsageError


@contextlib.contextmanager
def appearing(path, suffix=None):
    """Gives a path beside `path` to write a file or a folder to; on success it takes the name, on failure it vanishes.

    Args:
        path: A path that must not exist yet.
        suffix: How it must end, or None.

    Raises:
        UsageError: If the path exists or ends otherwise, or its folder cannot be made.
        RunError: If the path cannot be written, as on a full disk.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "1"
        >>> with appearing(folder) as partial:
        ...     partial.mkdir()
        >>> folder.is_dir()
        True
    """
    path = pathlib.Path(path)
    if suffix is not None and path.suffix != suffix:
        raise UsageError(f"{path} ends in {path.suffix or 'no suffix'}; expected a name that ends in {suffix}.")
    if path.exists():
        raise UsageError(f"{path} exists; give a new name, or remove it first.")
    partial = path.with_name(f"partial-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be made ({error.strerror or error}); give another folder.") from error
    try:
        _remove_leftovers(path.parent)
        yield partial
        for file in [partial, *partial.rglob("*")] if partial.is_dir() else [partial]:
            _to_disk(file)
        os.rename(partial, path)
        _to_disk(path.parent)
    except OSError as error:
        raise RunError(f"{error.filename or path} cannot be written ({error.strerror or error}); nothing was kept.") from error
    finally:
        _remove(partial)


def _to_disk(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_leftovers(folder):
    """Removes what processes left behind that were killed."""
    for left in folder.glob("partial-*-*"):
        process = left.name.split("-")[1]
        if process.isdigit() and not _is_running(int(process)):
            _remove(left)


def _is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
