"""The application as two replicas of Ray Serve, in processes of their own."""

import json
import subprocess
import sys

import numpy as np
import pytest
from served import write_classifier

from zoo.engines import open_engine

pytestmark = pytest.mark.slow

# A program of its own: Ray starts a cluster, and ends it with the program.
PROGRAM = """
import concurrent.futures, json, random, socket, sys, urllib.request
import ray
from ray import serve
from zoo.serve.ray import deployment

def is_free(port):
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True

# Below those that the system hands out to anybody: Ray opens its port seconds later.
port = next(port for port in random.sample(range(20000, 30000), 100) if is_free(port))
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
serve.start(http_options={"port": port})
serve.run(deployment({"folder": sys.argv[1], "replicas": "2"}))
replicas = serve.status().applications["default"].deployments["zoo"].replica_states

def post(body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models/tiny:predict", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)

bodies = [{"instances": [image]} for image in json.load(sys.stdin)]
with concurrent.futures.ThreadPoolExecutor(8) as clients:
    answers = list(clients.map(post, bodies))
print(json.dumps([{str(key): count for key, count in replicas.items()}, answers, post({"instances": [1]})]))
serve.shutdown()
"""


def test_two_replicas_answer_as_one_process_does(tmp_path):
    pytest.importorskip("ray", reason="needs the extra `ray`")
    write_classifier(tmp_path / "models/tiny/1")
    images = np.random.default_rng(0).random((24, 4, 3, 1), "float32")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "models")]
    done = subprocess.run(command, input=json.dumps(images.tolist()), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("[{"))  # Ray says something, too
    replicas, answers, refused = json.loads(told)
    assert sum(replicas.values()) == 2, replicas
    right = open_engine(tmp_path / "models/tiny/1/model.tflite").run("serving_default", {"image": images})
    assert [status for status, _ in answers] == [200] * len(images)
    given = [answer["predictions"][0]["probabilities"] for _, answer in answers]
    np.testing.assert_allclose(given, right["probabilities"], atol=1e-6)
    assert refused[0] == 400 and "image" in refused[1]["error"]
