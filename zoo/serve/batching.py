"""Several requests in one call of an engine: a batch is what queued up while the one before it ran."""

import collections
import dataclasses
import math
import threading
import time

import numpy as np


class QueueFull(Exception):
    """There is no room for another request now."""


class Stopped(Exception):
    """The queue takes no more requests: another version has taken over."""


QUICK = 0.002  # seconds of a call for which the caller's own thread may be used


@dataclasses.dataclass(eq=False)
class _Waiting:
    """One request in the queue; `tell` takes its outputs, or the error in their place."""

    key: tuple
    inputs: dict
    rows: int
    tell: object
    is_wanted: object
    since: float


class Batcher:
    """A queue of requests to one engine, and the thread that answers them.

    A lone request is answered at once: nothing waits for a batch to fill, unless `delay` asks for it. Requests share a call where
    their inputs differ in the first size only; they are never padded.

    Args:
        run: Function of (signature, {input: array}) to {output: array}.
        max_batch: Most rows of one call; larger requests are run in parts.
        max_waiting: Most rows that may wait; beyond them a request is refused.
        delay: Seconds for which a batch waits for more requests.
        slots: A semaphore that bounds how many engines run at once, or None.
        observe: Function of (rows, seconds, rows that wait) that is told of every call, or None.
    """

    def __init__(self, run, max_batch=32, max_waiting=1024, delay=0.0, slots=None, observe=None):
        self._run, self._slots, self._observe = run, slots or threading.Semaphore(), observe
        self._max_batch, self._max_waiting, self._delay = max_batch, max_waiting, delay
        self._queue, self._rows = collections.deque(), 0
        self._changed, self._stopped = threading.Condition(), False
        self._busy, self._usual = threading.Lock(), {}  # who runs the engine, and how long calls of a kind took of late
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    @property
    def waiting(self):
        """Number of rows in the queue."""
        return self._rows

    @property
    def is_idle(self):
        """Whether nothing waits."""
        return not (self._queue or self._delay or self._stopped)

    def submit(self, signature, inputs, rows, tell, is_wanted=lambda: True):
        """Puts a request into the queue.

        Args:
            signature: Name of the signature.
            inputs: {name: array}.
            rows: Number of examples in it; None if its inputs are single values, which no other request can share.
            tell: Function that is called once, in the batcher's thread, with the outputs or with an exception.
            is_wanted: Function that says whether anybody still waits for the answer.

        Raises:
            QueueFull: If there is no room.
            Stopped: If it was stopped.
        """
        shapes = tuple((name, array.shape[1:], array.dtype.str) for name, array in inputs.items())
        key = (signature, rows is None or shapes)
        entry = _Waiting(key, inputs, rows or 1, tell, is_wanted, time.monotonic())
        with self._changed:
            if self._stopped:
                raise Stopped
            if self._rows >= self._max_waiting:
                raise QueueFull
            self._queue.append(entry)
            self._rows += entry.rows
            self._changed.notify()

    def now(self, signature, inputs, rows):
        """Answers a lone request in the caller's thread: to hand it to another and back takes as long as a small network.

        Args:
            signature: Name of the signature.
            inputs: {name: array}.
            rows: Number of examples in it.

        Returns:
            The outputs; None if the engine is at work, or usually takes so long that the caller has better to do meanwhile.
        """
        if not self.is_idle or rows is None or rows > self._max_batch:
            return None
        if self._usual.get(_kind(signature, inputs), math.inf) > QUICK:
            return None
        if not self._busy.acquire(blocking=False):
            return None
        try:
            if self._stopped or not self._slots.acquire(blocking=False):
                return None
            try:
                return self._timed(signature, inputs, rows)
            finally:
                self._slots.release()
        finally:
            self._busy.release()

    def stop(self):
        """Answers what is in the queue, ends the thread, and lets go of the engine."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()
        with self._busy:  # `now` may be at it
            self._run = None

    def _work(self):
        while True:
            with self._changed:
                while not self._queue and not self._stopped:
                    self._changed.wait()
                if not self._queue:
                    return
                if self._delay:
                    until = self._queue[0].since + self._delay
                    while self._rows < self._max_batch and not self._stopped and time.monotonic() < until:
                        self._changed.wait(until - time.monotonic())
                batch = self._next_batch()
            if batch:
                self._answer(batch)

    def _next_batch(self):
        """The oldest request, and those behind it that fit into its call; what nobody waits for any more is dropped."""
        batch, rows, kept = [], 0, collections.deque()
        while self._queue:
            entry = self._queue.popleft()
            if not entry.is_wanted():
                self._rows -= entry.rows
            elif not batch or (entry.key == batch[0].key and entry.key[1] is not True and rows + entry.rows <= self._max_batch):
                batch.append(entry)
                rows += entry.rows
                self._rows -= entry.rows
                if rows >= self._max_batch:
                    break
            else:
                kept.append(entry)
        kept.extend(self._queue)
        self._queue = kept
        return batch

    def _answer(self, batch):
        try:
            with self._busy, self._slots:
                answers = self._call(batch)
        except Exception as error:
            if len(batch) > 1:  # one of them is to blame; the others are answered
                for entry in batch:
                    self._answer([entry])
                return
            answers = [error]
        for entry, answer in zip(batch, answers):
            entry.tell(answer)

    def _call(self, batch):
        signature, single = batch[0].key
        if single is True:
            return [self._timed(signature, batch[0].inputs, 1)]
        inputs = batch[0].inputs
        if len(batch) > 1:
            inputs = {name: np.concatenate([entry.inputs[name] for entry in batch]) for name in inputs}
        rows = sum(entry.rows for entry in batch)
        if rows <= self._max_batch:
            outputs = self._timed(signature, inputs, rows)
        else:
            parts = [
                self._timed(signature, {name: array[start : start + self._max_batch] for name, array in inputs.items()}, None)
                for start in range(0, rows, self._max_batch)
            ]
            outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if len(batch) == 1:
            return [outputs]
        ends = np.cumsum([entry.rows for entry in batch])
        return [{name: array[end - e.rows : end] for name, array in outputs.items()} for e, end in zip(batch, ends)]

    def _timed(self, signature, inputs, rows):
        start = time.perf_counter()
        outputs = self._run(signature, inputs)
        taken = time.perf_counter() - start
        kind = _kind(signature, inputs)
        self._usual[kind] = 0.8 * self._usual.get(kind, taken) + 0.2 * taken
        if self._observe is not None:
            self._observe(rows or len(next(iter(inputs.values()))), taken, self._rows)
        return outputs


def _kind(signature, inputs):
    """What calls take about the same time: those of a signature whose inputs have about the same size."""
    return signature, sum(array.size for array in inputs.values()).bit_length()
