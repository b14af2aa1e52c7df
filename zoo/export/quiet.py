"""Keeps the notes of converters off the screen, and has them at hand where something fails."""

import contextlib
import os
import sys
import tempfile
import warnings


@contextlib.contextmanager
def quiet():
    """Turns away what is written to standard output and standard error, by Python and by C++ alike.

    Yields:
        A function without arguments that gives the text written so far.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        screens = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        for descriptor in screens:
            os.dup2(file.fileno(), descriptor)

        def written():
            sys.stdout.flush()
            sys.stderr.flush()
            return os.pread(file.fileno(), 10_000_000, 0).decode(errors="replace")

        try:
            yield written
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, screen in screens.items():
                os.dup2(screen, descriptor)
                os.close(screen)
