import functools
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import uuid

import filelock
import pytest
from processes import descendants, end, started_in

from zoo import cli
from zoo.engines import SAVED_MODEL

# Nothing that reads these is imported yet.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
WORKER = "PYTEST_XDIST_WORKER" in os.environ
if WORKER:  # there are as many as cores
    for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
# Everything that the tests start inherits it.
RUN = os.environ.setdefault("ZOO_TEST_RUN", uuid.uuid4().hex)
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
    end(descendants(os.getpid()))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """The same for what a worker of pytest-xdist left that was ended because a test hung."""
    if not WORKER:
        end(started_in(f"ZOO_TEST_RUN={RUN}") - {os.getpid()})


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """The function from a name and `make(folder)`, which fills a new folder, to that folder: the same one for all workers."""
    common = tmp_path_factory.getbasetemp()
    if WORKER:
        common = common.parent  # its own one is a folder in that of the run

    def find(name, make):
        folder, unfinished = common / "made" / name, common / "unfinished" / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{folder}.lock"):
            if not folder.exists():
                shutil.rmtree(unfinished, ignore_errors=True)  # of a maker that failed
                unfinished.mkdir(parents=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return find


@pytest.fixture(scope="session")
def warm_engines(tmp_path_factory):
    """In place of `zoo.export.check.run_engines`: the process that runs a SavedModel has TensorFlow from the start."""
    from zoo.export.check import run_engines as fresh

    folder, pipe = tmp_path_factory.mktemp("warm"), subprocess.PIPE
    command = [sys.executable, pathlib.Path(__file__).with_name("warm.py")]
    # One thread before the fork.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment) as process:

        def run(path, *arguments):
            if pathlib.Path(path).name != SAVED_MODEL:
                return fresh(path, *arguments)
            said = folder / uuid.uuid4().hex
            command = [str(pathlib.Path(path).resolve()), *map(str, arguments)]  # it has another working directory
            process.stdin.write(json.dumps([command, str(said)]) + "\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            return subprocess.CompletedProcess(arguments, code, "", said.read_text())

        yield run
        process.stdin.close()


@pytest.fixture(scope="session")
def sets_read_once():
    """Each process reads a prepared set once: MNIST takes seven seconds, and most networks are of it."""
    from zoo.data import tfds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds, "load_classified", functools.cache(tfds.load_classified))
        yield


@pytest.fixture(scope="session")
def packaged_export(made_once, data_folder, sets_read_once, warm_engines):
    """The function from the name of a packaged network to a folder with version 1 of it in `saved_models`, in every format."""
    from zoo.export.network import export_network

    def make(name, folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("ZOO_DATA_DIR", str(data_folder))
            patch.setattr("zoo.export.check.run_engines", warm_engines)
            patch.chdir(folder)
            export_network(name)

    return lambda name: made_once(f"export of {name}", functools.partial(make, name))


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
