"""TensorBoard's view of a search: one run per trial, with its settings for the HParams tab. TensorFlow is not needed."""

import io
import os
import pathlib
import time

from zoo.errors import RunError
from zoo.files import written_beside

EVENTS = "events.out.tfevents.0.zoo"  # TensorBoard reads what has "tfevents" in its name


def write_board(folder, trial, history, objective):
    """Writes what TensorBoard shows of a finished trial into `folder/TRIAL`, in place of what an earlier call wrote.

    The HParams tab makes its columns from the values and scalars of all runs; it shows the last number of each scalar, so the
    score, which is that of the best epoch, becomes a scalar `best/OBJECTIVE` of its own.

    Args:
        folder: The folder that is given to `tensorboard --logdir`.
        trial: A dictionary with "trial", "status", "score", "seconds" and "values".
        history: One dictionary per epoch, with "epoch" and its numbers.
        objective: Name of the score.

    Raises:
        RunError: If TensorBoard is not installed.
    """
    try:
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError as error:
        raise RunError(f"TensorBoard is not installed ({error}); install it with `pip install tensorboard`.") from error

    now = time.time()
    values = {
        name: value if isinstance(value, (bool, int, float, str)) else str(value) for name, value in trial["values"].items()
    }
    status = api_pb2.STATUS_SUCCESS if trial["status"] == "completed" else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.HParamsPluginData(session_end_info={"status": status, "end_time_secs": now})
    end_value = {"tag": metadata.SESSION_END_INFO_TAG, "metadata": metadata.create_summary_metadata(end)}
    summaries = [(0, summary_v2.hparams_pb(values, trial["trial"], now - trial["seconds"]))]
    for row in history:
        numbers = {tag: number for tag, number in row.items() if tag != "epoch" and isinstance(number, (int, float))}
        summaries += [(row["epoch"], scalar_pb(tag, number)) for tag, number in numbers.items()]
    if trial["score"] is not None:
        summaries.append((history[-1]["epoch"] if history else 0, scalar_pb(f"best/{objective}", trial["score"])))
    summaries.append((0, summary_pb2.Summary(value=[{**end_value, "tensor": metadata.NULL_TENSOR}])))

    memory = io.BytesIO()
    records = RecordWriter(memory)  # EventFileWriter would bring TensorFlow, and a file that TensorBoard sees half of
    records.write(event_pb2.Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    for step, summary in summaries:
        records.write(event_pb2.Event(wall_time=now, step=step, summary=summary).SerializeToString())
    run = pathlib.Path(folder) / trial["trial"]
    run.mkdir(parents=True, exist_ok=True)
    with written_beside(run / "board") as partial:
        partial.write_bytes(memory.getvalue())
    os.replace(run / "board", run / EVENTS)
