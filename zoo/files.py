"""Files appear whole or not at all: what is written is written beside, and renamed."""

import contextlib
import hashlib
import json
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


@contextlib.contextmanager
def written_beside(path):
    """Gives a path beside `path` to write to; on success it takes the name of `path`, on failure it vanishes.

    Example:
        >>> import tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> with written_beside(target) as partial:
        ...     _ = partial.write_text("whole")
        >>> target.read_text()
        'whole'
    """
    partial = path.with_name(f"partial-{path.name}")
    try:
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path, content):
    """Writes JSON that a person can read, beside and renamed; the folder is made if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_beside(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path, advice):
    """The content of a JSON file.

    Raises:
        UsageError: If it is missing or damaged; the message ends with the advice.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path} is missing; {advice}.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is damaged ({error}); {advice}.") from error


def sha256(path):
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
