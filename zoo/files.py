"""Files appear whole or not at all: what is written is written beside, and renamed."""

import contextlib
import glob
import hashlib
import json
import os
import pathlib
import platform
import shutil
import tempfile

import filelock

from zoo.errors import RunError, UsageError

LOCK = "lock"


@contextlib.contextmanager
def appearing(path, suffix=None, further=()):
    """Gives a path to write a file or a folder to; on success it appears as `path`, on failure nothing is left of it.

    What is written lies in a folder beside `path`, named after this machine and at random, whose lock is held until the end. So
    every writer can tell what a killed one left, and removes it.

    Args:
        path: A path that must not exist yet.
        suffix: How it must end, or None.
        further: Names of files that appear in the same folder; they are written beside the path given.

    Raises:
        UsageError: If a path exists or ends otherwise, or its folder cannot be made.
        RunError: If a path cannot be written, as on a full disk.

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
    targets = [path, *(path.with_name(name) for name in further)]
    _check_free(targets)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be made ({error.strerror or error}); give another folder.") from error
    try:
        _remove_leftovers(path.parent)
        with _own_folder(path.parent) as folder:
            partials = [folder / target.name for target in targets]
            yield partials[0]
            for partial in partials:
                for file in [partial, *partial.rglob("*")] if partial.is_dir() else [partial]:
                    _to_disk(file)
            _check_free(targets)
            for partial, target in reversed([*zip(partials, targets)]):
                os.rename(partial, target)
            _to_disk(path.parent)
    except OSError as error:
        raise RunError(f"{error.filename or path} cannot be written ({error.strerror or error}); nothing was kept.") from error


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


def _check_free(targets):
    for target in targets:
        if target.exists():
            raise UsageError(f"{target} exists; give a new name, or remove it first.")


@contextlib.contextmanager
def _own_folder(parent):
    """A new folder in `parent`, locked until it is removed at the end."""
    folder, lock = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def _locked_folder(parent):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_prefix(), dir=parent))
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire()
    except FileNotFoundError:  # another process took it for a leftover, before it was locked
        return _locked_folder(parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder, lock


def _remove_leftovers(parent):
    """Removes what processes of this machine left behind that were killed: folders whose lock nobody holds."""
    for lock_path in parent.glob(f"{glob.escape(_prefix())}*/{LOCK}"):
        with contextlib.suppress(filelock.Timeout, OSError), filelock.FileLock(lock_path, timeout=0):
            shutil.rmtree(lock_path.parent, ignore_errors=True)


def _prefix():
    """How the names of this machine's folders begin: of the locks of others nothing can be told here."""
    return f"zoo-partial-{platform.node()}@"  # which no name of a machine holds
