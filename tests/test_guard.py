"""A test that hangs ends the whole run, says where every thread was, and leaves nothing behind that holds the terminal."""

import os
import pathlib
import subprocess
import sys

import pytest
from processes import started_in

pytestmark = pytest.mark.slow

HANGING = """
import subprocess, sys, threading

def wait_in_a_thread():
    threading.Event().wait()

def test_that_passes():
    pass

def test_that_hangs():
    # Of a session of its own, and with the standard output of the tests.
    subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"], start_new_session=True)
    threading.Thread(target=wait_in_a_thread, daemon=True).start()
    threading.Event().wait()
"""


def test_a_hanging_test_ends_the_run_with_the_stack_of_every_thread(tmp_path):
    (tmp_path / "test_hanging.py").write_text(HANGING)
    tests, run = pathlib.Path(__file__).parent, f"guard-{os.getpid()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"ZOO_TEST_RUN": run, "PYTHONPATH": str(tests)}
    command = [sys.executable, "-m", "pytest", "-c", str(tests.parent / "setup.cfg"), "-p", "conftest", "-n", "2"]
    command += ["-o", "faulthandler_timeout=1", "--basetemp", str(tmp_path / "temporary"), str(tmp_path / "test_hanging.py")]
    # It returns when nobody holds standard output and standard error any more.
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert all(line in done.stderr for line in ("Timeout", "in test_that_hangs", "in wait_in_a_thread")), done.stderr
    assert "crashed while running" in done.stdout and "1 failed, 1 passed in" in done.stdout.splitlines()[-1], done.stdout
    assert not started_in(f"ZOO_TEST_RUN={run}")
