"""Reads what `zoo serve` was asked, and starts it."""

import functools
import os
import pathlib
import re
import ssl
import sys
import tempfile

from zoo.errors import UsageError
from zoo.machine import cores
from zoo.serve import command

ENGINES = ("litert", "onnx", "saved_model")


def serve_models(
    folder,
    config,
    host,
    port,
    grpc_port,
    engine,
    workers,
    threads,
    max_batch,
    max_waiting,
    delay,
    timeout,
    drain,
    max_body,
    api_key_file,
    cors,
    certificate,
    private_key,
    access_log,
    bench,
):
    """Serves until it is told to end; the arguments are the options of `zoo serve`.

    Raises:
        UsageError: If one of them cannot be used, or there is nothing to serve.
        RunError: If the workers die as soon as they start.
    """
    if engine is not None and engine not in ENGINES:
        raise UsageError(f"got --engine {engine}; expected {', '.join(ENGINES)}.")
    least = {
        "--workers": workers,
        "--threads": threads,
        "--max-batch": max_batch,
        "--max-waiting": max_waiting,
        "--max-body": max_body,
    }
    for option, value in least.items():
        if value is not None and value < 1:
            raise UsageError(f"got {option} {value}; expected at least 1.")
    if (certificate is None) != (private_key is None):
        raise UsageError("TLS needs both --certificate and --private-key.")
    if certificate is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{certificate} and {private_key} are no certificate and its key in PEM ({error}).") from error
    for origin in cors:
        if not re.fullmatch(r"\*|https?://[^/\s]+", origin):
            raise UsageError(f"got --cors {origin}; expected an origin such as https://example.org, without a path, or *.")
    key = None if api_key_file is None else _read_key(api_key_file)
    if bench:
        from zoo.serve.bench import print_load_table

        if key or certificate or cors or access_log:
            raise UsageError("--bench does without --api-key-file, --certificate, --cors and --access-log; leave them out.")
        measured = {
            "--config": config,
            "--engine": engine,
            "--workers": workers,
            "--threads": threads,
            "--max-batch": max_batch,
            "--max-waiting": max_waiting,
            "--delay": f"{1e3 * delay:f}ms" if delay else None,
        }
        options = [str(part) for option, value in measured.items() if value is not None for part in (option, value)]
        return print_load_table(folder, _models(folder, config), options)
    options = {
        "engine": engine,
        "threads": threads or max(1, cores() // workers),
        "max_batch": max_batch,
        "max_waiting": max_waiting,
        "delay": delay,
        "drain": drain,
        "access_log": access_log,
        "certificate": certificate,
        "private_key": private_key,
    }
    limits = {"body": max_body * 2**20, "bodies": 4 * max_body * 2**20, "timeout": timeout, "key": key, "origins": cors}
    serve = functools.partial(_serve, folder, config, options, limits)
    if workers > 1:
        with tempfile.TemporaryDirectory() as kept:  # what the workers count is told of together
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = kept
            return command.run(serve, host, port, grpc_port, workers, drain, _say, _forget_gauges)
    return command.run(serve, host, port, grpc_port, workers, drain, _say)


def _serve(folder, config, options, limits, sockets, grpc_address, beside, ready, is_orphan):
    """What a worker does; it imports what the parent does without."""
    from zoo.serve.rest import Limits
    from zoo.serve.server import Options, serve

    models = _models(folder, config)
    serve(models, Options(limits=Limits(**limits), **options), sockets, grpc_address, beside, ready, is_orphan, _say)


def _models(folder, config):
    if config is None:
        from zoo.serve.models import models_in

        return models_in(folder)
    from zoo.serve.config import read_config

    return read_config(config)


def _forget_gauges(process):
    """What a dead worker last said of its queue and its versions no longer holds."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(process)


def _say(line):
    print(f"zoo serve: {line}", file=sys.stderr, flush=True)


def _read_key(file):
    try:
        key = pathlib.Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"got --api-key-file {file}, which cannot be read ({error}).") from error
    if len(key) < 16 or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(f"got --api-key-file {file}; expected one line of at least 16 printable characters without spaces.")
    return key
