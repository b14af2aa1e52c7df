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
