import contextlib
import os
import pathlib
import shlex
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from processes import descendants

from zoo import cli

DATA_FOLDER = os.environ.get("ZOO_DATA_DIR") and pathlib.Path(os.environ["ZOO_DATA_DIR"]).resolve()


@pytest.fixture(scope="session")
def data_folder():
    """The folder of the real data; the tests marked `real` need it."""
    if DATA_FOLDER is None:
        pytest.fail("tests marked `real` need ZOO_DATA_DIR to name the folder of the prepared data sets")
    return DATA_FOLDER


@pytest.fixture(scope="session", autouse=True)
def no_process_outlives_the_tests():
    """Ends what a failed test left running: it would hold the terminal, and with it whoever waits for the tests."""
    yield
    for pid in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def zoo(monkeypatch, capsys):
    """Runs a command line in this process and gives (exit code, standard output, standard error)."""

    def run(command):
        monkeypatch.setattr(sys, "argv", ["zoo", *shlex.split(command)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        return code, *capsys.readouterr()

    return run
