"""The short way to an answer for a client that asks alone: tasks, ASGI and the queue take as long as a small network."""

import time

from zoo.serve import jsons
from zoo.serve.paths import PREDICT, parts_of, path_of, version_of


class Lone:
    """Answers at once what can be, in the thread of the event loop.

    Args:
        models: The `Models`.
        metrics: The `Metrics`, or None.
    """

    def __init__(self, models, metrics):
        self._models, self._metrics, self._latest = models, metrics, None

    def answer(self, connection, scope, body):
        """The JSON of an answer to :predict.

        Args:
            connection: Whatever stands for the connection. Where the request before came over another one, others are asking, and
                a batch is better.
            scope: The ASGI scope.
            body: The whole body.

        Returns:
            Bytes; None for whatever takes longer, is asked otherwise or is wrong: that goes the long way.
        """
        before, self._latest = self._latest, id(connection)
        if before != self._latest or scope["method"] != "POST":
            return None
        asked = PREDICT.fullmatch(path_of(scope))
        if asked is None:
            return None
        started = time.perf_counter()
        model, number, label, method = parts_of(asked)
        if method != "predict":
            return None
        try:
            with self._models.find(model, version_of(number), label) as version:
                if not (version.is_alone and version.batcher.is_idle):
                    return None
                signature, inputs, form = jsons.read_predict(body, version.signature)
                outputs = version.answer_now(signature, inputs)
                if outputs is None:
                    return None
                written = jsons.write_predict(outputs, form)
        except Exception:  # the long way tells what is wrong
            return None
        if self._metrics is not None:
            self._metrics.request(model, method, 200, time.perf_counter() - started)
        return written
