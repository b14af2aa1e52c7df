"""The command line, `zoo`. Commands import what they need themselves, so that `zoo list` answers at once."""

import importlib
import json
import os
import pathlib
import shlex
import sys
from typing import Annotated

import rich.console
import rich.table
import typer
import typer.exceptions

from zoo.errors import RunError, UsageError

app = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
console = rich.console.Console(markup=False, highlight=False)  # text may hold brackets and numbers of its own

Name = Annotated[str, typer.Argument(help="Name of a network; `zoo list` shows all.", show_default=False)]
Folder = Annotated[str | None, typer.Option(help="Folder of saved models; by default saved_models, then the package's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


@app.callback()
def zoo(debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False):
    """The zoo of classic neural networks: train, evaluate and use them.

    **Example:** `zoo train mnist_cnn data=digits`
    """


@app.command("list")
def list_networks(folder: Folder = None, as_json: Json = False):
    """List every network with what it is and the score of its trained weights.

    **Example:** `zoo list`
    """
    from zoo import recipe as recipes

    rows = [
        {"name": name, "description": recipes.description(name), "score": _score(_card_or_none(name, folder))}
        for name in recipes.recipe_names()
    ]
    if as_json:
        return _print_json(rows)
    table = rich.table.Table("network", "what it is", "score", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["description"], row["score"] or "not trained")
    console.print(table)


@app.command()
def show(name: Name, folder: Folder = None, as_json: Json = False):
    """Show what a network is, its settings with types and defaults, its weight count and its score.

    **Example:** `zoo show mnist_cnn`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    card = _card_or_none(name, folder)
    _quiet()
    recipe = recipes.find(name)
    types = recipe.types()
    content = {
        "name": name,
        "description": recipes.description(name),
        "settings": {key: {"type": recipes.type_name(types[key]), "default": value} for key, value in recipe.defaults().items()},
        "target": str(recipe.target),
        "aim": recipe.target.aim,
        "weights": card and card["weights"]["count"],
        "score": _score(card),
        "card": card,
    }
    if as_json:
        return _print_json(content)
    console.print(f"{name}: {content['description']}", style="bold")
    table = rich.table.Table("setting", "type", "default", box=None, pad_edge=False)
    for key, setting in content["settings"].items():
        table.add_row(key, setting["type"], _plain(setting["default"]))
    console.print(table)
    print(f"target: {content['target']}" + (f", aim {content['aim']:g}" if content["aim"] else ""))
    if card is None:
        print(f"not trained yet: zoo train {name}")
        return None
    print(f"weights: {content['weights']:,}")
    print(f"score: {content['score']} ({card['command']}; {card['made']})")
    return None


@app.command()
def train(
    name: Name,
    settings: Annotated[list[str] | None, typer.Argument(help="Settings as key=value; see `zoo show NAME`.")] = None,
    folder: Annotated[str, typer.Option(help="Folder of saved models.")] = "saved_models",
    seeds: Annotated[int, typer.Option(help="Number of runs; the card tells their mean and deviation.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a result that is there.")] = False,
    from_study: Annotated[
        str | None, typer.Option(help="Begin with the best settings of this study of `zoo tune`; other settings come on top.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Begin with the weights that NAME has in this folder of saved models, from other data; only the head is new. "
            "It learns alone for a quarter of the epochs, then everything at a tenth of the learning rate.",
        ),
    ] = None,
):
    """Train a network by its recipe, report on the test part, and save card, weights and history in FOLDER/NAME.

    **Examples:** `zoo train mnist_cnn` · `zoo train mnist_cnn data=digits epochs=30` · `zoo train mnist_cnn --resume`
    · `zoo train resnet20 --from cifar100`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    settings = settings or []
    if from_study is not None:
        from zoo.tune.files import read_best

        settings = [*read_best(name, from_study, folder), *settings]
    _quiet()
    from zoo.train import train as run

    command = "zoo " + shlex.join(argument for argument in sys.argv[1:] if argument not in ("--debug", "--resume"))
    card = run(name, settings, folder, seeds, resume, overwrite, command, source=source)
    score = card["score"]
    print(f"\n{name}: test {_score(card)}; saved in {folder}/{name}")
    if score["passed"] is False:
        raise RunError(f"the target is missed: {card['target']['text']} was wanted, {score['mean']:.6g} was reached.")


@app.command()
def tune(
    name: Name,
    settings: Annotated[list[str] | None, typer.Argument(help="Settings that are not searched, as key=value.")] = None,
    tuner: Annotated[str, typer.Option(help="hyperband, bayesian, random or grid.")] = "hyperband",
    max_trials: Annotated[int | None, typer.Option(help="Number of trials; 20 by default, or as many as Hyperband has.")] = None,
    budget: Annotated[str | None, typer.Option(help="Time to search, such as 20m; earlier sessions count.")] = None,
    space: Annotated[
        list[str] | None, typer.Option(help="A range in place of the recipe's: key=low:high, with :log or :step, or key=a,b,c.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Trials at a time on this machine; 1 by default.")] = None,
    executions: Annotated[int, typer.Option(help="Runs of each trial, with a seed each; their mean counts.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of each trial; by default the cores are shared out.")] = None,
    study: Annotated[str | None, typer.Option(help="Name of the study; by default the newest, or the next number.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a study.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Begin another study.")] = False,
    fork: Annotated[bool, typer.Option("--fork", help="Begin another study with the comparable trials of this one.")] = False,
    patience: Annotated[str, typer.Option(help="How long a silent worker, or chief, is waited for.")] = "60s",
    folder: Annotated[str, typer.Option(help="Folder of saved models.")] = "saved_models",
    as_json: Json = False,
):
    """Search for better settings of a network, on the validation part; the test part is not looked at.

    Makes FOLDER/NAME/tune/STUDY with best.json, trials.csv, report.html and tensorboard/. With KerasTuner's environment
    variables (KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT) the same command is a chief or a worker
    among many machines.

    **Examples:** `zoo tune mnist_cnn data=digits --tuner random --max-trials 12 --workers 2` ·
    `zoo tune mnist_cnn --budget 30m` · `zoo tune mnist_cnn epochs=5 --space dropout=0.1:0.7`
    """
    from zoo import recipe as recipes
    from zoo.tune.roles import WORKER, address_of, role

    recipes.check_name(name)
    part = role(os.environ)
    waiting = _seconds(patience, "--patience")
    if part == WORKER:
        os.environ["KERAS_BACKEND"] = "numpy"  # it computes nothing itself; its trials get the study's
        _quiet("zoo.tune.worker")
        from zoo.tune.files import studies_folder
        from zoo.tune.worker import work

        return work(studies_folder(name, folder), waiting, threads or os.cpu_count())
    _quiet("zoo.tune.run")
    from zoo.tune.run import tune as search
    from zoo.tune.screen import Screen

    with Screen(rich.console.Console(stderr=True, markup=False, highlight=False)) as show:
        found = search(
            name,
            overrides=settings or [],
            changes=space or [],
            tuner=tuner,
            max_trials=max_trials,
            budget=budget and _seconds(budget, "--budget"),
            workers=(0 if part else 1) if workers is None else workers,
            executions=executions,
            threads=threads,
            study=study,
            resume=resume,
            new=new,
            fork=fork,
            folder=folder,
            patience=waiting,
            address=address_of(os.environ),
            show=show,
        )
    if as_json:
        _print_json(found.summary())
    else:
        _print_study(found)
    if not found.ranked():
        raise RunError(f"no trial completed; {found.folder / 'trials.csv'} says why.")
    return None


@app.command()
def evaluate(
    name: Name,
    folder: Folder = None,
    part: Annotated[str, typer.Option(help="test, validation or train.")] = "test",
    as_json: Json = False,
):
    """Measure a trained network again on a part of its data, and compare with its card.

    Ends with exit code 1 if the number is not the card's to four digits.

    **Example:** `zoo evaluate mnist_cnn`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    if part not in ("test", "validation", "train"):
        raise UsageError(f"got --part {part}; expected test, validation or train.")
    _quiet()
    from zoo import saved
    from zoo.train import evaluate as measure

    card = saved.read_card(saved.find_saved(name, folder))
    scores = measure(name, folder, part)
    metric = card["score"]["metric"]
    recorded = card["score"]["test"] if part == "test" else card["scores"].get(part, {}).get(metric)
    if as_json:
        _print_json({"name": name, "part": part, "scores": scores, "recorded": recorded})
    else:
        for key, value in scores.items():
            print(f"{part} {key}: {value:.6g}")
    if recorded is not None and f"{recorded:.4g}" != f"{scores[metric]:.4g}":
        raise RunError(f"{metric} is {scores[metric]:.6g} and the card says {recorded:.6g}.")


@app.command()
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
    from zoo import recipe as recipes

    recipes.check_name(name)
    _quiet("zoo.export.network")
    from zoo.export.network import export_network

    wanted = [part.strip() for part in formats.split(",") if part.strip()]
    path, report = export_network(name, wanted, quantize, batch, fused, version, folder, allow_flex)
    if as_json:
        return _print_json({"path": str(path), **report})
    console.print(_export_table(report))
    print(f"{name}: exported to {path}")
    return None


@app.command()
def check(
    name: Name,
    version: Annotated[int | None, typer.Option(help="Number of the version; the newest by default.")] = None,
    folder: Annotated[str, typer.Option(help="Folder of the exports.")] = "saved_models",
    as_json: Json = False,
):
    """Replay the golden requests of an exported version, by each of its files in a process of its own.

    Ends with exit code 1 if a file was changed, or answers otherwise than when it was exported.

    **Example:** `zoo check mnist_cnn`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    _quiet("zoo.export.network")
    from zoo.export.network import check_network

    path, results = check_network(name, version, folder)
    if as_json:
        return _print_json({"path": str(path), "largest_difference": results})
    for file, largest in results.items():
        if largest is None:
            print(f"{path}: {file} was not run; it holds operations that its runtime refuses")
        else:
            print(f"{path}: {file} answers as it did (largest difference {largest:.1e})")
    return None


@app.command()
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
        delay=0.0 if delay is None else _seconds(delay, "--delay"),
        timeout=_seconds(timeout, "--timeout"),
        drain=_seconds(drain, "--drain"),
        max_body=max_body,
        api_key_file=api_key_file,
        cors=tuple(cors or ()),
        certificate=certificate,
        private_key=private_key,
        access_log=access_log,
        bench=bench,
    )


@app.command()
def predict(
    name: Name,
    file: Annotated[str, typer.Argument(help="A picture, a text file, a .npy file; for text networks also the text.")],
    folder: Folder = None,
    save: Annotated[str | None, typer.Option(help="Write the answers to this .npz file, which must not exist yet.")] = None,
    as_json: Json = False,
):
    """Ask a trained network about a picture, a line of text or an array.

    **Examples:** `zoo predict mnist_cnn digit.png` · `zoo predict seq2seq "21. November 2026"`
    """
    from zoo import recipe as recipes

    recipes.check_name(name)
    if save and os.path.exists(save):
        raise UsageError(f"{save} exists; give a new name to --save.")
    _quiet()
    from zoo import predict as predicting

    inputs, answers, notes = predicting.predict(name, file, folder)
    if save:
        _save_answers(pathlib.Path(save), answers)
        notes.append(f"answers in {save}")
    if as_json:
        _print_json({"notes": notes, "answers": {key: _plain_list(value) for key, value in answers.items()}})
    else:
        for note in notes:
            console.print(note, style="dim")
        _print_pictures({**inputs, **answers})
        _print_answers(answers)


def main():
    """The console script: one line for an error, exit code 2 for usage and 1 for a failed run."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        if app(arguments or ["--help"], standalone_mode=False) == 130:  # Typer catches Ctrl-C and gives back this code
            raise KeyboardInterrupt
    except (UsageError, RunError, typer.exceptions.TyperException, typer.Abort, KeyboardInterrupt) as error:
        if debug:
            raise
        code, message = _described(error)
        print(f"zoo: {message}", file=sys.stderr)
        sys.exit(code)
    except Exception as error:
        if debug:
            raise
        line = (str(error) or type(error).__name__).strip().splitlines()[0]
        print(f"zoo: unexpected {type(error).__name__}: {line} (--debug shows where)", file=sys.stderr)
        sys.exit(1)


def _described(error):
    """Exit code and message of an error that we expect."""
    if isinstance(error, typer.exceptions.TyperException):
        return 2, error.format_message()
    if isinstance(error, (typer.Abort, KeyboardInterrupt)):
        return 130, "interrupted; nothing half-made was kept. A training goes on with --resume."
    return (2 if isinstance(error, UsageError) else 1), str(error)


def _quiet(module="keras"):
    """Imports a module, with TensorFlow's notes about the machine kept off the screen.

    They are written by C++ before any logging level counts, so the file descriptor itself has to be turned away.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    screen = os.dup(2)
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        importlib.import_module(module)
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def _card_or_none(name, folder):
    from zoo import saved

    try:
        return saved.read_card(saved.find_saved(name, folder))
    except UsageError:
        return None


def _score(card):
    """The score of a card as text, such as 'accuracy 0.9952', or None."""
    if card is None:
        return None
    score = card["score"]
    text = f"{score['metric']} {score['test']:.4g}"
    if score["deviation"] is not None:
        text += f" (mean {score['mean']:.4g} ± {score['deviation']:.2g} of {score['note']})"
    elif score.get("interval"):
        low, high = score["interval"]
        text += f" (95 %: {low:.4g} to {high:.4g})"
    return text


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


def _seconds(text, option):
    from zoo.durations import parse_duration

    return parse_duration(text, option)


def _print_study(study):
    """What came out of a search: the best trials, why others failed, and what to do next."""
    from zoo.tune.files import REPORT
    from zoo.tune.screen import duration, trial_table

    best = study.ranked()
    rows = list(study.rows.values())
    if best:
        console.print(trial_table(study, best[:5]))
    failures = study.failures()
    for reason, count in failures:
        console.print(f"{count} failed: {reason}", soft_wrap=True)
    left = sum(row.status == "waiting" for row in rows)
    ended = f"{len(rows) - left} trials in {duration(study.seconds)}"
    if left:
        ended += f"; {left} not finished when the time was up: go on by --resume with a larger --budget"
    elif study.exhausted and study.tuner != "hyperband":
        ended += "; the space holds no more"
    console.print(f"{study.space.name}, study {study.folder.name}: {ended}; report in {study.folder / REPORT}", soft_wrap=True)
    if best:
        print(study.command(best[0]))


def _print_json(content):
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _plain(value):
    return str(value).replace("'", "")


def _plain_list(value):
    return value.tolist() if hasattr(value, "tolist") else value


def _print_pictures(arrays):
    """Draws every (1, height, width, 1) array and every (1, rows, columns) one, two pixels a character."""
    import numpy as np

    shades = " .:-=+*#%@"
    for key, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind == "f" and len(array) == 1 and (array.ndim == 3 or (array.ndim == 4 and array.shape[-1] == 1)):
            picture = np.clip(array.reshape(array.shape[1:3]), 0, 1)
            console.print(f"{key}:")
            for row in (picture * (len(shades) - 1)).round().astype(int):
                print("".join(shades[shade] * 2 for shade in row).rstrip())


def _print_answers(answers):
    if "probabilities" in answers:
        for label, probabilities in zip(answers["label"], answers["probabilities"]):
            console.print(f"{label}: {probabilities.max():.1%}", style="bold")
        return
    for key, answer in answers.items():
        if isinstance(answer, list):
            for line in answer:
                print(line)
        else:
            print(f"{key}: array {answer.shape}, {answer.min():.3g} to {answer.max():.3g}")


def _save_answers(path, answers):
    import numpy as np

    from zoo.files import written_beside

    try:
        with written_beside(path) as partial, open(partial, "wb") as file:
            np.savez(file, **answers)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror or error}); give another name to --save.") from error
