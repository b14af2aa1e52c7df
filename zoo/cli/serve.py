"""`zoo serve`."""

from typing import Annotated

import typer

from zoo.cli.common import seconds


def serve(
    folder: Annotated[str, typer.Argument(help="Folder of exported models.")] = "saved_models",
    config: Annotated[
        str | None, typer.Option(help="TensorFlow Serving's model config, its text format or JSON, in place of the folder.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port for HTTP.")] = 8501,
    grpc_port: Annotated[int, typer.Option(help="Port for gRPC; -1 for none.")] = 8500,
    engine: Annotated[
        str | None, typer.Option(help="litert, onnx or saved_model; by default the fastest of those that are there.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of one call; by default the cores, shared by the workers.")] = None,
    max_batch: Annotated[int, typer.Option(help="Most examples of one call.")] = 32,
    max_waiting: Annotated[
        int, typer.Option(help="Most examples that wait for a model; beyond them clients are told 429.")
    ] = 1024,
    delay: Annotated[str | None, typer.Option(help="Time for which a batch waits for more requests, such as 2ms.")] = None,
    timeout: Annotated[str, typer.Option(help="Time after which a request is given up.")] = "30s",
    drain: Annotated[str, typer.Option(help="Time for which requests are waited for at the end.")] = "30s",
    max_body: Annotated[int, typer.Option(help="Largest body of a request, unpacked, in MB.")] = 16,
    api_key_file: Annotated[
        str | None, typer.Option(help="File with a key that every request must send, over HTTP (to /v1) and gRPC.")
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Origin of web pages that may ask, or *; may be given many times.")
    ] = None,
    certificate: Annotated[str | None, typer.Option(help="File of a TLS certificate in PEM.")] = None,
    private_key: Annotated[str | None, typer.Option(help="File of the certificate's key.")] = None,
    access_log: Annotated[str | None, typer.Option(help="File for a line of JSON per request; - for the screen.")] = None,
    bench: Annotated[bool, typer.Option("--bench", help="Measure requests per second of each model, and end.")] = False,
):
    """Serve exported models by TensorFlow Serving's API (HTTP and gRPC), with a page to play with.

    **Examples:** `zoo export mnist_cnn`, then `zoo serve`, then http://127.0.0.1:8501
    """
    from zoo.serve.setup import serve_models

    serve_models(
        folder=folder,
        config=config,
        host=host,
        port=port,
        grpc_port=None if grpc_port < 0 else grpc_port,
        engine=engine,
        workers=workers,
        threads=threads,
        max_batch=max_batch,
        max_waiting=max_waiting,
        delay=0.0 if delay is None else seconds(delay, "--delay"),
        timeout=seconds(timeout, "--timeout"),
        drain=seconds(drain, "--drain"),
        max_body=max_body,
        api_key_file=api_key_file,
        cors=tuple(cors or ()),
        certificate=certificate,
        private_key=private_key,
        access_log=access_log,
        bench=bench,
    )
