"""What `zoo serve` does: a parent that listens and watches over the workers that answer."""

import contextlib
import mmap
import os
import signal
import socket
import sys
import time

from zoo.errors import RunError, UsageError

STARTING, READY = 0, 1
QUICK_DEATHS = 5  # of workers in a row within a second of their start, before the server gives up


def run(serve, host, port, grpc_port, workers, drain, note=print, dead=lambda process: None):
    """Runs workers until SIGTERM or SIGINT; one that dies is replaced.

    The parent imports nothing heavy, so that a worker is a fork of it that begins again.

    Args:
        serve: Function of (sockets, grpc_address, beside, ready) that serves in a worker until it is told to end.
        host: Address to listen at.
        port: Port for HTTP; 0 for any free one.
        grpc_port: Port for gRPC, 0 for any free one, or None.
        workers: Number of processes.
        drain: Seconds that a worker may take to end.
        note: Function that is told what happens, a line of text.
        dead: Function that is told the number of a worker's process that died.

    Raises:
        UsageError: If a port is not free, or the workers find nothing to serve.
        RunError: If workers die as soon as they start.
    """
    listening = _listen(host, port)
    grpc_address = None if grpc_port is None else _address(host, _free_port(host, grpc_port))
    states = mmap.mmap(-1, workers)
    parent, running, ending, deaths, told = os.getpid(), {}, False, 0, False

    def start(place):
        sys.stdout.flush()
        process = os.fork()
        if process:
            running[process] = place, time.monotonic()
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_DFL)
        code = 1
        try:
            serve(
                sockets=[listening],
                grpc_address=grpc_address,
                beside=(lambda: all(states[i] == READY for i in range(workers))) if workers > 1 else None,
                ready=lambda: states.__setitem__(place, READY),
                is_orphan=lambda: os.getppid() != parent,
            )
            code = 0
        except (UsageError, RunError) as error:
            print(f"zoo: {error}", file=sys.stderr, flush=True)
            code = 2 if isinstance(error, UsageError) else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def end(*_):
        nonlocal ending
        ending = True
        for process in running:
            _kill(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        for place in range(workers):
            start(place)
        while not ending:
            if not told and all(states[i] == READY for i in range(workers)):
                told = True
                address = _address(host, listening.getsockname()[1])
                note(f"ready at {address}" + (f", gRPC at {grpc_address}" if grpc_address else ""))
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                time.sleep(0.02)
            if process not in running:
                continue  # none, or a child that is not ours: process 1 of a container inherits orphans
            place, began = running.pop(process)
            dead(process)
            states[place] = STARTING
            code = os.waitstatus_to_exitcode(status)
            if ending:
                break
            if code == 2:
                raise SystemExit(2)  # the worker has said why
            deaths = deaths + 1 if time.monotonic() - began < 1 else 0
            if deaths >= QUICK_DEATHS:
                raise RunError(f"the workers die as soon as they start (the last by {_cause(code)}).")
            note(f"worker {process} died by {_cause(code)}; another one starts")
            start(place)
    finally:
        end()
        _wait(running, drain)


def _wait(running, drain):
    """Waits for the workers to end, for a bounded time."""
    until = time.monotonic() + drain + 5
    while running and time.monotonic() < until:
        process, _ = os.waitpid(-1, os.WNOHANG)
        running.pop(process, None)
        time.sleep(0.02)
    for process in running:
        _kill(process, signal.SIGKILL)


def _kill(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _cause(code):
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _listen(host, port):
    try:
        return _socket(host, port, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen at {_address(host, port)} ({_reason(error)}); give another --port or --host.") from error


def _free_port(host, port):
    """The port, once it is sure that nobody listens there: gRPC itself would share it without a word."""
    try:
        with _socket(host, port) as probe:
            return probe.getsockname()[1]
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen at {_address(host, port)} ({_reason(error)}); give another --grpc-port.") from error


def _socket(host, port, backlog=None):
    """A listening socket; at :: it takes IPv4 too, as gRPC does."""
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog, dualstack_ipv6=both)


def _address(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error):
    return os.strerror(error.errno) if isinstance(error, OSError) and (error.errno or 0) > 0 else str(error)
