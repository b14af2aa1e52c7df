"""Where prepared data sets lie: the folder that ZOO_DATA_DIR names, or a cache that downloads go to."""

import os
import pathlib
import urllib.error
import urllib.request

import platformdirs

from zoo.errors import UsageError


def data_folder():
    """The folder of `ZOO_DATA_DIR`, or None where it is not set.

    Raises:
        UsageError: If it is set to something that is not a folder.
    """
    named = os.environ.get("ZOO_DATA_DIR")
    if not named:
        return None
    folder = pathlib.Path(named)
    if not folder.is_dir():
        raise UsageError(f"ZOO_DATA_DIR is {named!r}, which is not a folder; set it to the folder of the prepared data sets.")
    return folder


def cache_folder():
    """The folder that downloads go to, one for the user."""
    return pathlib.Path(platformdirs.user_cache_dir("zoo"))


def file_of(folder, name, url, origin, instead):
    """The file FOLDER/NAME under `ZOO_DATA_DIR`, or the one that was downloaded once into the user's cache.

    Args:
        folder: Name of the folder that it lies in, of a data set.
        name: Name of the file.
        url: Where it is downloaded from.
        origin: Where it comes from, for messages.
        instead: The setting that needs no download, for messages.

    Raises:
        UsageError: If it is missing and cannot be downloaded.
    """
    given = data_folder()
    if given is None:
        return downloaded(folder, name, url, origin, instead)
    if not (given / folder / name).is_file():
        raise missing(str(given / folder / name), origin, instead)
    return given / folder / name


def downloaded(folder, name, url, origin, instead):
    """The file FOLDER/NAME in the user's cache, downloaded unless it is there; arguments and errors as of `file_of`."""
    import pooch

    try:
        return pathlib.Path(pooch.retrieve(url, known_hash=None, fname=name, path=cache_folder() / folder))
    except OSError as error:  # `urllib.error.URLError` is one
        raise missing(f"{url} (download failed: {type(error).__name__})", origin, instead) from error


def missing(what, origin, instead):
    """The `UsageError` for data that is not there."""
    return UsageError(f"{what} is missing; it comes from {origin}. Instead, without any download: {instead}.")


def reachable(server):
    """Whether a server answers at all, in ten seconds; the downloaders of others try for minutes before they give up."""
    try:
        with urllib.request.urlopen(urllib.request.Request(server, method="HEAD"), timeout=10):
            return True
    except urllib.error.HTTPError:
        return True  # it answers, if only that there is nothing at its root
    except OSError:
        return False
