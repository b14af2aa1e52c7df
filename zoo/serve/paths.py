"""The paths of TensorFlow Serving's REST API."""

import re
import urllib.parse

from zoo.errors import UsageError
from zoo.serve.models import LARGEST

PREDICT = re.compile(
    r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:(classify|regress|predict|generate)", re.IGNORECASE
)
STATUS = re.compile(r"/v1/models(?:/([^/:]+))?(?:/versions/(\d+)|/labels/([^/:]+))?(?:/(metadata))?", re.IGNORECASE)


def path_of(scope):
    """The path of an ASGI scope as the client wrote it."""
    return scope.get("raw_path", b"").decode("latin-1") or scope["path"]


def parts_of(match):
    """(model, number, label, method) of a path that one of the two matches, each as text or None.

    They are decoded only now, so that a name may hold a slash, as in TensorFlow Serving.
    """
    return [part and (urllib.parse.unquote(part) if "%" in part else part) for part in match.groups()]


def version_of(text):
    """The number of a version, or None.

    Raises:
        UsageError: If it is not an int64.
    """
    if text is None:
        return None
    if len(text) > 40 or int(text) > LARGEST:
        raise UsageError(f"Failed to convert version: {text[:40]} to numeric.")
    return int(text)
