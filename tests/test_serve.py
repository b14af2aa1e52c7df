"""The server over HTTP: TensorFlow Serving's documented behaviour, what is refused, batches, versions, operation."""

import base64
import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from served import MAIN, PATIENCE, Served, clients, wait_for, write_certificate, write_classifier

from zoo.engines import open_engine

pytestmark = pytest.mark.slow

IMAGE = np.linspace(0, 1, 12, dtype="float32").reshape(4, 3, 1).tolist()


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Two versions that answer differently, in a folder each."""
    folder = tmp_path_factory.mktemp("exports")
    return [write_classifier(folder / str(seed) / "tiny" / str(seed), seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def engine(exports):
    return open_engine(exports[0] / "model.tflite")


@pytest.fixture(scope="module")
def served(exports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(exports[0], folder / "tiny" / "1")
    server = Served(folder)
    yield server
    assert server.end() == 0


def expected(engine, images):
    return engine.run("serving_default", {"image": np.asarray(images, "float32")})


# Rows of https://www.tensorflow.org/tfx/serving/api_rest, by the heading under which the behaviour is documented. The shape of an
# answer is given as the document gives it: names, and lists for lists.
API = "/v1/models/tiny"
CONFORMANCE = [
    ("Model status API", "GET", API, None, 200, {"model_version_status": [{"version": "1", "state": "AVAILABLE", "status": {}}]}),
    ("Model status API, version", "GET", f"{API}/versions/1", None, 200, {"model_version_status": [{"version": "1"}]}),
    ("Model Metadata API", "GET", f"{API}/metadata", None, 200, {"model_spec": {"name": "tiny", "version": "1"}, "metadata": {}}),
    ("Model Metadata API, version", "GET", f"{API}/versions/1/metadata", None, 200, {"metadata": {"signature_def": {}}}),
    ("Predict API, row format, values", "POST", f"{API}:predict", {"instances": [IMAGE]}, 200, {"predictions": [{"label": 0}]}),
    ("Predict API, row format, objects", "POST", f"{API}:predict", {"instances": [{"image": IMAGE}]}, 200, {"predictions": [{}]}),
    ("Predict API, column format, value", "POST", f"{API}:predict", {"inputs": [IMAGE]}, 200, {"outputs": {"label": [0]}}),
    ("Predict API, column format, object", "POST", f"{API}:predict", {"inputs": {"image": [IMAGE]}}, 200, {"outputs": {}}),
    (
        "Predict API, one output: names are left out, row format",
        "POST",
        f"{API}:predict",
        {"signature_name": "twice", "instances": [3, 4]},
        200,
        {"predictions": [6, 8]},
    ),
    (
        "Predict API, one output, column format",
        "POST",
        f"{API}:predict",
        {"signature_name": "twice", "inputs": [3, 4]},
        200,
        {"outputs": [6, 8]},
    ),
    (
        "Predict API, one output, named input, column format",
        "POST",
        f"{API}:predict",
        {"signature_name": "twice", "inputs": {"number": [3]}},
        200,
        {"outputs": [6]},
    ),
    ("Predict API, version", "POST", f"{API}/versions/1:predict", {"instances": [IMAGE]}, 200, {"predictions": [{}]}),
    (
        "Classify API",
        "POST",
        f"{API}:classify",
        {"signature_name": "serving_default", "examples": [{"image": [0.5] * 12}] * 2},
        200,
        {"results": [[[]]]},
    ),
    (
        "Classify API, context",
        "POST",
        f"{API}:classify",
        {"context": {"image": [0.5] * 12}, "examples": [{}]},
        200,
        {"results": [[[]]]},
    ),
    ("Regress API of a model without it", "POST", f"{API}:regress", {"examples": [{"image": [0.5] * 12}]}, 400, {"error": ""}),
    ("Errors: unknown model", "POST", "/v1/models/none:predict", {"instances": [1]}, 404, {"error": ""}),
    ("Errors: unknown version", "POST", f"{API}/versions/9:predict", {"instances": [1]}, 404, {"error": ""}),
    ("Errors: unknown label", "POST", f"{API}/labels/stable:predict", {"instances": [1]}, 400, {"error": ""}),
    ("Errors: status of an unknown model", "GET", "/v1/models/none", None, 404, {"error": ""}),
    ("Errors: unknown signature", "POST", f"{API}:predict", {"signature_name": "x", "instances": [1]}, 400, {"error": ""}),
    ("Errors: no JSON", "POST", f"{API}:predict", "{", 400, {"error": ""}),
    ("Errors: neither inputs nor instances", "POST", f"{API}:predict", {}, 400, {"error": ""}),
    ("Errors: both", "POST", f"{API}:predict", {"inputs": [IMAGE], "instances": [IMAGE]}, 400, {"error": ""}),
    ("Errors: a path that is none of these", "GET", "/v1/anything", None, 400, {"error": ""}),
    ("Errors: a method that is none of these", "POST", f"{API}:explain", {}, 400, {"error": ""}),
    ("Errors: another verb", "DELETE", API, None, 400, {"error": ""}),
    ("Errors: no model name", "GET", "/v1/models", None, 400, {"error": ""}),
]


def has_form(answer, form):
    """Whether an answer has the names and types of a form; an empty list or object stands for any."""
    if isinstance(form, dict):
        return isinstance(answer, dict) and all(key in answer and has_form(answer[key], value) for key, value in form.items())
    if isinstance(form, list):
        return isinstance(answer, list) and all(has_form(one, form[0]) for one in answer) if form else isinstance(answer, list)
    return type(answer) is type(form) and (not isinstance(form, str) or form in answer)


@pytest.mark.parametrize(
    ("heading", "method", "path", "body", "status", "form"), CONFORMANCE, ids=[row[0] for row in CONFORMANCE]
)
def test_it_answers_as_tensorflow_serving_does(served, heading, method, path, body, status, form):
    code, answer = served(method, path, body)
    assert code == status, answer
    assert has_form(answer, form) and (status == 200 or set(answer) == {"error"}), answer


def test_the_numbers_are_the_engines(served, engine):
    images = np.random.default_rng(0).random((5, 4, 3, 1), "float32")
    right = expected(engine, images)
    code, rows = served.predict({"instances": images.tolist()})
    assert code == 200 and [row["label"] for row in rows["predictions"]] == right["label"].tolist()
    got = np.array([row["probabilities"] for row in rows["predictions"]], "float32")
    np.testing.assert_array_equal(got, right["probabilities"])
    code, columns = served.predict({"inputs": {"image": images.tolist()}})
    np.testing.assert_array_equal(np.array(columns["outputs"]["probabilities"], "float32"), right["probabilities"])
    code, results = served("POST", f"{API}:classify", {"examples": [{"image": image.ravel().tolist()} for image in images]})
    scores = np.array([[score for _, score in row] for row in results["results"]], "float32")
    np.testing.assert_array_equal(scores, right["probabilities"])
    assert [name for name, _ in results["results"][0]] == ["nought", "one", "two"]


def test_arrays_go_as_they_are(served, engine):
    images = np.random.default_rng(1).random((40, 4, 3, 1), "float32")  # more than one batch
    body = io.BytesIO()
    np.save(body, images)
    code, answer = served.predict(body.getvalue(), **{"Content-Type": "application/x-npy", "Accept": "application/x-npy"})
    assert code == 200
    first = next(iter(engine.signatures["serving_default"][1]))
    np.testing.assert_array_equal(np.load(io.BytesIO(answer)), expected(engine, images)[first])


# What is refused: (body, what the message names).
IMAGES = {"instances": [IMAGE]}
REFUSED = [
    ({"instances": [[1, 2]]}, "image"),
    ({"instances": [IMAGE, IMAGE[:2]]}, "image"),
    ({"instances": [[IMAGE]]}, "image"),
    ({"instances": 3}, "instances"),
    ({"instances": []}, "instances"),
    ({"instances": [None]}, "image"),
    ({"instances": ["seven"]}, "image"),
    ({"instances": [[[["a"]] * 3] * 4]}, "image"),
    ({"instances": [[[[True]] * 3] * 4]}, "image"),
    ({"instances": [[[[2.0]] * 3] * 4]}, "image"),
    ({"instances": [[[[-0.1]] * 3] * 4]}, "image"),
    ({"instances": [[[[1e300]] * 3] * 4]}, "image"),
    ({"instances": [{"picture": IMAGE}]}, "image"),
    ({"instances": [{"image": IMAGE, "more": 1}]}, "more"),
    ({"instances": [{"image": IMAGE}, IMAGE]}, "instances"),
    ({"instances": [{"b64": "AAAA"}]}, "image"),
    ({"inputs": {"image": IMAGE}}, "image"),
    ({"inputs": {"image": []}}, "image"),
    ({"inputs": {}}, "image"),
    ({"inputs": None}, "image"),
    ({"signature_name": 3, "instances": [IMAGE]}, "signature_name"),
    ({"signature_name": "twice", "instances": [1.5]}, "number"),
    ({"signature_name": "twice", "instances": [2**40]}, "number"),
    ({"signature_name": "twice", "instances": [2**70]}, "number"),
    ({"signature_name": "twice", "instances": [-6]}, "number"),
    ({"signature_name": "twice", "instances": [[1]]}, "number"),
    (json.dumps({"instances": [[[[float("nan")]] * 3] * 4]}), "`image` holds NaN"),
    (json.dumps({"instances": [[[[float("-inf")]] * 3] * 4]}), "`image` holds NaN or infinity"),
    ('{"instances": [[[[Nan]]]]}', "JSON"),
    ({"instances": [[[[True], [0.5], [0.5]]] * 4]}, "true"),
    ({"instances": [[[[0.5], [False], [0.5]]] * 4]}, "false"),
    ({"instances": [{"image": [[[0], [1], [True]]] * 4}]}, "true"),
    ({"inputs": {"image": [[[[0.5], [True], [0.5]]] * 4]}}, "true"),
    ({"instances": [[[[2**24]] * 3] * 4]}, "would round"),
    ({"inputs": {"picture": [IMAGE]}}, "Missing named input: image"),
    ("", "JSON"),
    ("[]", "JSON"),
    ("{", "JSON"),
    ('{"instances": ' + "[" * 5000 + "]" * 5000 + "}", ""),
    (b"\xff\xfe", "JSON"),
]


@pytest.mark.parametrize(("body", "names"), REFUSED, ids=[str(body)[:40] for body, _ in REFUSED])
def test_what_does_not_keep_the_contract_is_refused_with_its_name(served, body, names):
    code, answer = served.predict(body)
    assert code == 400 and set(answer) == {"error"} and names in answer["error"] and "\n" not in answer["error"], answer


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/models/tiny/versions/99999999999999999999999:predict", 400),
        ("POST", "/v1/models/../../etc/passwd:predict", 400),
        ("POST", "/v1/models/..%2f..%2fetc%2fpasswd:predict", 404),
        ("POST", "/v1/models/..:predict", 404),
        ("GET", "/page/../version.py", 404),
        ("GET", "/page/%2e%2e%2fversion.py", 404),
        ("GET", "/page/..%5cversion.py", 404),
        ("GET", "/v1/models/tiny%00", 404),
        ("GET", "/v1/models/" + "a" * 5000, 404),
        ("TRACE", "/v1/models/tiny", 400),
    ],
)
def test_no_path_leads_anywhere_else(served, method, path, status):
    code, answer = served(method, path, "{}" if method == "POST" else None)
    assert code == status and b"import" not in (answer if isinstance(answer, bytes) else json.dumps(answer).encode())


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["image", "b64", "number", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@hypothesis.settings(max_examples=1500, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(
    content=st.dictionaries(st.sampled_from(["instances", "inputs", "signature_name", "examples", "context"]), JSONS, max_size=3),
    method=st.sampled_from(["predict", "classify", "regress"]),
)
def test_any_json_is_answered_or_refused(served, content, method):
    code, answer = served("POST", f"{API}:{method}", json.dumps(content))
    assert code == 400 and set(answer) == {"error"} or code == 200 and _is_right(content, answer), (code, answer)


def _is_right(content, answer):
    """By chance a made-up request can be right: only whole numbers in range, to `twice`."""
    return content.get("signature_name") == "twice" and "error" not in answer


@hypothesis.settings(max_examples=500, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(body=st.binary(max_size=200), kind=st.sampled_from(["application/json", "application/x-npy", "image/png", "x"]))
def test_any_bytes_are_refused(served, body, kind):
    code, answer = served.predict(body, **{"Content-Type": kind})
    assert code == 400 and set(answer) == {"error"}


def test_a_large_body_is_refused_before_it_is_read(served):
    before = served.memory()
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(f"POST {API}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {10**8}\r\n\r\n".encode())
        assert b" 413 " in raw.recv(200)
    chunks = (b" " * 2**20 for _ in range(40))
    with contextlib.suppress(ConnectionError):  # the server may close while the body is still on its way
        served.connection.request("POST", f"{API}:predict", chunks, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        answer = served.connection.getresponse()
        assert answer.status == 413
        answer.read()
    served.connection.close()
    assert served.memory() < before + 60


def test_a_slow_client_is_given_up(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny" / "1")
    server = Served(tmp_path, "--timeout", "1s")
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"POST {API}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        began = time.monotonic()
        assert b" 504 " in raw.recv(300) and 0.5 < time.monotonic() - began < 5
    assert server("GET", "/readyz")[0] == 200 and server.end() == 0


def test_a_key_is_needed_where_there_is_one(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "models/tiny/1")
    (tmp_path / "key").write_text("correct-horse-battery\n")
    server = Served(tmp_path / "models", "--api-key-file", str(tmp_path / "key"))
    assert server.predict(IMAGES)[0] == 401
    assert server.predict(IMAGES, Authorization="Bearer wrong")[0] == 401
    assert server.predict(IMAGES, Authorization="Bearer correct-horse-battery")[0] == 200
    assert server("GET", "/livez")[0] == 200 and server.end() == 0


def test_health_and_metrics(served):
    assert served("GET", "/livez")[0] == 200 and served("GET", "/readyz") == (200, b"ready\n")
    served.predict(IMAGES)
    served.predict({})
    code, text = served("GET", "/metrics")
    assert code == 200
    lines = dict(line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    assert float(lines['zoo_requests_total{code="200",method="predict",model="tiny"}']) >= 1
    assert float(lines['zoo_requests_total{code="400",method="predict",model="tiny"}']) >= 1
    assert lines['zoo_version_state{model="tiny",state="AVAILABLE",version="1"}'] == "1.0"
    assert float(lines['zoo_batch_rows_count{model="tiny"}']) >= 1
    served("POST", "/v1/models/made-up-name:predict", {})
    assert b"made-up-name" not in served("GET", "/metrics")[1], "clients cannot fill the memory with names"


def test_versions_come_and_go_without_a_failed_request(exports, tmp_path):
    """Under load version 2 takes over from 1; a broken 3 and a damaged 4 are refused, and 2 goes on."""
    models, outside = tmp_path / "models/tiny", tmp_path / "outside"
    shutil.copytree(exports[0], models / "1")
    server = Served(tmp_path / "models")
    answers = []

    def client(stop):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        while not stop.is_set():
            connection.request("POST", f"{API}:predict", json.dumps(IMAGES))
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))

    states = lambda: {one["version"]: one for one in server("GET", API)[1]["model_version_status"]}  # noqa: E731
    with clients(4, client):
        shutil.copytree(exports[1], outside / "2")
        (outside / "2").rename(models / "2")
        wait_for(lambda: states().get("1", {}).get("state") == "END" and states()["2"]["state"] == "AVAILABLE")
        shutil.copytree(exports[1], outside / "3")
        golden = json.loads((outside / "3/golden.json").read_text())
        golden[0]["outputs"]["probabilities"]["value"][0][0] += 0.1
        (outside / "3/golden.json").write_text(json.dumps(golden))
        (outside / "3").rename(models / "3")
        shutil.copytree(exports[1], outside / "4")
        (outside / "4/model.tflite").write_bytes(b"TFL3 is not a model")
        (outside / "4").rename(models / "4")
        wait_for(lambda: states().get("4", {}).get("state") == "END" and states().get("3", {}).get("state") == "END")
    final = states()
    assert final["2"]["state"] == "AVAILABLE"
    assert "otherwise in `probabilities`" in final["3"]["status"]["error_message"]
    assert "cannot be opened" in final["4"]["status"]["error_message"]
    assert {status for status, _ in answers} == {200}
    assert len({content for _, content in answers}) == 2, "one answer for each version, and no other"
    assert server("GET", "/readyz")[0] == 200 and server.end() == 0
    again = Served(tmp_path / "models")
    assert again.predict(IMAGES)[0] == 200, "a server that begins with broken new versions serves the newest that works"
    states = {one["version"]: one["state"] for one in again("GET", API)[1]["model_version_status"]}
    assert states == {"2": "AVAILABLE", "3": "END", "4": "END"} and again.end() == 0


def test_overload_is_refused_at_once_and_passes(exports, tmp_path):
    """A queue of fifty rows, run one by one, and forty clients with a hundred rows each: most are told to come back."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--max-batch", "1", "--max-waiting", "50", "--threads", "1")
    body = json.dumps({"instances": [IMAGE] * 100})
    code, alone = server.predict(body)
    assert code == 200
    seen = []

    def client(stop):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        while not stop.is_set():
            connection.request("POST", f"{API}:predict", body)
            answer = connection.getresponse()
            seen.append((answer.status, answer.headers.get("retry-after"), json.loads(answer.read())))

    with clients(40, client):
        time.sleep(4)
    accepted = [one for one in seen if one[0] == 200]
    refused = [one for one in seen if one[0] == 429]
    assert accepted and refused and len(accepted) + len(refused) == len(seen)
    assert all(content == alone for _, _, content in accepted)
    assert all(after == "1" and "queue is full" in content["error"] for _, after, content in refused)
    assert server.predict(body) == (200, alone)
    assert server.end() == 0


def test_a_killed_worker_is_replaced_and_no_answer_is_wrong(exports, engine, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--workers", "2")
    right = expected(engine, [IMAGE])["probabilities"][0]
    seen = []
    for round in range(3):
        workers = wait_for(lambda: (found := server.workers()) and len(found) == 2 and found)
        wait_for(lambda: ready(server) == 200)
        os.kill(workers[round % 2], signal.SIGKILL)
        unready = False
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            unready = unready or ready(server) != 200
            with contextlib.suppress(http.client.HTTPException, ConnectionError):
                code, answer = server.predict(IMAGES)
                seen.append(code)
                assert code == 200
                np.testing.assert_allclose(answer["predictions"][0]["probabilities"], right, atol=1e-6)
            if unready and ready(server) == 200:
                break
        assert unready
    assert seen and server.end() == 0


def ready(server):
    """The status of /readyz over a connection of its own, or None."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except (http.client.HTTPException, OSError):
        return None
    finally:
        connection.close()


def test_it_ends_in_order(exports, tmp_path):
    """What is on its way is answered, and the exit code is 0; a parent that is killed takes its workers along."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        body = json.dumps(IMAGES).encode()
        raw.sendall(f"POST {API}:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        wait_for(lambda: server("GET", "/livez")[0] == 200)
        server.connection.close()
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: ready(server) != 200)
        raw.sendall(body[10:])
        assert b" 200 " in raw.recv(300)
    assert server.process.wait(PATIENCE) == 0
    server = Served(tmp_path)
    workers = server.workers()
    server.process.kill()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{worker}").exists() for worker in workers))


def test_tls(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "models/tiny/1")
    certificate, key = write_certificate(tmp_path)
    server = Served(tmp_path / "models", "--certificate", str(certificate), "--private-key", str(key))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        server.predict(IMAGES)
    trusting = ssl.create_default_context(cafile=certificate)
    server.connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=PATIENCE, context=trusting)
    assert server.predict(IMAGES)[0] == 200
    server.connection.close()
    server.connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        server.predict(IMAGES)
    assert server.end() == 0


def test_a_worker_that_hangs_does_not_keep_the_server_from_its_end(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--drain", "1s")
    (worker,) = server.workers()
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    assert server.end() == 0 and time.monotonic() - began < 30
    wait_for(lambda: not pathlib.Path(f"/proc/{worker}").exists())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "cannot be read"),
        (["empty"], "holds no exported model"),
        (["broken"], "holds no exported file"),
        (["models", "--engine", "tensorflow"], "expected litert, onnx, saved_model"),
        (["models", "--engine", "onnx"], "holds no model.onnx"),
        (["models", "--port", "PORT"], "Address already in use"),
        (["models", "--workers", "0"], "--workers 0"),
        (["models", "--certificate", "x"], "TLS needs both"),
        (["models", "--certificate", "x", "--private-key", "y"], "are no certificate and its key"),
        (["models", "--api-key-file", "none"], "cannot be read"),
        (["models", "--timeout", "soon"], "got --timeout soon"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(exports, tmp_path, monkeypatch, options, message):
    shutil.copytree(exports[0], tmp_path / "models/tiny/1")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken/tiny/1").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = [str(taken.getsockname()[1]) if option == "PORT" else option for option in options]
        if "--port" not in options:
            options += ["--port", "0"]
        command = [sys.executable, "-c", MAIN, "serve", *options, "--grpc-port", "-1"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE)
    errors = [line for line in done.stderr.splitlines() if line.startswith("zoo: ")]
    assert done.returncode == 2 and len(errors) == 1 and message in errors[0], done.stderr


def test_one_bad_model_does_not_stop_the_others(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    (tmp_path / "broken/1").mkdir(parents=True)
    server = Served(tmp_path)
    assert server.predict(IMAGES)[0] == 200
    code, answer = server("GET", "/v1/models/broken")
    assert code == 200 and "holds no exported file" in answer["model_version_status"][0]["status"]["error_message"]
    assert server("GET", "/readyz")[0] == 503, "a model that never served is not a reason to send requests here"
    assert server.end() == 0


def test_it_serves_where_nothing_is_installed_that_trains(exports, engine, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    absent = ("tensorflow", "keras", "keras_tuner", "sklearn", "tensorflow_datasets", "onnx", "tf2onnx", "babel")
    server = Served(tmp_path, "--grpc-port", "0", main=f"import sys; sys.modules.update(dict.fromkeys({absent})); {MAIN}")
    code, answer = server.predict(IMAGES)
    assert code == 200
    right = expected(engine, [IMAGE])["probabilities"][0]
    np.testing.assert_allclose(answer["predictions"][0]["probabilities"], right, atol=1e-6)
    assert server.memory() < 200 and server.end() == 0


def test_a_file_of_a_fixed_batch_is_filled_up_and_split(engine, tmp_path):
    write_classifier(tmp_path / "tiny/1", seed=1, batch=4)
    server = Served(tmp_path)
    for rows in (1, 3, 4, 6, 9):
        images = np.random.default_rng(rows).random((rows, 4, 3, 1), "float32")
        code, answer = server.predict({"inputs": {"image": images.tolist()}})
        assert code == 200 and len(answer["outputs"]["label"]) == rows
        np.testing.assert_allclose(answer["outputs"]["probabilities"], expected(engine, images)["probabilities"], atol=1e-6)
    assert server.end() == 0


def test_pictures_and_base64_need_a_signature_of_bytes(served):
    code, answer = served.predict(b"\x89PNG", **{"Content-Type": "image/png"})
    assert code == 400 and "classify_bytes" in answer["error"]
    code, answer = served.predict({"instances": [{"b64": base64.b64encode(b"x").decode()}]})
    assert code == 400 and "image" in answer["error"]
