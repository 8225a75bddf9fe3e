"""Decides where and when calls run: joins waiting calls; runs fast ones without a thread."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from serving.server.dataplane import shapes
from serving.server.dataplane.metrics import Metrics
from serving.server.dataplane.pace import FAST_SECONDS, Pace, Stopwatch
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, ServingError, from_exception
from serving.server.dataplane.tensors import Signature, Tensors
from serving.server.dataplane.versions import Lease

Result = Tensors | ServingError
_Key = tuple[object, ...]
# How often a full queue is searched for calls that nobody waits for; that takes about 0.1 ms.
_DROP_SECONDS = 0.01
_Outcome = tuple[list[Result], float]  # the result of each call of a batch, and the seconds


@dataclass(eq=False, slots=True)
class Call:
    """A signature to run with checked inputs; the call holds a lease on the version.

    Attributes:
        outputs: the aliases of the outputs to return.
        deadline: on the clock of time.monotonic().
        plain: whether a plain list was sent for a column; outputs are then answered as such lists.
        weight: of the inputs; see InputLimits.check().
    """

    lease: Lease
    signature: Signature
    inputs: Tensors
    outputs: tuple[str, ...]
    deadline: float = float("inf")
    plain: bool = False
    weight: int = 0

    def abandon(self) -> None:
        """Notes that nobody waits for the outputs. The call is not run, unless it runs already."""
        self.deadline = 0.0

    def group(self) -> tuple[int, _Key]:
        """Returns the size of the batch, and a key that calls must share to run as one batch.

        The size is 0 when the call can't be joined with others.
        """
        signature = self.signature
        alone = 0, (id(self),)
        if signature.name not in self.lease.servable.joinable:
            return alone
        rows = -1
        inner = []
        for alias, info in signature.inputs.items():
            shape = self.inputs[alias].shape
            if not info.admits(shape) or rows not in (-1, shape[0]):
                return alone
            rows = shape[0]
            inner.append(shape[1:])
        if rows < 1:
            return alone
        return rows, (id(self.lease), signature.name, self.outputs, *inner)

    def answered(self, outputs: Tensors) -> Tensors:
        """Returns the outputs of this call in the shapes that its client expects."""
        return shapes.without_columns(self.signature, outputs) if self.plain else outputs

    def run(self) -> Tensors:
        """Runs the call at once in this thread. Returns the outputs; keeps the lease."""
        return self.lease.servable.run(self.signature, self.inputs, self.outputs)


@dataclass(eq=False, slots=True)
class _Waiting:
    call: Call
    rows: int
    deliver: Callable[[Result], None]


class Scheduler:
    """Runs calls. All methods belong to the event loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        max_batch: int = 32,
        max_waiting: int = 1000,
        threads: int = 2,
        metrics: Metrics | None = None,
    ) -> None:
        self._loop = loop
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")
        self._running: set[_Key] = set()
        self._count = 0
        self._queues: dict[_Key, deque[_Waiting]] = {}
        self._scheduled = False
        self._dropped = 0.0
        self._metrics = metrics or Metrics()

    def submit(self, call: Call, deliver: Callable[[Result], None]) -> None:
        """Queues a call; ``deliver`` gets its outputs or its error once, on the loop."""
        if self._count >= self._max_waiting:
            self._drop_late()
        if self._count >= self._max_waiting:
            call.lease.release()
            deliver(
                ServingError(
                    Code.UNAVAILABLE, f"overloaded: {self._count} requests are already waiting"
                )
            )
            return
        rows, key = call.group()
        self._queues.setdefault(key, deque()).append(_Waiting(call, rows, deliver))
        self._count += 1
        self._schedule()

    @property
    def waiting(self) -> int:
        """Returns how many calls are waiting or running."""
        return self._count

    def close(self) -> None:
        """Ends the threads. No call may be waiting."""
        self._pool.shutdown(wait=True)

    def _drop_late(self) -> None:
        """Answers the waiting calls that are past their deadline, or whose client is gone."""
        now = time.monotonic()
        if now - self._dropped < _DROP_SECONDS:
            return
        self._dropped = now
        for key, queue in list(self._queues.items()):
            late = [waiting for waiting in queue if waiting.call.deadline < now]
            if late:
                kept = deque(waiting for waiting in queue if waiting.call.deadline >= now)
                if kept:
                    self._queues[key] = kept
                else:
                    del self._queues[key]
                for waiting in late:
                    self._answer(waiting, _too_late())

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            # After the callbacks that are ready now, which may add more calls to this batch.
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._scheduled = False
        started = time.monotonic()
        for key in list(self._queues):
            queue = self._queues[key]
            rows, weight = _ahead(queue, self._max_batch)
            fast = _pace(queue[0].call).fast(rows, weight)
            if not fast and (len(self._running) >= self._threads or key in self._running):
                continue  # these calls wait and form a larger batch
            batch = self._take(key, queue, self._max_batch if fast else _unpadded(rows))
            if queue:  # the others come first
                self._queues[key] = self._queues.pop(key)
                self._schedule()
            if fast:
                self._finish(batch, _run(batch))
                if self._queues and time.monotonic() - started > FAST_SECONDS:
                    self._schedule()  # other callbacks come first
                    break
            elif batch:
                self._running.add(key)
                self._pool.submit(self._run_in_thread, key, batch)

    def _run_in_thread(self, key: _Key, batch: list[_Waiting]) -> None:
        outcome = _run(batch)
        self._loop.call_soon_threadsafe(self._thread_done, key, batch, outcome)

    def _take(self, key: _Key, queue: deque[_Waiting], most: int) -> list[_Waiting]:
        """Returns the next calls to run together; answers those past their deadline.

        Args:
            key: of the queue.
            queue: the waiting calls.
            most: the largest number of rows in total.
        """
        batch: list[_Waiting] = []
        rows = 0
        now = time.monotonic()
        while queue and (not batch or rows + queue[0].rows <= most):
            waiting = queue.popleft()
            if waiting.call.deadline < now:
                self._answer(waiting, _too_late())
                continue
            batch.append(waiting)
            rows += waiting.rows
        if not queue:
            del self._queues[key]
        return batch

    def _thread_done(self, key: _Key, batch: list[_Waiting], outcome: _Outcome) -> None:
        self._running.remove(key)
        self._finish(batch, outcome)
        if self._queues:
            self._schedule()

    def _finish(self, batch: list[_Waiting], outcome: _Outcome) -> None:
        if not batch:
            return
        results, seconds = outcome
        name = batch[0].call.lease.servable.name
        rows = max(sum(waiting.rows for waiting in batch), 1)
        self._metrics.batches.add(name, str(_next_power(rows)))
        self._metrics.runtime_latency.record(seconds * 1e6, name, "Predict", "session")
        for waiting, result in zip(batch, results, strict=True):
            self._answer(waiting, result)

    def _answer(self, waiting: _Waiting, result: Result) -> None:
        self._count -= 1
        waiting.call.lease.release()
        waiting.deliver(result)


def _too_late() -> ServingError:
    return ServingError(Code.DEADLINE_EXCEEDED, "timed out before it was run")


def _pace(call: Call) -> Pace:
    return call.lease.servable.pace(call.signature.name)


def _ahead(queue: deque[_Waiting], most: int) -> tuple[int, int]:
    """Returns the rows and the weight of the next batch of a queue."""
    rows = weight = 0
    for waiting in queue:
        if rows and rows + waiting.rows > most:
            break
        rows += waiting.rows
        weight += waiting.call.weight
    return max(rows, 1), weight


def _unpadded(rows: int) -> int:
    """Returns how many rows of a slow model to run next: its padding costs as much as requests."""
    return 1 << (rows.bit_length() - 1)


def timed_run(
    servable: Servable,
    signature: Signature,
    inputs: Tensors,
    outputs: tuple[str, ...],
    weight: int,
) -> Tensors:
    """Returns the outputs of a call, and records how long it took. Raises ServingError.

    Args:
        servable, signature, inputs, outputs: of the call.
        weight: of its inputs.
    """
    stopwatch = Stopwatch()
    results = servable.run(signature, inputs, outputs)
    seconds = stopwatch.seconds()
    rows = max((array.shape[0] for array in inputs.values() if array.ndim), default=1)
    servable.pace(signature.name).record(max(rows, 1), weight, seconds)
    return results


def _run(batch: list[_Waiting]) -> _Outcome:
    """Returns the results of a batch and how long they took. Never raises."""
    started = time.perf_counter()
    stopwatch = Stopwatch()
    results: list[Result]
    try:
        if len(batch) > 1:
            results = list(_run_joined(batch))
        else:
            results = [waiting.call.run() for waiting in batch]
    except ServingError as error:
        # One bad request must not fail the others.
        # Not the same object: its traceback and cause refer to frames with the calls and inputs.
        alone = ServingError(error.code, error.message)
        results = [_run([one])[0][0] for one in batch] if len(batch) > 1 else [alone]
    except Exception as error:  # the clients get an answer to any error
        results = [from_exception(error) for _ in batch]
    else:
        if batch:
            rows = max(sum(waiting.rows for waiting in batch), 1)
            weight = sum(waiting.call.weight for waiting in batch)
            _pace(batch[0].call).record(rows, weight, stopwatch.seconds())
    return results, time.perf_counter() - started


def _next_power(rows: int) -> int:
    return 1 << (rows - 1).bit_length()


def _padded(rows: int) -> int:
    """Returns the padded size of a batch. There are few sizes, as kernels prepare once for each.

    The sizes are an eighth of a power of two apart, so at most an eighth of the rows is padding.
    """
    step = max(_next_power(rows) // 8, 1)
    return -(-rows // step) * step


def _run_joined(batch: list[_Waiting]) -> list[Tensors]:
    first = batch[0].call
    rows = sum(waiting.rows for waiting in batch)
    padding = _padded(rows) - rows
    joined = {}
    for alias in first.signature.inputs:
        parts = [waiting.call.inputs[alias] for waiting in batch]
        if padding:
            parts.append(np.repeat(parts[-1][-1:], padding, axis=0))
        joined[alias] = np.concatenate(parts)
    outputs = first.lease.servable.run(first.signature, joined, first.outputs)
    for alias, array in outputs.items():
        if not array.ndim or len(array) != rows + padding:
            raise ServingError(Code.INTERNAL, f"output {alias} does not follow the batch size")
    ends = accumulate(waiting.rows for waiting in batch)
    return [
        {alias: array[end - waiting.rows : end] for alias, array in outputs.items()}
        for waiting, end in zip(batch, ends, strict=True)
    ]
