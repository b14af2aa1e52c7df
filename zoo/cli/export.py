"""`zoo export`."""

import functools
from typing import Annotated

import rich.console
import rich.table
import typer

from zoo.cli.common import Json, Name, console, print_json, quiet


def export(
    name: Name,
    formats: Annotated[str, typer.Option("--format", help="Any of saved_model, litert and onnx, with commas.")] = (
        "saved_model,litert,onnx"
    ),
    quantize: Annotated[str, typer.Option(help="Of the LiteRT file: none, float16, dynamic or int8.")] = "none",
    batch: Annotated[int | None, typer.Option(help="A fixed batch size for the LiteRT file.")] = None,
    fused: Annotated[bool, typer.Option("--fused", help="Fuse LSTM layers in the LiteRT file; fixes batch and length.")] = False,
    version: Annotated[int | None, typer.Option(help="Number of the version; the next one by default.")] = None,
    allow_flex: Annotated[bool, typer.Option("--allow-flex", help="Keep operations that the LiteRT runtime lacks.")] = False,
    folder: Annotated[
        str | None,
        typer.Option(
            help="Folder of saved models and exports; by default saved_models, with the package's weights if it has none."
        ),
    ] = None,
    as_json: Json = False,
):
    """Export a trained network to SavedModel, LiteRT and ONNX, each file proven equal to Keras before it is kept.

    Makes FOLDER/NAME/VERSION with the files, contract.json, golden.json and the proof, export.json; TensorFlow Serving mounts
    FOLDER/NAME.

    **Examples:** `zoo export mnist_cnn` · `zoo export stacked_lstm --format litert --fused --quantize int8`
    """
    from zoo import finder as recipes

    recipes.recipe_file(name)
    quiet("zoo.export.network")
    from zoo.export.network import export_network

    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    progress = rich.console.Console(stderr=True, markup=False, highlight=False, style="dim")
    tell = functools.partial(progress.print, soft_wrap=True)
    path, report = export_network(name, wanted, quantize, batch, fused, version, folder, allow_flex, tell)
    if as_json:
        return print_json({"path": str(path), **report})
    console.print(_export_table(report))
    print(f"{report['name']}: exported to {path}")
    return None


def _export_table(report):
    proven = [entry for entry in report["files"].values() if "latency_ms" in entry]
    batches = sorted({size for entry in proven for size in entry["latency_ms"]})
    columns = ["file", "MB", "of weights", "difference", report["metric"], *(f"ms at {size}" for size in batches)]
    table = rich.table.Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=True)
    before = next((entry["metric_before"] for entry in proven if entry["metric_before"] is not None), None)
    if before is not None:
        table.add_row("(Keras)", "", "", "", f"{before:.5g}")
    for entry in report["files"].values():
        size = f"{entry['bytes'] / 1e6:.3g}"
        if "latency_ms" not in entry:
            table.add_row(entry["file"], size, "", f"not run: {', '.join(entry['operations'])}")
            continue
        metric = "-" if entry["metric_after"] is None else f"{entry['metric_after']:.5g}"
        times = [f"{entry['latency_ms'][size]:.3g}" if size in entry["latency_ms"] else "" for size in batches]
        ratio, difference = f"{entry['weight_ratio']:.1%}", f"{entry['largest_difference']:.1e}"
        table.add_row(entry["file"], size, ratio, difference, metric, *times)
    return table
