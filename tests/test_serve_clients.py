"""What clients and operators do to a server: offers of other protocols, packed bodies, pages elsewhere, half-copied folders."""

import asyncio
import contextlib
import gzip
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib

import grpc
import keras
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image
from served import MAIN, PATIENCE, Served, clients, wait_for, write_classifier

from zoo import export
from zoo.data.contract import Field
from zoo.errors import UsageError
from zoo.serve import jsons, messages
from zoo.serve.adapters import MOST_PIXELS, MOST_TRANSPARENT_PIXELS, check_picture, token_numbers, vocabulary
from zoo.serve.batching import Batcher
from zoo.serve.bodies import Held, read_npy
from zoo.serve.models import Model, Models
from zoo.serve.rest import _Events
from zoo.serve.server import Options, make_models
from zoo.serve.short import Short
from zoo.serve.signature import Signature
from zoo.serve.version import Version

pytestmark = pytest.mark.slow

IMAGE = np.linspace(0, 1, 12, dtype="float32").reshape(4, 3, 1).tolist()
IMAGES = {"instances": [IMAGE]}
API = "/v1/models/tiny"
BODY = json.dumps(IMAGES).encode()


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    """Two versions that answer differently, in a folder each."""
    folder = tmp_path_factory.mktemp("exports")
    return [write_classifier(folder / str(seed) / "tiny" / str(seed), seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def served(exports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(exports[0], folder / "tiny" / "1")
    server = Served(folder, "--grpc-port", "0", "--cors", "https://page.example", "--cors", "http://localhost:3000")
    yield server
    assert server.end() == 0


@pytest.fixture(scope="module")
def right(served):
    """The answer to `IMAGES`."""
    code, answer = served.predict(IMAGES)
    assert code == 200
    return answer


def grpc_address(server):
    return next(line.rpartition(" ")[2] for line in server.lines if "gRPC at" in line)


def raw_answer(server, request):
    """(status, body) of a request given as bytes, over a connection of its own."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as raw:
        raw.sendall(request)
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        return answer.status, answer.read()


def versions(server, model="tiny"):
    """{version: (state, message)}."""
    code, answer = server("GET", f"/v1/models/{model}")
    every = answer["model_version_status"] if code == 200 else []
    return {one["version"]: (one["state"], one["status"]["error_message"]) for one in every}


# The connection


UPGRADES = {
    "h2c, as Java's HttpClient": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "close": b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n",
}


@pytest.mark.parametrize("offer", UPGRADES)
def test_an_offered_upgrade_is_ignored_and_the_connection_lives_on(served, right, offer):
    head = b"POST " + API.encode() + b":predict HTTP/1.1\r\nHost: x\r\n" + UPGRADES[offer]
    chunked = b"%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (head, len(BODY), BODY)
    whole = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(BODY), BODY)
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as raw:
        for request in [whole] if offer == "close" else [whole, chunked, whole]:
            for start in range(0, len(request), 100):  # in pieces, as networks do
                raw.sendall(request[start : start + 100])
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            assert answer.status == 200 and json.loads(answer.read()) == right
        if offer == "close":
            assert raw.recv(1) == b""


def test_a_request_to_connect_is_refused(served):
    assert raw_answer(served, b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 400


LONG = 2**22
LONG_HEADS = {
    "one header": b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * LONG,
    "many headers": b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X: aaaa\r\n" * (LONG // 9) + b"\r\n",
    "the path": b"GET /" + b"a" * LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a name": b"GET /livez HTTP/1.1\r\n" + b"X" * LONG,
    "trailers": b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"a" * LONG,
}


@pytest.mark.parametrize("case", LONG_HEADS)
def test_a_head_is_bounded(served, case):
    before = served.memory()
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as raw:
        with contextlib.suppress(ConnectionError):
            raw.sendall(LONG_HEADS[case])
        with contextlib.suppress(ConnectionError):
            answer = raw.recv(200)
            assert not answer or b" 431 " in answer
            assert raw.recv(200) == b"" or case == "trailers"
    assert served("GET", "/livez")[0] == 200 and served.memory() < before + 10


def test_a_head_of_a_usual_size_is_read(served):
    assert served("GET", "/livez", None, {f"X-{number}": "a" * 1000 for number in range(50)})[0] == 200


def test_requests_that_come_together_are_answered_in_order(served, right):
    """Three in one piece, a wrong one and one of another kind among them, and the end of the connection."""
    ask = b"POST " + API.encode() + b":predict HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s"
    whole, wrong, last = ask % (b"", len(BODY), BODY), ask % (b"", 1, b"{"), ask % (b"Connection: close\r\n", len(BODY), BODY)
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as raw:
        raw.sendall(whole + wrong + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + whole + last)
        file, answers = raw.makefile("rb"), []
        for _ in range(5):
            status = int(file.readline().split()[1])
            head = dict(line.lower().strip().split(b": ", 1) for line in iter(file.readline, b"\r\n"))
            answers.append((status, file.read(int(head[b"content-length"]))))
        assert file.read() == b""
    assert [status for status, _ in answers] == [200, 400, 200, 200, 200] and answers[2][1] == b"alive\n"
    assert [json.loads(answers[i][1]) for i in (0, 3, 4)] == [right] * 3


def test_a_client_that_leaves_or_waits_too_long_holds_nothing(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    models = make_models([Model("tiny", tmp_path / "tiny")], Options(poll=60.0))
    models.start()
    version, held, told = models.find("tiny"), Held(10**6), []
    scope = {"method": "POST", "path": f"{API}:predict"}

    async def ask():
        short = Short(models, None, held, 0.2)
        call_off = short.ask(1, scope, BODY, lambda *answer: told.append(answer))
        assert version._users == 1 and held._bytes > len(BODY)
        call_off()
        assert version._users == held._bytes == 0
        short.ask(2, scope, BODY, lambda *answer: told.append(answer))
        while not told:
            await asyncio.sleep(0.01)
        version.batcher._slots.release()
        Short(models, None, held, PATIENCE).ask(3, scope, BODY, lambda *answer: told.append(answer))
        while len(told) < 2:
            await asyncio.sleep(0.01)

    version.batcher._slots.acquire()  # the engine waits, as if another model had all cores
    asyncio.run(ask())
    assert [code for code, _ in told] == [504, 200] and version._users == held._bytes == 0
    models.stop()


# The body


def packed(content):
    """Ways to pack a body that are all gzip."""
    compressor = zlib.compressobj(wbits=31)
    return {
        "whole": gzip.compress(content),
        "in two members": gzip.compress(content[:9]) + gzip.compress(content[9:]),
        "flushed": compressor.compress(content[:20]) + compressor.flush(zlib.Z_SYNC_FLUSH) + compressor.flush(),
    }


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("form", ["whole", "in two members"])
def test_a_packed_body_is_unpacked(served, right, form, chunked):
    body = packed(BODY)[form]
    given = iter([body[:7], body[7:]]) if chunked else body
    headers = {"Content-Encoding": "gzip", **({"Transfer-Encoding": "chunked"} if chunked else {})}
    served.connection.request("POST", f"{API}:predict", given, headers, encode_chunked=chunked)
    answer = served.connection.getresponse()
    assert answer.status == 200 and json.loads(answer.read()) == right


@pytest.mark.parametrize(
    ("body", "encoding", "names"),
    [
        (BODY, "gzip", "not gzip"),
        (gzip.compress(BODY)[:-9], "gzip", "too soon"),
        (gzip.compress(BODY) + b"more", "gzip", "not gzip"),
        (BODY, "br", "expected gzip"),
        (b"", "gzip", "too soon"),
    ],
)
def test_a_body_packed_otherwise_is_refused(served, body, encoding, names):
    code, answer = served.predict(body, **{"Content-Encoding": encoding})
    assert code == 400 and names in answer["error"]


def test_the_limit_holds_for_what_is_unpacked(served):
    before = served.memory()
    bomb = gzip.compress(b" " * 2**26)
    code, answer = served.predict(bomb, **{"Content-Encoding": "gzip"})
    assert code == 413 and "larger than" in answer["error"] and len(bomb) < 70_000
    served.connection.close()
    assert served.memory() < before + 30


def test_json_that_takes_too_much_memory_is_refused_before_it_is_read(served):
    before = served.memory()
    for content in (b"[[],[]" + b",[]" * 5_000_000 + b"]", b"[{}" + b',{"a":1}' * 1_800_000 + b"]"):
        code, answer = served.predict(b'{"instances": ' + content + b"}")
        assert code == 400 and "too many values" in answer["error"]
    assert served.memory() < before + 100


def test_a_large_body_does_not_keep_others_waiting(served):
    """While 12 MB of JSON are read and answered, /livez is asked over and over."""
    images = np.random.default_rng(0).random((20_000, 4, 3, 1)).round(6)
    body = b'{"inputs": {"image": ' + json.dumps(images.tolist(), separators=(",", ":")).encode() + b"}}"
    waited, answers = [], []

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
        connection.request("POST", f"{API}:predict", body)
        answers.append(connection.getresponse().status)

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():
        began = time.monotonic()
        assert served("GET", "/livez")[0] == 200
        waited.append(time.monotonic() - began)
    assert answers == [200] and len(waited) > 3
    assert sorted(waited)[len(waited) // 2] < 0.5


def npy(array):
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def test_arrays_of_every_form_are_read_as_numpy_reads_them():
    array = np.arange(12, dtype="float32").reshape(3, 4)
    for form in (array, np.asfortranarray(array), array.astype(">f4"), array.astype("int8"), array[:0], np.float32(3)):
        read = read_npy(npy(form))
        np.testing.assert_array_equal(read, form)
        assert read.dtype == np.asarray(form).dtype.newbyteorder("=") and read.shape == np.shape(form)


def archive(**arrays):
    written = io.BytesIO()
    np.savez(written, **arrays)
    return written.getvalue()


WRONG_ARRAYS = {
    "an archive": archive(image=np.zeros((1, 4, 3, 1), "float32")),
    "more than there is": npy(np.zeros((1, 4, 3, 1), "float32")).replace(b"(1, 4, 3, 1)", b"(9, 4, 3, 1)"),
    "huge": npy(np.zeros(1, "float32")).replace(b"(1,), }   ", b"(10**14,)}"),
    "too much": npy(np.zeros(3, "float32")) + b"x",
    "texts": npy(np.array(["a"])),
    "nothing": b"",
    "a head alone": npy(np.zeros(3))[:20],
    "objects": b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(79) + b"\n",
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_what_is_no_array_is_refused(served, case):
    with pytest.raises(UsageError):
        read_npy(WRONG_ARRAYS[case])
    code, answer = served.predict(WRONG_ARRAYS[case], **{"Content-Type": "application/x-npy"})
    assert code == 400 and "npy" in answer["error"]


# As TensorFlow Serving's source has it


TEXTS = Signature("texts", {"inputs": {"text_bytes": {"dtype": "string", "shape": [None]}}, "outputs": {}}, {})
# What abseil's Base64Unescape makes of it, by its source: None where it fails.
BASE64 = {
    "Zm9vYmE=": b"fooba",
    "Zm9vYmE": b"fooba",
    "Zm9vYg": b"foob",
    "Zm9vYg==": b"foob",
    "Zm9vYg=": None,
    "Zm9vYmFy": b"foobar",
    "Zm9vYmFy=": None,
    "Zm9v\nYm\tFy \r\n": b"foobar",
    "Zm9vYg. =": b"foob",
    "Zm9vY": None,
    "Zm9v-_": None,
    "Zm9v*": None,
    "Zg=Zg": None,
    "Zh==": b"f",  # bits that are left over do not matter
    "": b"",
    "==": None,
}


@pytest.mark.parametrize("text", BASE64)
def test_base64_as_other_languages_write_it(text):
    body = json.dumps({"instances": [{"b64": text}]}).encode()
    if BASE64[text] is None:
        with pytest.raises(UsageError, match="is not base64"):
            jsons.read_predict(body, lambda name: TEXTS)
    else:
        assert jsons.read_predict(body, lambda name: TEXTS)[1]["text_bytes"].tolist() == [BASE64[text]]


def test_names_beside_the_right_ones_are_ignored_in_columns_only(served, right):
    code, answer = served.predict({"inputs": {"image": [IMAGE], "more": 1}})
    assert code == 200 and answer["outputs"]["label"] == [right["predictions"][0]["label"]]
    code, answer = served.predict({"inputs": {"picture": [IMAGE]}})
    assert code == 400 and "Missing named input: image" in answer["error"]
    assert served.predict({"instances": [{"image": IMAGE, "more": 1}]})[0] == 400


def test_a_name_is_decoded_after_it_was_found_in_the_path(exports, tmp_path, right):
    shutil.copytree(exports[0], tmp_path / "1")
    config = {"model_config_list": {"config": [{"name": "debug/tiny", "base_path": str(tmp_path)}]}}
    (tmp_path / "models.json").write_text(json.dumps(config))
    server = Served(tmp_path, "--config", str(tmp_path / "models.json"))
    assert server("POST", "/v1/models/debug%2Ftiny:predict", IMAGES) == (200, right)
    assert server("POST", "/v1/models/debug%2ftiny/versions/1:predict", IMAGES) == (200, right)
    assert server("GET", "/v1/models/debug%2Ftiny")[0] == 200
    assert server("POST", "/v1/models/debug/tiny:predict", IMAGES)[0] == 400
    assert server.end() == 0


def test_a_model_without_versions_is_not_found(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    (tmp_path / "none").mkdir()
    both = [{"name": name, "base_path": str(tmp_path / name)} for name in ("tiny", "none")]
    (tmp_path / "models.json").write_text(json.dumps({"model_config_list": {"config": both}}))
    server = Served(tmp_path, "--config", str(tmp_path / "models.json"))
    code, answer = server("GET", "/v1/models/none")
    assert code == 404 and answer["error"] == "Could not find any versions of model none"
    assert server("GET", "/readyz")[0] == 503 and server("GET", "/metrics")[0] == 200
    shutil.copytree(exports[0], tmp_path / "none/7")
    wait_for(lambda: server("GET", "/readyz")[0] == 200)
    assert server.predict(IMAGES, "none")[0] == 200 and server.end() == 0


TEXT_CONFIG = """
# As TensorFlow Serving's documentation writes it.
model_config_list {
  config {
    name: "tiny"
    base_path: "FOLDER"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 2 } }
    version_labels { key: 'canary' value: 2 }
  }
}
"""


def test_a_model_config_in_text_format(exports, tmp_path):
    for number, version in enumerate(exports, 1):
        shutil.copytree(version, tmp_path / "tiny" / str(number))
    (tmp_path / "models.config").write_text(TEXT_CONFIG.replace("FOLDER", str(tmp_path / "tiny")))
    server = Served(tmp_path, "--config", str(tmp_path / "models.config"))
    answers = [server("POST", f"{API}{chosen}:predict", IMAGES) for chosen in ("/versions/1", "/versions/2", "/labels/canary")]
    assert [code for code, _ in answers] == [200] * 3 and answers[1] == answers[2] != answers[0]
    assert server.end() == 0


# Web pages


PAGE = {"Origin": "https://page.example"}
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, authorization"}


def told(server, method, path, headers, body=None):
    server.connection.request(method, path, body, headers)
    answer = server.connection.getresponse()
    answer.read()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def test_a_page_of_an_origin_that_may_ask(served):
    code, headers = told(served, "OPTIONS", f"{API}:predict", {**PAGE, **ASKING})
    assert code == 200 and headers["access-control-allow-origin"] == PAGE["Origin"]
    assert "POST" in headers["access-control-allow-methods"]
    assert {"content-type", "authorization"} <= set(headers["access-control-allow-headers"].lower().split(", "))
    code, headers = told(served, "POST", f"{API}:predict", PAGE, BODY)
    assert code == 200 and headers["access-control-allow-origin"] == PAGE["Origin"] and "origin" in headers["vary"].lower()
    code, headers = told(served, "POST", f"{API}:predict", PAGE, b"{")
    assert code == 400 and headers["access-control-allow-origin"] == PAGE["Origin"]


def test_a_page_of_another_origin(served):
    other = {"Origin": "https://other.example"}
    code, headers = told(served, "POST", f"{API}:predict", other, BODY)
    assert code == 200 and "access-control-allow-origin" not in headers
    code, headers = told(served, "OPTIONS", f"{API}:predict", {**other, **ASKING})
    assert code == 400 and "access-control-allow-origin" not in headers


# Folders as people copy them


def test_a_version_that_comes_in_pieces_is_served_once_it_is_whole(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path)
    code, first = server.predict(IMAGES)
    pieces = tmp_path / "tiny/2"
    pieces.mkdir()
    wait_for(lambda: versions(server).get("2", ("", ""))[0] == "END")
    assert "holds no exported file" in versions(server)["2"][1]
    (pieces / "model.tflite").write_bytes((exports[1] / "model.tflite").read_bytes()[:100])
    wait_for(lambda: "cannot be opened" in versions(server)["2"][1])
    assert server.predict(IMAGES) == (200, first), "the old version goes on"
    shutil.copy(exports[1] / "model.tflite", pieces)
    wait_for(lambda: versions(server)["2"] == ("AVAILABLE", "contract made from model.tflite"))
    shutil.copy(exports[1] / "export.json", pieces)
    shutil.copy(exports[1] / "golden.json", pieces)
    shutil.copy(exports[1] / "contract.json", pieces)
    wait_for(lambda: versions(server) == {"2": ("AVAILABLE", ""), "1": ("END", "")})
    code, second = server.predict(IMAGES)
    assert code == 200 and second != first
    assert server.predict({"instances": [np.full((4, 3, 1), 2.0).tolist()]})[0] == 400, "by the contract that came"
    assert server("GET", "/readyz")[0] == 200 and server.end() == 0


def test_what_was_refused_is_tried_again_without_any_change(exports, tmp_path):
    """The file cannot be read, and then it can, without any sign of it in the folder."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    shutil.copytree(exports[1], tmp_path / "elsewhere")
    server = Served(tmp_path)
    shutil.copytree(exports[1], tmp_path / "tiny/2", ignore=lambda folder, names: ["model.tflite"])
    (tmp_path / "broken").write_bytes(b"broken".ljust((exports[1] / "model.tflite").stat().st_size))
    os.link(tmp_path / "broken", tmp_path / "tiny/2/model.tflite")
    times = (tmp_path / "broken").stat()
    wait_for(lambda: "cannot be opened" in versions(server).get("2", ("", ""))[1])
    with open(tmp_path / "broken", "r+b") as file:
        file.write((exports[1] / "model.tflite").read_bytes())
    os.utime(tmp_path / "broken", ns=(times.st_atime_ns, times.st_mtime_ns))
    wait_for(lambda: versions(server)["2"][0] == "AVAILABLE")
    assert server.end() == 0


def test_version_folders_are_any_int64(exports, tmp_path):
    names = {"0001": 1, "00000123": 123, "9223372036854775807": 2**63 - 1, "-5": -5}
    for name in names:
        shutil.copytree(exports[0], tmp_path / "tiny" / name)
    shutil.copytree(exports[1], tmp_path / "tiny/1")  # of two with one number the shorter name counts
    for name in ("1a", "9223372036854775808", "١", "+3", "1.0"):
        (tmp_path / "tiny" / name).mkdir()
    config = {"name": "tiny", "base_path": str(tmp_path / "tiny"), "model_version_policy": {"all": {}}}
    (tmp_path / "models.json").write_text(json.dumps({"model_config_list": {"config": [config]}}))
    server = Served(tmp_path, "--config", str(tmp_path / "models.json"))
    assert set(versions(server)) == {str(number) for number in names.values()}
    assert {state for state, _ in versions(server).values()} == {"AVAILABLE"}
    assert server("POST", f"{API}/versions/123:predict", IMAGES) == server("POST", f"{API}/versions/00123:predict", IMAGES)
    assert server("POST", f"{API}/versions/1:predict", IMAGES) != server("POST", f"{API}/versions/123:predict", IMAGES)
    assert server("POST", f"{API}/versions/9223372036854775807:predict", IMAGES)[0] == 200
    assert server("POST", f"{API}/versions/9223372036854775808:predict", IMAGES)[0] == 400
    assert server.end() == 0


def test_it_is_ready_once_each_model_has_served(exports, tmp_path):
    """A new version that loads beside one that serves is not a reason to send requests elsewhere."""
    for name in ("first", "second"):
        shutil.copytree(exports[0], tmp_path / name / "1")
    gate, loading = threading.Semaphore(0), threading.Semaphore(0)

    def load(name, number, folder):
        loading.release()
        assert gate.acquire(timeout=PATIENCE)
        return Version(name, number, folder)

    models = Models([Model(name, tmp_path / name) for name in ("first", "second")], load, poll=0.01)
    starting = threading.Thread(target=models.start)
    starting.start()
    for _ in range(2):
        assert loading.acquire(timeout=PATIENCE) and not models.ready
        gate.release()
    starting.join(PATIENCE)
    assert models.ready
    shutil.copytree(exports[1], tmp_path / "next")
    (tmp_path / "next").rename(tmp_path / "first/2")
    assert loading.acquire(timeout=PATIENCE)
    assert models.statuses("first")[2].state == "LOADING" and models.ready
    gate.release()
    wait_for(lambda: models.available("first") == [2])
    gate.release()
    models.stop()


# Processes


RELOADS = """
import os, pathlib, shutil, sys
from zoo.serve import memory
from zoo.serve.models import Model
from zoo.serve.server import Options, make_models

folder = pathlib.Path(sys.argv[1])
memory.prepare()
models = make_models([Model("large", folder / "large")], Options(poll=1000))
models.start()
for number in range(2, 32):
    shutil.copytree(folder / "made", folder / "next", copy_function=os.link)
    (folder / "next").rename(folder / "large" / str(number))
    models.look()
    assert models.available("large") == [number]
    shutil.rmtree(folder / "large" / str(number - 1))
    kilobytes = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS"))
    print(int(kilobytes) / 1024, len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
"""


def test_thirty_reloads_leave_nothing_behind(tmp_path):
    """A network of four megabytes, so that one that is kept would be seen."""
    keras.utils.set_random_seed(0)
    vector = keras.Input((1000,), name="vector")
    model = keras.Model(vector, keras.layers.Dense(1000, name="output")(vector))
    export.litert(model, tmp_path / "made/model.tflite", examples={"vector": np.eye(1000, dtype="float32")[:8]})
    shutil.copytree(tmp_path / "made", tmp_path / "large/1", copy_function=os.link)
    done = subprocess.run([sys.executable, "-c", RELOADS, tmp_path], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    memory, descriptors, threads = zip(*(map(float, line.split()) for line in done.stdout.splitlines()[2:]))
    assert len(memory) == 28 and max(memory) < memory[0] + 10, memory
    assert max(descriptors) <= descriptors[0] and max(threads) <= threads[0]


def test_a_child_of_somebody_else_is_none_of_its_business(exports, tmp_path):
    """As process 1 of a container, or after `exec` in a shell, a server has children that it did not start."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    reading, writing = os.pipe()
    orphan = f"import os; child = os.fork(); (os.read({reading}, 1), os._exit(0)) if not child else None; "
    server = Served(tmp_path, main=orphan + MAIN, inherited=(reading,))
    os.close(reading)
    before = server.workers()
    assert len(before) == 2
    os.close(writing)  # the child that is not the server's ends
    wait_for(lambda: len(server.workers()) == 1)
    assert server.predict(IMAGES)[0] == 200 and server.end() == 0


@pytest.mark.parametrize("host", ["::1", "::"])
def test_it_listens_at_addresses_of_ipv6(exports, tmp_path, host):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--grpc-port", "0", "--host", host)
    for address in ("::1", "127.0.0.1") if host == "::" else ("::1",):
        connection = http.client.HTTPConnection(address, server.port, timeout=PATIENCE)
        connection.request("POST", f"{API}:predict", BODY)
        assert connection.getresponse().status == 200
    assert health(grpc_address(server)) == health_pb2.HealthCheckResponse.SERVING
    assert server.end() == 0


def health(address, service=""):
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE).status


def predict_request():
    request = messages.PredictRequest()
    request.model_spec.name = "tiny"
    messages.write_array(np.array([IMAGE], "float32"), request.inputs["image"])
    return request.SerializeToString()


PREDICT = "/tensorflow.serving.PredictionService/Predict"


def test_the_end_under_load_is_unavailable_to_clients_of_grpc(exports, tmp_path):
    """They retry UNAVAILABLE, and give up on CANCELLED."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--grpc-port", "0")
    codes, content = [], predict_request()

    def client(stop):
        with grpc.insecure_channel(grpc_address(server), [("grpc.enable_retries", 0)]) as channel:
            call = channel.unary_unary(PREDICT)
            while not stop.is_set():
                try:
                    call(content, timeout=PATIENCE)
                    codes.append(grpc.StatusCode.OK)
                except grpc.RpcError as error:
                    codes.append(error.code())

    with clients(8, client):
        wait_for(lambda: len(codes) > 100)
        assert server.end() == 0
        wait_for(lambda: grpc.StatusCode.UNAVAILABLE in codes[-8:])
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}


def test_a_key_is_asked_for_over_grpc_too(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "models/tiny/1")
    (tmp_path / "key").write_text("correct-horse-battery\n")
    server = Served(tmp_path / "models", "--grpc-port", "0", "--api-key-file", str(tmp_path / "key"))
    with grpc.insecure_channel(grpc_address(server)) as channel:
        call = channel.unary_unary(PREDICT)
        with pytest.raises(grpc.RpcError) as caught:
            call(predict_request(), timeout=PATIENCE)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert call(predict_request(), timeout=PATIENCE, metadata=(("authorization", "Bearer correct-horse-battery"),))
    assert server.end() == 0


def test_two_workers_are_one_server(exports, tmp_path):
    """They tell of one state of a version, forget a worker that died, and refuse what one could not do for both."""
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    server = Served(tmp_path, "--grpc-port", "0", "--workers", "2")

    def gauges():
        lines = [line.rsplit(" ", 1) for line in server("GET", "/metrics")[1].decode().splitlines() if line[:1] != "#"]
        return {name: float(value) for name, value in lines if name.startswith(("zoo_version_state", "zoo_queue_rows"))}

    available = 'zoo_version_state{model="tiny",state="AVAILABLE",version="1"}'
    assert gauges()[available] == 1 and gauges()['zoo_version_state{model="tiny",state="LOADING",version="1"}'] == 0
    with grpc.insecure_channel(grpc_address(server)) as channel:
        call = channel.unary_unary("/tensorflow.serving.ModelService/HandleReloadConfigRequest")
        with pytest.raises(grpc.RpcError) as caught:
            call(messages.ReloadConfigRequest().SerializeToString(), timeout=PATIENCE)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED and "--workers 1" in caught.value.details()
    os.kill(server.workers()[0], signal.SIGKILL)
    server.connection.close()
    wait_for(lambda: server("GET", "/readyz")[0] == 503)
    wait_for(lambda: server("GET", "/readyz")[0] == 200)
    server.connection.close()
    assert gauges()[available] == 1 and server.end() == 0


# What a client may cost


PIECES = ("<padding>", "<start>", "<end>", "<unknown>", "a", "b", "abc", "\u2581")


def test_a_text_that_cannot_fit_is_refused_before_it_is_cut():
    field = Field("int32", (None,), 0, 7, PIECES, max_length=5)
    assert token_numbers("source", " abcab ", field) == [6, 4, 5, 2]
    with pytest.raises(UsageError, match="1000000 characters long; expected at most 5 tokens"):
        token_numbers("source", "abcab" * 200_000, field)
    assert len(token_numbers("source", "abc" * 5, field)) == 6, "whether it fits is the contract's to say"


def test_a_vocabulary_keeps_no_long_words():
    words = vocabulary(PIECES)
    before = words._encode_short_word.cache_info().currsize
    assert words.encode("ab" * 5000 + " ab")[-3:] == [4, 5, 2]
    assert words._encode_short_word.cache_info().currsize <= before + 1


@pytest.mark.parametrize(("mode", "most"), [("1", MOST_PIXELS), ("RGBA", MOST_TRANSPARENT_PIXELS)])
def test_a_picture_that_unpacks_to_too_many_pixels_is_refused(mode, most):
    side = int(most**0.5)
    for size, refused in ((side, False), (side + 1, True)):
        written = io.BytesIO()
        Image.new(mode, (size, size)).save(written, "PNG")
        assert len(written.getvalue()) < 50_000
        with pytest.raises(UsageError, match="at most 12,500,000 pixels") if refused else contextlib.nullcontext():
            check_picture(written.getvalue())


def field(number, content):
    """A field of a message on the wire, with its length."""
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def request_with(tensor):
    return field(1, field(1, b"tiny")) + field(2, field(1, b"image") + field(2, tensor))


SCATTERED = {
    "sizes": request_with(field(2, field(2, b"") * 1_000_000)),
    "texts": request_with(field(8, b"") * 1_000_000),
    "numbers one by one": request_with(b"\x2d\0\0\0\0" * 500_000),
    "inputs": field(2, b"") * 1_000_000,
    "what nobody knows": request_with(b"\x98\x06\x01" * 500_000),
    "whole numbers of a byte": request_with(field(7, b"\x01" * 2_000_000)),
    "cut": request_with(field(4, b"x" * 2_000_000))[:-1],
}


@pytest.mark.parametrize("case", SCATTERED)
def test_a_large_message_of_many_parts_is_refused_before_it_is_read(case):
    """Each part of two bytes would take fifty in memory."""
    with pytest.raises(UsageError):
        messages.check_parts(SCATTERED[case])


def test_a_large_message_of_few_parts_is_read():
    request = messages.PredictRequest()
    request.model_spec.name = "tiny"
    messages.write_array(np.zeros((40_000, 4, 3, 1), "float32"), request.inputs["image"])
    request.inputs["more"].tensor_content = bytes(2_000_000)
    content = request.SerializeToString()
    messages.check_parts(content)
    assert messages.parse(messages.PredictRequest, content) == request


def test_a_slow_signature_does_not_run_in_the_thread_of_the_caller():
    """Its calls take long; those of the quick one beside it, and small ones of its own, do not count for it."""

    def run(signature, inputs):
        if signature == "slow" or len(inputs["x"]) > 100:
            time.sleep(0.01)
        return inputs

    batcher = Batcher(run, max_batch=1000)
    array, done = np.zeros((1, 1)), threading.Semaphore(0)
    for signature, rows in [("quick", 1)] * 20 + [("slow", 1), ("quick", 512)]:
        batcher.submit(signature, {"x": np.repeat(array, rows, axis=0)}, rows, lambda answer: done.release())
        assert done.acquire(timeout=PATIENCE)
    assert batcher.now("quick", {"x": array}, 1) is not None
    assert batcher.now("slow", {"x": array}, 1) is None
    assert batcher.now("quick", {"x": np.repeat(array, 512, axis=0)}, 512) is None
    batcher.stop()
    assert batcher.now("quick", {"x": array}, 1) is None


def test_a_token_that_does_not_come_ends_the_stream():
    class Waiting:
        """A version that nobody answers for."""

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    async def steps():
        yield {"text": "b"}
        await asyncio.Event().wait()

    async def read():
        sent = []

        async def send(message):
            sent.append(message)

        await _Events(Waiting(), {"text": "a"}, steps(), 0.1).stream_response(send)
        return b"".join(message.get("body", b"") for message in sent).decode()

    events = asyncio.run(read()).strip().split("\n\n")
    assert [json.loads(event.removeprefix("data: ")) for event in events] == [
        {"text": "a"},
        {"text": "b"},
        {"error": "no token within 0.1 s"},
    ]


def test_the_load_table_is_of_the_server_that_was_asked_for(exports, tmp_path):
    shutil.copytree(exports[0], tmp_path / "tiny/1")
    command = [sys.executable, "-c", MAIN, "serve", str(tmp_path), "--bench", "--engine", "onnx"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1 and "holds no model.onnx" in done.stderr
    command = [sys.executable, "-c", MAIN, "serve", str(tmp_path), "--bench", "--cors", "*"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2 and "leave them out" in done.stderr
