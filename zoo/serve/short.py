"""The short way from a small request to its answer: past tasks, ASGI and futures, which take as long as a small network."""

import asyncio
import time

from zoo.engines import reason_of
from zoo.errors import UsageError
from zoo.serve import jsons
from zoo.serve.paths import PREDICT, parts_of, path_of, version_of


class Short:
    """Answers :predict in JSON; whatever else is asked, or is wrong, goes the long way, which tells what.

    Args:
        models: The `Models`.
        metrics: The `Metrics`, or None.
        held: The `zoo.serve.bodies.Held` of all requests.
        timeout: Seconds for which an answer is waited for.
    """

    def __init__(self, models, metrics, held, timeout):
        self._models, self._metrics, self._held, self._timeout = models, metrics, held, timeout
        self._latest = None

    def ask(self, connection, scope, body, respond):
        """Asks for the answer to a request.

        Args:
            connection: Whatever stands for the connection. A client that asks alone is answered at once; where the request before
                came over another connection, others ask too, and a batch is better.
            scope: The ASGI scope.
            body: The whole body.
            respond: Function that is called once with (status, bytes of JSON), now or later.

        Returns:
            A function that calls the request off; None if it goes the long way.
        """
        before, self._latest = self._latest, id(connection)
        asked = PREDICT.fullmatch(path_of(scope)) if scope["method"] == "POST" else None
        if asked is None or asked[4].lower() != "predict":
            return None
        started = time.perf_counter()
        try:
            model, number, label, _ = parts_of(asked)
            with self._models.find(model, version_of(number), label) as version:
                signature, inputs, form = jsons.read_predict(body, version.signature)
                if version.is_adapted(signature):
                    return None
                if before == self._latest and version.is_alone:
                    outputs = version.answer_now(signature, inputs)
                    if outputs is not None:
                        written = jsons.write_predict(outputs, form)
                        self._count(model, 200, started)
                        respond(200, written)
                        return lambda: None
                return self._wait(version, signature, inputs, form, len(body), respond, started)
        except Exception:
            return None

    def _wait(self, version, signature, inputs, form, size, respond, started):
        """Puts a request into the queue; its answer is written in the thread of the loop."""
        loop, open_, size = asyncio.get_running_loop(), True, size + sum(array.nbytes for array in inputs.values())

        def end():
            nonlocal open_
            was, open_ = open_, False
            if was:
                timer.cancel()
                version.__exit__()
                self._held.give_back(size)
            return was

        def finish(answer):
            if end():
                code, written = self._written(answer, form)
                self._count(version.name, code, started)
                respond(code, written)

        timer = loop.call_later(self._timeout, finish, TimeoutError())
        version.__enter__()
        try:
            self._held.take(size)
            version.answer(signature, inputs, lambda answer: loop.call_soon_threadsafe(finish, answer), lambda: open_)
        except BaseException:
            end()
            raise
        return end

    def _written(self, answer, form):
        if isinstance(answer, TimeoutError):
            return 504, jsons.error(f"no answer within {self._timeout:g} s")
        if isinstance(answer, Exception):
            return 500, jsons.error(reason_of(answer))
        try:
            return 200, jsons.write_predict(answer, form)
        except UsageError as problem:
            return 400, jsons.error(str(problem))

    def _count(self, model, code, started):
        if self._metrics is not None:
            self._metrics.request(model, "predict", code, time.perf_counter() - started)
