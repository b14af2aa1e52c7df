"""The chief: answers workers by KerasTuner's protocol, and minds those on its own machine."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from concurrent import futures

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine import trial as trials

from zoo.errors import RunError, UsageError
from zoo.tune.messages import STUDY_KEY, WORKER_KEY
from zoo.tune.study import DONE, WAIT

POLL = 0.1  # seconds
EARLY_DEATHS = 3  # of local workers in a row that asked for nothing, before the search is given up


class Servicer(OracleServicer):
    """KerasTuner's service, with a `Study` in place of the bare oracle.

    Attributes:
        asked: {worker: time of its last question}.
        failure: The error that kept a question from being answered, or None.
        dismissed: The workers that were told that there is nothing left.
    """

    def __init__(self, study):
        super().__init__(study.oracle)
        self._study = study
        self._proto, self._messages = protos.get_proto(), protos.get_service()
        self.asked, self.dismissed, self.failure = {}, set(), None

    def CreateTrial(self, request, context):
        worker = request.tuner_id
        self.asked[worker] = time.monotonic()
        context.send_initial_metadata(((STUDY_KEY, self._study.folder.name),))
        with self._aborted_on_error(context):
            row = self._study.ask(worker)
        if row == WAIT:
            return self._messages.CreateTrialResponse(trial=self._trial("", trials.TrialStatus.IDLE))
        if row == DONE:
            self.dismissed.add(worker)
            return self._messages.CreateTrialResponse(trial=self._trial("", trials.TrialStatus.STOPPED))
        return self._messages.CreateTrialResponse(trial=self._trial(row.trial, trials.TrialStatus.RUNNING))

    def UpdateTrial(self, request, context):
        worker = _worker(context)
        self.asked[worker] = time.monotonic()
        go_on = self._study.told(request.trial_id, worker, int(request.step), request.metrics.get("best"))
        status = trials.TrialStatus.RUNNING if go_on else trials.TrialStatus.STOPPED
        return self._messages.UpdateTrialResponse(trial=self._trial(request.trial_id, status))

    def EndTrial(self, request, context):
        worker = _worker(context)
        self.asked[worker] = time.monotonic()
        with self._aborted_on_error(context):
            self._study.finish(request.trial.trial_id, worker)
        return self._messages.EndTrialResponse()

    @contextlib.contextmanager
    def _aborted_on_error(self, context):
        """Tells the worker that the chief is in trouble, and keeps the error for the main thread, which ends by it."""
        try:
            yield
        except Exception as error:
            self.failure = error
            context.abort(grpc.StatusCode.UNAVAILABLE, str(error))

    def _trial(self, name, status):
        return self._proto.Trial(trial_id=name, status=trials.TrialStatus.to_proto(status))


def search(study, workers, threads, patience, address, show):
    """Runs a study until it is done, its budget is spent, or it cannot go on.

    Args:
        study: The `Study`.
        workers: Number of workers on this machine.
        threads: Of each of their trials.
        patience: Seconds after which a silent worker is taken for dead.
        address: "host:port" to listen at; port 0 is any free one.
        show: Function that is called over and over, with the study, to show how it gets on.

    Raises:
        UsageError: If the address is not free.
        RunError: If workers do not start.
        OSError: If the study cannot be written.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=[("grpc.so_reuseport", 0)])
    servicer = Servicer(study)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    host = _free(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:  # somebody was quicker
        raise UsageError(f"cannot listen at {address}; give another address, or a free port.") from error
    server.start()
    local = _LocalWorkers(study, workers, threads, patience, f"{host}:{port}")
    try:
        while not study.done and not study.over_budget:
            local.mind(servicer)
            study.drop_silent(patience)
            if servicer.failure is not None:
                raise servicer.failure
            show(study)
            time.sleep(POLL)
        study.close()
        _dismiss(servicer, local, patience)
    finally:
        with contextlib.suppress(OSError):  # of a full disk, which is told already
            study.close()
        local.stop()
        server.stop(grace=1).wait()
    study.clear_checkpoints()
    show(study)


class _LocalWorkers:
    """The worker processes of this machine; one that dies is replaced."""

    def __init__(self, study, count, threads, patience, address):
        host, _, port = address.rpartition(":")
        self._study = study
        self._command = [sys.executable, "-m", "zoo.tune.worker", str(study.folder.parent), str(patience), str(threads)]
        # A worker computes nothing itself: this backend spares it TensorFlow. Its trials get the study's.
        self._environment = {**os.environ, "KERAS_BACKEND": "numpy"}
        self._environment.update(KERASTUNER_ORACLE_IP=host, KERASTUNER_ORACLE_PORT=port)
        self._processes, self._started, self._early = {}, 0, 0
        self._log = study.folder / "workers.log"
        for _ in range(count):
            self._start()

    def mind(self, servicer):
        """Replaces the workers that died, and has their trials handed out again."""
        for worker, process in list(self._processes.items()):
            code = process.poll()
            if code is None or worker in servicer.dismissed:
                continue
            process.stdin.close()
            del self._processes[worker]
            self._study.drop(worker)
            self._early = 0 if worker in servicer.asked and code < 0 else self._early + 1
            if self._early >= EARLY_DEATHS:
                lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["they said nothing"]
                raise RunError(f"the workers end again and again: {lines[-1].removeprefix('zoo: ')}")
            self._start()

    def alive(self):
        """Whether a worker still runs."""
        return any(process.poll() is None for process in self._processes.values())

    def stop(self):
        """Ends all workers, and with them their trials."""
        for process in self._processes.values():
            process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self):
        worker = f"local-{self._started}"
        self._started += 1
        with open(self._log, "ab") as log:
            # A session of its own keeps Ctrl-C from it: the chief decides how the search ends.
            self._processes[worker] = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**self._environment, "KERASTUNER_TUNER_ID": worker},
                start_new_session=True,
            )


def _free(address):
    """The host of an address that nobody listens at; tried with a plain socket, because gRPC writes to the screen itself."""
    host, _, port = address.rpartition(":")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed a moment ago is free
            probe.bind((host, int(port)))
        return host
    except OSError as error:
        raise UsageError(
            f"cannot listen at {address} ({error.strerror or error}); give another address, or a free port."
        ) from error


def _dismiss(servicer, local, patience):
    """Waits until every worker that was heard of lately knows that the search is over, for a bounded time."""
    until = time.monotonic() + min(patience, 10)
    while time.monotonic() < until:
        lately = {worker for worker, asked in servicer.asked.items() if time.monotonic() - asked < 5}
        if lately <= servicer.dismissed and not local.alive():
            return
        time.sleep(POLL)


def _worker(context):
    return dict(context.invocation_metadata()).get(WORKER_KEY, "")
