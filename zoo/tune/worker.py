"""A worker: asks the chief for trials, and has each run in a process of its own.

`python -m zoo.tune.worker FOLDER` with the environment of KerasTuner's workers: KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and
KERASTUNER_ORACLE_PORT. It speaks KerasTuner's own protocol to the chief.
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import threading
import time

import grpc
from keras_tuner.src import protos

from zoo.errors import RunError, UsageError
from zoo.files import write_json
from zoo.tune import files
from zoo.tune.fingerprint import differences, sources, versions
from zoo.tune.messages import STUDY_KEY, WORKER_KEY
from zoo.tune.trial import STILL_HELD

POLL, REPORT = 0.1, 1.0  # seconds
DEATHS = 3  # of a trial's process in the same epoch, before it is given up


def work(studies, patience, threads):
    """Runs trials until the chief has none left.

    Args:
        studies: The folder of the network's studies, which chief and workers share.
        patience: Seconds for which a silent chief is waited for.
        threads: Of each trial.

    Raises:
        RunError: If the chief is silent for too long.
        UsageError: If the environment is incomplete, or the study is not in the folder.
    """
    chief, processes = _Chief(os.environ, patience), _Processes(threads, patience)
    try:
        while True:
            trial, study = chief.create_trial()
            if trial is None:
                return
            folder = pathlib.Path(studies) / study / files.TRIALS / trial
            if not (folder / files.REQUEST).is_file():
                raise UsageError(f"{folder} is not here; the study folder must be the same on all machines (give --folder).")
            _check_same(folder.parent.parent)
            if _run(chief, trial, folder, processes):
                chief.end_trial(trial)
    finally:
        processes.stop()


def _check_same(study):
    """Raises `UsageError` if this machine has other sources or versions than the study, as after an edit in the middle of it."""
    definition = files.read_study(study)
    before = {part: definition["fingerprint"][part] for part in ("source", "versions")}
    now = {"source": sources(definition["name"]), "versions": versions(definition["backend"])}
    changed = differences(before, now)
    if changed:
        raise UsageError(f"this is not what {study} was begun with: {'; '.join(changed)}. Undo that, or start another study.")


def _run(chief, trial, folder, processes):
    """Runs one trial to its result; gives False if the chief has no use for it any more."""
    deaths, done_before = 0, -1
    while True:
        code = _run_process(chief, trial, folder, processes)
        if code is None or code == STILL_HELD:
            return False
        if (folder / files.RESULT).is_file():
            return True
        done, _ = _progress(folder)
        deaths, done_before = (1 if done > done_before else deaths + 1), done
        if code > 0 or deaths >= DEATHS:
            reason = _reason(code, done, deaths, folder)
            failure = {"status": "failed", "score": None, "epochs": done, "seconds": 0.0, "reason": reason}
            write_json(folder / files.RESULT, failure)
            return True


def _run_process(chief, trial, folder, processes):
    """Runs the trial's process once, and tells the chief how it gets on; gives its exit code, or None if the chief said stop."""
    processes.begin(folder)
    reported = time.monotonic()
    while (code := processes.ended(POLL)) is None:
        if time.monotonic() - reported >= REPORT:
            reported = time.monotonic()
            if not chief.update_trial(trial, *_progress(folder)):
                processes.stop()
                return None
    return code


class _Processes:
    """The processes of trials, one after the other: see `zoo.tune.trial`."""

    def __init__(self, threads, patience):
        self._threads, self._patience = threads, patience
        self._parent, self._backend = None, None

    def begin(self, folder):
        """Begins the trial of a folder."""
        backend = files.read_study(folder.parent.parent)["backend"]
        if self._parent is None or self._parent.poll() is not None or backend != self._backend:
            self.stop()
            environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
                environment[name] = str(self._threads)
            command, pipe = [sys.executable, "-m", "zoo.tune.trial"], subprocess.PIPE
            with open(folder / files.LOG, "ab") as log:
                self._parent = subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=log, env=environment)
            self._backend = backend
        with contextlib.suppress(BrokenPipeError):  # it has just died, which `ended` will tell
            self._parent.stdin.write(f"{json.dumps([str(folder), self._patience])}\n".encode())

    def ended(self, seconds):
        """The exit code of the trial's process, or None if it still runs after some seconds."""
        if not select.select([self._parent.stdout], [], [], seconds)[0]:
            return None
        line = self._parent.stdout.readline()
        return int(line) if line else self._parent.wait()

    def stop(self):
        """Ends the process of a trial that is at work, too: it sees that its standard input is closed."""
        if self._parent is not None:
            self._parent.kill()
            with self._parent:  # closes the pipes
                self._parent = None


def _progress(folder):
    """Number of epochs done in all executions, and the best value of the newest one."""
    done, best = 0, None
    for path in sorted(folder.glob("seed-*/progress.json")):
        try:
            progress = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        done, best = done + progress["epochs_done"], progress["best_value"]
    return done, best


def _reason(code, done, deaths, folder):
    """Why a process left no result."""
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the system may be out of memory" if code == -signal.SIGKILL else ""
        return f"killed by {name} {deaths} times in epoch {done + 1}{hint}"
    lines = (folder / files.LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"ended with exit code {code}: {lines[-1] if lines else 'it said nothing'}"


class _Chief:
    """The chief's side of KerasTuner's protocol, for a worker that waits a bounded time."""

    def __init__(self, environment, patience):
        address = f"{environment['KERASTUNER_ORACLE_IP']}:{environment['KERASTUNER_ORACLE_PORT']}"
        self._address, self._patience = address, patience
        self._worker = environment["KERASTUNER_TUNER_ID"]
        # Tried again every second: by default gRPC waits for up to two minutes between its attempts.
        options = [("grpc.max_reconnect_backoff_ms", 1000), ("grpc.enable_http_proxy", 0)]
        self._stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(address, options=options))
        self._messages = protos.get_service()

    def create_trial(self):
        """A trial's name and its study's name, once there is one; (None, None) if there will be none."""
        statuses = protos.get_proto().TrialStatus
        while True:
            answer, study = self._call(self._stub.CreateTrial, self._messages.CreateTrialRequest(tuner_id=self._worker))
            if answer.trial.status == statuses.STOPPED:
                return None, None
            if answer.trial.status == statuses.RUNNING:
                return answer.trial.trial_id, study
            time.sleep(POLL)

    def update_trial(self, trial, epochs, best):
        """Tells the epochs done and the best value; gives whether to go on."""
        metrics = {} if best is None else {"best": best}
        request = self._messages.UpdateTrialRequest(trial_id=trial, metrics=metrics, step=epochs)
        answer, _ = self._call(self._stub.UpdateTrial, request)
        return answer.trial.status == protos.get_proto().TrialStatus.RUNNING

    def end_trial(self, trial):
        """Tells that the trial's result is in its folder."""
        self._call(self._stub.EndTrial, self._messages.EndTrialRequest(trial=protos.get_proto().Trial(trial_id=trial)))

    def _call(self, method, request):
        until, said = time.monotonic() + self._patience, False
        while True:
            left = until - time.monotonic()
            try:
                wait = max(0.1, left if said else min(left, 2.0))
                answer, call = method.with_call(
                    request, timeout=wait, wait_for_ready=True, metadata=((WORKER_KEY, self._worker),)
                )
                return answer, dict(call.initial_metadata()).get(STUDY_KEY)
            except grpc.RpcError as error:
                if left <= 0:
                    raise RunError(
                        f"no chief answered at {self._address} for {self._patience:g} s; start it with the same folder "
                        "(`zoo tune ... --resume`), then this worker."
                    ) from error
                if not said:
                    print(f"waiting for the chief at {self._address}, for at most {left:.0f} s", flush=True)
                    said = True
                elif error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                    time.sleep(POLL)  # refused at once, as while the chief goes down


def _end_with_the_chief():
    os.read(0, 1)
    os._exit(0)


def main():
    """The worker of a chief on the same machine, with which it ends: arguments are folder, patience and threads."""
    threading.Thread(target=_end_with_the_chief, daemon=True).start()
    try:
        work(pathlib.Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    except (RunError, UsageError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
