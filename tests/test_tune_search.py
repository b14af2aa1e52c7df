"""Whole searches with real processes: killed, starved, resumed; compared with a search that nothing happened to."""

import csv
import html
import json
import os
import pathlib
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from processes import descendants

from zoo import finder as recipes
from zoo.training.phases import fit

pytestmark = pytest.mark.slow

# Small enough that a trial is an instant, in epochs enough to be killed in the middle of them.
FIXED = ["data=digits", "activation=relu", "weight_decay=0.05", "batch_size=100", "schedule=constant"]
NETWORK = ["mlp", *FIXED, "units=(16,)", "epochs=15"]
MAIN = "from zoo.cli import main; main()"
SEARCH = ["--tuner", "random", "--threads", "1"]
PATIENCE = 300  # seconds for anything to happen at all


def start(folder, *arguments, environment=None, network=NETWORK, limit=None):
    """A `zoo tune` on its way."""
    command = [sys.executable, "-c", MAIN, "tune", *network, *SEARCH, "--folder", str(folder), *arguments]

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background of a shell
        if limit is not None:
            limit()

    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
        preexec_fn=prepare,
    )


@pytest.fixture
def search(zoo):
    """The function that runs a `zoo tune` to its end in this process, which has imported all that a chief needs."""

    def run(folder, *arguments, network=NETWORK):
        return zoo(shlex.join(["tune", *network, *SEARCH, "--folder", str(folder), *arguments]))

    return run


def end(process):
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def study(folder, name="1"):
    return folder / "mlp" / "tune" / name


def events(folder, name="1"):
    """What the journal holds of each kind: {kind: [event, ...]}."""
    found = {}
    path = study(folder, name) / "journal.jsonl"
    for line in path.read_text().splitlines() if path.is_file() else []:
        event = json.loads(line)
        found.setdefault(event["event"], []).append(event)
    return found


def running(process, module):
    """The processes below `process` that run a module of ours."""
    return [pid for pid, command in descendants(process.pid).items() if module in command]


def wait_for(condition, process=None):
    """The first true value of a condition; it is looked at again and again until then."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
    raise AssertionError("nothing happened")


def epochs_done(folder, trial):
    try:
        return json.loads((study(folder) / "trials" / trial / "seed-0/progress.json").read_text())["epochs_done"]
    except (OSError, ValueError):
        return 0


def scores(folder, name="1"):
    with open(study(folder, name) / "trials.csv", newline="") as file:
        return {row["trial"]: row["val_accuracy"] for row in csv.DictReader(file)}


@pytest.fixture(scope="session")
def undisturbed(made_once):
    """Four trials by one worker: (folder, exit code, output, errors)."""

    def make(folder):
        (folder / "said.json").write_text(json.dumps(end(start(folder, "--max-trials", "4"))))

    folder = made_once("undisturbed", make)
    return folder, *json.loads((folder / "said.json").read_text())


def test_a_search_ends_with_a_line_to_paste_and_its_files(undisturbed):
    folder, code, out, err = undisturbed
    assert code == 0, err
    assert [len(events(folder)[kind]) for kind in ("start", "end")] == [4, 4]
    best = json.loads((study(folder) / "best.json").read_text())
    numbers = {trial: float(score) for trial, score in scores(folder).items()}
    assert sorted(numbers) == ["0000", "0001", "0002", "0003"]
    assert best["score"] == max(numbers.values()) and numbers[best["trial"]] == best["score"]
    assert out.splitlines()[-1] == best["command"]
    assert len(err.splitlines()) == 4 and "the recipe's own" in err
    page = (study(folder) / "report.html").read_text()
    assert html.escape(best["command"]) in page and page.count("<polyline") == 4
    assert len(list((study(folder) / "tensorboard").glob("*/*tfevents*"))) == 4
    assert not list(study(folder).rglob("*.weights.h5")), "checkpoints of finished trials are of no use to anybody"
    assert not list(study(folder).rglob("partial-*"))


def test_a_trial_has_the_score_that_training_gives(undisturbed, tmp_path):
    """The line to paste reaches on validation what the study says, and the test part was not looked at."""
    folder = undisturbed[0]
    best = json.loads((study(folder) / "best.json").read_text())
    recipe = recipes.find("mlp")
    settings = recipe.settings(best["settings"])
    data = recipe.load_data(settings)
    progress = fit(recipe, settings, data, data.fingerprint(), tmp_path, verbose=0)
    assert progress["best_value"] == pytest.approx(best["score"], abs=0.02)  # threads differ, and with them the last bits
    for path in study(folder).glob("trials/*/seed-0/progress.json"):
        assert json.loads(path.read_text())["scores"] is None


def test_train_takes_the_winner_from_the_study(undisturbed, zoo, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(undisturbed[0], folder)
    code, out, err = zoo(f"train mlp --from-study 1 epochs=2 --folder {folder}")
    assert code in (0, 1) and "saved in" in out, err
    card = json.loads((folder / "mlp/card.json").read_text())
    best = json.loads((study(folder) / "best.json").read_text())
    wanted = {**recipes.find("mlp").settings(best["settings"]), "epochs": 2}
    assert card["settings"] == json.loads(json.dumps(wanted))
    code, out, err = zoo(f"train mlp --from-study 3 --folder {folder}")
    assert code == 2 and err.count("\n") == 1 and "the studies of mlp are: 1" in err


def test_two_workers_find_the_same_as_one(search, undisturbed, tmp_path):
    code, out, err = search(tmp_path, "--max-trials", "4", "--workers", "2")
    assert code == 0, err
    assert scores(tmp_path) == scores(undisturbed[0])
    assert out.splitlines()[-1] == undisturbed[2].splitlines()[-1]


def test_every_trial_completes_once_though_trial_worker_and_chief_are_killed(search, undisturbed, tmp_path):
    process = start(tmp_path, "--max-trials", "4", "--workers", "2")
    wait_for(lambda: epochs_done(tmp_path, "0000") >= 3, process)
    [os.kill(pid, signal.SIGKILL) for pid in running(process, "zoo.tune.trial")]
    wait_for(lambda: running(process, "zoo.tune.trial"), process)
    before = epochs_done(tmp_path, "0000")
    wait_for(lambda: epochs_done(tmp_path, "0000") > before or events(tmp_path).get("end"), process)

    workers = running(process, "zoo.tune.worker")
    trials = running(process, "zoo.tune.trial")
    os.kill(workers[0], signal.SIGKILL)
    wait_for(lambda: len(set(running(process, "zoo.tune.worker")) - set(workers)) == 1, process)
    wait_for(lambda: events(tmp_path).get("end"), process)
    wait_for(lambda: running(process, "zoo.tune.trial"), process)
    left = [*running(process, "zoo.tune.trial"), *running(process, "zoo.tune.worker"), *trials]
    process.kill()
    process.communicate()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in left))

    code, out, err = search(tmp_path, "--max-trials", "4", "--workers", "2", "--resume")
    assert code == 0, err
    happened = events(tmp_path)
    assert sorted(event["trial"] for event in happened["start"]) == ["0000", "0001", "0002", "0003"]
    assert sorted(event["trial"] for event in happened["end"]) == ["0000", "0001", "0002", "0003"]
    assert all(event["status"] == "completed" for event in happened["end"])
    assert scores(tmp_path) == scores(undisturbed[0]), "a killed trial goes on to the very same number"
    assert out.splitlines()[-1] == undisturbed[2].splitlines()[-1]


def test_more_trials_are_simply_more(search, undisturbed, tmp_path):
    shutil.copytree(study(undisturbed[0]), study(tmp_path))
    code, out, err = search(tmp_path, "--max-trials", "5", "--resume")
    assert code == 0, err
    assert list(scores(tmp_path)) == ["0000", "0001", "0002", "0003", "0004"]
    assert {**scores(tmp_path), **scores(undisturbed[0])} == scores(tmp_path)
    assert err.count("val_accuracy") == 1, "only what is new is told"
    again = search(tmp_path, "--max-trials", "5", "--resume")
    assert again[0] == 0 and len(events(tmp_path)["end"]) == 5


def test_a_changed_space_is_refused_and_forked(search, undisturbed, tmp_path):
    shutil.copytree(study(undisturbed[0]), study(tmp_path))
    before = {path: path.read_bytes() for path in study(tmp_path).rglob("*") if path.is_file()}
    changed = ["--max-trials", "1", "--space", "dropout=0.3:0.5:0.1"]
    code, out, err = search(tmp_path, *changed, "--resume")
    assert code == 2 and err.count("\n") == 1
    assert (
        "space dropout was 0.2 to 0.6, in steps of 0.1, is 0.3 to 0.5, in steps of 0.1" in err
        and "--fork" in err
        and "--new" in err
    )
    assert {path: path.read_bytes() for path in study(tmp_path).rglob("*") if path.is_file()} == before

    code, out, err = search(tmp_path, *changed, "--fork")
    assert code == 0, err
    with open(study(undisturbed[0]) / "trials.csv", newline="") as file:
        fitting = {f"1-{row['trial']}" for row in csv.DictReader(file) if 0.3 <= float(row["dropout"]) <= 0.5}
    assert fitting and set(scores(tmp_path, "2")) == fitting | {"0000"}
    # The first trial is the recipe's own again, whose result is known.
    assert events(tmp_path, "2")["end"][0]["origin"] == "1-0000"
    assert {path: path.read_bytes() for path in study(tmp_path).rglob("*") if path.is_file()} == before


def test_failures_are_recorded_and_the_search_goes_on(search, tmp_path):
    """A rate beyond all reason makes the loss NaN; a thousand million units above 3 000 are 12 TB of weights."""
    network = ["mlp", *FIXED, "epochs=2", "dropout=0.4"]
    space = ["--space", "learning_rate=0.001,1e30", "--space", "units=(4,),(3000,1000000000)", "--tuner", "grid"]
    code, out, err = search(tmp_path, *space, "--workers", "2", network=network)
    assert code == 0, err
    assert all(len(events(tmp_path)[kind]) == 4 for kind in ("start", "end"))
    values = {event["trial"]: event["values"] for event in events(tmp_path)["start"]}
    for event in events(tmp_path)["end"]:
        tried = values[event["trial"]]
        if tried["units"] != "(4,)":
            assert event["status"] == "failed" and "OOM" in event["reason"], event
        elif tried["learning_rate"] > 1:
            assert event["status"] == "failed" and "the loss is nan in epoch" in event["reason"], event
        else:
            assert event["status"] == "completed"
    assert "1 failed: the loss is nan" in out and "learning_rate=0.001" in out.splitlines()[-1]


def test_without_a_winner_the_search_has_failed(search, tmp_path):
    network = ["mlp", *FIXED, "epochs=1", "units=(4,)", "dropout=0.4"]
    code, out, err = search(tmp_path, "--space", "learning_rate=1e30,1e31", "--tuner", "grid", network=network)
    assert code == 1 and err.splitlines()[-1].startswith("zoo: no trial completed"), (out, err)
    assert "2 failed: the loss is nan" in out
    assert not (study(tmp_path) / "best.json").exists() and (study(tmp_path) / "report.html").exists()


@pytest.mark.parametrize(
    ("module", "package"),
    [("tensorboard.summary.writer.event_file_writer", "tensorboard"), ("sklearn.gaussian_process", "scikit-learn")],
)
def test_a_missing_package_is_said_before_anything_starts(search, tmp_path, monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    code, out, err = search(tmp_path, "--tuner", "bayesian", "--max-trials", "1")
    assert code == 1 and f"{package} is not installed" in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def lines_of_ours(err):
    """How many lines of standard error are not gRPC's own, whose poller may log that a wait was interrupted."""
    return sum("(event_engine)" not in line for line in err.splitlines())


def test_machines_find_each_other_by_the_environment(tmp_path):
    """A chief without workers of its own, a worker that is killed for good, and one that comes later."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def machine(name):
        return {"KERASTUNER_TUNER_ID": name, "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(port)}

    search = ["--max-trials", "2", "--patience", "3s"]
    lonely = start(tmp_path, *search, environment=machine("worker-0"))
    code, out, err = end(lonely)
    assert code == 1 and f"waiting for the chief at 127.0.0.1:{port}" in out
    assert "no chief answered" in err and lines_of_ours(err) == 1

    chief = start(tmp_path, *search, environment=machine("chief"))
    patient = ["--max-trials", "2", "--patience", "60s"]
    first = start(tmp_path, *patient, environment=machine("worker-1"))
    wait_for(lambda: epochs_done(tmp_path, "0000") >= 1, first)
    first.kill()
    first.communicate()
    taken = end(start(tmp_path, "--max-trials", "2", environment=machine("chief-2"), network=[*NETWORK, "seed=1"]))
    assert taken[0] == 2 and lines_of_ours(taken[2]) == 1

    second = start(tmp_path, *patient, environment=machine("worker-2"))
    wait_for(lambda: len(events(tmp_path).get("end", [])) == 1, second)
    chief.kill()
    chief.communicate()
    chief = start(tmp_path, *search, "--resume", environment=machine("chief"))
    code, out, err = end(chief)
    assert code == 0, err
    assert end(second)[0] == 0
    happened = events(tmp_path)
    assert sorted(event["trial"] for event in happened["end"]) == ["0000", "0001"]
    assert sorted(event["trial"] for event in happened["start"]) == ["0000", "0001"]


def test_a_port_in_use_leaves_nothing_behind(search, tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        machine = {"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": port}
        for variable, value in machine.items():
            monkeypatch.setenv(variable, value)
        code, out, err = search(tmp_path, "--max-trials", "1")
    assert code == 2 and f"cannot listen at 127.0.0.1:{port} (Address already in use)" in err and lines_of_ours(err) == 1
    assert not study(tmp_path).exists()


def test_a_budget_ends_the_search_and_a_larger_one_goes_on(search, tmp_path):
    code, out, err = search(tmp_path, "--budget", "7s", network=[*NETWORK, "epochs=1000"])
    assert code == 1 and "no trial completed" in err, (out, err)
    assert ("not finished when the time was up" in out) == ("start" in events(tmp_path))
    assert 7 <= events(tmp_path)["pause"][0]["at"] < 30
    code, out, err = search(tmp_path, "--budget", "7s", "--resume", network=[*NETWORK, "epochs=1000"])
    assert code == 1 and len(events(tmp_path)["pause"]) == 1, "the budget is spent"
    code, out, err = search(tmp_path, "--budget", "10m", "--max-trials", "1", "--new")
    assert code == 0 and len(events(tmp_path, "2")["end"]) == 1, err


def test_ctrl_c_ends_everything_and_can_be_gone_on_with(search, tmp_path):
    process = start(tmp_path, "--max-trials", "2")
    wait_for(lambda: epochs_done(tmp_path, "0000") >= 1, process)
    left = [*running(process, "zoo.tune.trial"), *running(process, "zoo.tune.worker")]
    process.send_signal(signal.SIGINT)
    code, out, err = end(process)
    assert code == 130 and "interrupted" in err.splitlines()[-1]
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in left))
    code, out, err = search(tmp_path, "--max-trials", "1", "--resume")
    assert code == 0 and len(events(tmp_path)["end"]) == 1, err


def test_a_full_disk_is_said_and_nothing_is_lost(search, undisturbed, tmp_path):
    shutil.copytree(study(undisturbed[0]), study(tmp_path))
    journal = study(tmp_path) / "journal.jsonl"
    before = journal.read_bytes()

    def limit():  # no file may grow beyond what the journal has now
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, len(before) + 20))

    code, out, err = end(start(tmp_path, "--max-trials", "6", "--resume", limit=limit))
    assert code == 1 and err.splitlines()[-1].startswith("zoo: ") and "cannot be written" in err.splitlines()[-1], err
    assert journal.read_bytes() == before
    code, out, err = search(tmp_path, "--max-trials", "5", "--resume")
    assert code == 0 and len(events(tmp_path)["end"]) == 5, err
