"""Gives work to a process of its own: what would keep the event loop waiting for too long."""

import asyncio
import logging
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from signal import Signals
from typing import Any

from serving.server.dataplane.delivery import result_of
from serving.server.dataplane.statuses import Code, ServingError
from serving.server.offload import exchange

LOG = logging.getLogger("fanout-model-server")
MODULE = "serving.server.offload.program"
# How long the process is kept without work. It starts again within 0.3 s.
IDLE_SECONDS = 60.0
# How long one piece of work may take: the largest requests take about 2 s.
WORK_SECONDS = 60.0
MAX_WAITING = 1000
_END = float("inf")


@dataclass(eq=False, slots=True)
class Job:
    """A function to call in the other process.

    Attributes:
        function: of a module; it and its arguments are pickled.
        arguments: those that are large must be arrays or pickle.PickleBuffers.
        size: of the work, in bytes; smaller jobs come first.
        deadline: on the clock of time.monotonic(); a job that waits longer is not run.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    size: int
    deadline: float = float("inf")

    def abandon(self) -> None:
        """Notes that nobody waits for the result. What the job holds is free at once."""
        self.deadline = 0.0
        self.arguments = ()


def writing_job(
    write: Callable[..., bytes],
    arguments: tuple[Any, ...],
    outputs: Mapping[str, Any],
    deadline: float = float("inf"),
) -> Job:
    """Returns the job that has a function write an answer; its result is the answer's bytes.

    Args:
        write: takes the arguments and returns the bytes.
        arguments: of the function.
        outputs: the arrays that are written.
        deadline: of the job.
    """
    size = sum(array.nbytes for array in outputs.values())
    return Job(exchange.in_buffer, (write, *arguments), size, deadline)


class Converter:
    """Runs jobs in one process, one at a time. Methods belong to the event loop's thread.

    The process starts with the first job, ends when there was none for a while, and starts again
    after it was ended by something else.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._loop = loop
        self._idle_seconds = idle_seconds
        self._jobs: queue.PriorityQueue[tuple[float, int, Job | None, Any]] = queue.PriorityQueue()
        self._order = count()
        self._thread: threading.Thread | None = None
        self._process: _Process | None = None
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Returns the process' id; None while there is no process."""
        process = self._process
        return process.pid if process else None

    def submit(self, job: Job, deliver: Callable[[Any], None]) -> None:
        """Queues a job; ``deliver`` gets its result, or a ServingError, once, on the loop."""
        if self._jobs.qsize() >= MAX_WAITING:
            deliver(ServingError(Code.UNAVAILABLE, "overloaded: too many large requests wait"))
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="converter", daemon=True)
            self._thread.start()
        self._jobs.put((job.size, next(self._order), job, deliver))

    async def run(self, job: Job) -> Any:
        """Returns the result of a job. Raises ServingError."""
        return await result_of(self.submit, job)

    def close(self) -> None:
        """Ends the process and the thread. Jobs that wait are not run."""
        if self._thread:
            self._jobs.put((-_END, next(self._order), None, None))
            self._closing = True
            process = self._process
            if process:
                process.kill()  # it may be in the middle of something
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        try:
            while True:
                try:
                    _, _, job, deliver = self._jobs.get(
                        timeout=self._idle_seconds if self._process else None
                    )
                except queue.Empty:
                    self._end()
                    continue
                if job is None:
                    return
                result = self._run(job)
                self._loop.call_soon_threadsafe(deliver, result)
                del job, deliver, result  # they would stay until the next job
        finally:
            self._end()

    def _run(self, job: Job) -> Any:
        """Returns the result of a job, or a ServingError. Never raises."""
        if job.deadline < time.monotonic():
            return ServingError(Code.DEADLINE_EXCEEDED, "timed out before it was read")
        try:
            if self._process is None:
                self._process = _Process()
            return self._process.call(job.function, job.arguments)
        except TimeoutError:
            problem = f"took more than {WORK_SECONDS:g} s"
            code = Code.DEADLINE_EXCEEDED
        except (EOFError, OSError) as error:
            how = self._process.ending() if self._process else f"did not start: {error}"
            problem, code = f"failed: its process {how}", Code.UNAVAILABLE
        except Exception as error:  # the client gets an answer to any error
            problem, code = f"failed: {error}", Code.INTERNAL
        self._end()
        if not self._closing:
            LOG.error("converting %d bytes %s", job.size, problem)
        return ServingError(code, f"converting {job.size} bytes {problem}")

    def _end(self) -> None:
        if self._process:
            self._process.end()
            self._process = None


class _Process:
    """The other process."""

    def __init__(self) -> None:
        self._connection, other = socket.socketpair()
        self._connection.settimeout(WORK_SECONDS)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.endswith("API_KEY")},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "OPENBLAS_NUM_THREADS": "1",  # more threads would only occupy memory
        }
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(other.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                env=environment,
            )
        self.pid = self._process.pid

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Returns what the function returns, or its ServingError.

        Raises EOFError, OSError or TimeoutError when the process can't answer.
        """
        exchange.send(self._connection, (function, arguments))
        return exchange.receive(self._connection)

    def kill(self) -> None:
        """Ends the process, so that call() fails in another thread."""
        self._process.kill()

    def ending(self) -> str:
        """Returns how the process has ended. It must be about to."""
        code = self._process.wait(WORK_SECONDS)
        return f"ended by {Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        """Ends the process at once."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
