import os
import pathlib
import shlex
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from zoo import cli

DATA_FOLDER = os.environ.get("ZOO_DATA_DIR") and pathlib.Path(os.environ["ZOO_DATA_DIR"]).resolve()


@pytest.fixture(scope="session")
def data_folder():
    """The folder of the real data; the tests marked `real` need it."""
    if DATA_FOLDER is None:
        pytest.fail("tests marked `real` need ZOO_DATA_DIR to name the folder of the prepared data sets")
    return DATA_FOLDER


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
