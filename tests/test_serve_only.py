"""A machine that only serves: one documented command in a fresh virtual environment, then five models answer."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from served import Served, write_classifier

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parent.parent
IMAGE = np.linspace(0, 1, 12, dtype="float32").reshape(4, 3, 1).tolist()


def test_the_documented_command_installs_all_that_serving_needs(tmp_path):
    command = re.search(r"^pip install --no-deps .*$", (ROOT / "docs/serving.md").read_text(), re.MULTILINE)[0]
    source = tmp_path / "source"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in tracked:
        if name and not name.startswith(("tests/", "docs/")) and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    environment = {**os.environ, "PATH": f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}"}
    subprocess.run(command, shell=True, cwd=source, env=environment, check=True)
    for number in range(5):
        write_classifier(tmp_path / "models" / f"network_{number}" / "1", seed=number)
    server = Served(tmp_path / "models", "--grpc-port", "0", python=tmp_path / "venv/bin/python")
    answers = [server.predict({"instances": [IMAGE]}, f"network_{number}") for number in range(5)]
    assert [code for code, _ in answers] == [200] * 5 and len({str(answer) for _, answer in answers}) == 5
    loaded = "import importlib.util as u; print([m for m in ('keras', 'tensorflow', 'jax', 'torch') if u.find_spec(m)])"
    found = subprocess.run([tmp_path / "venv/bin/python", "-c", loaded], capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout == "[]\n" and server.end() == 0
