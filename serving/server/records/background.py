"""Work that must not delay a request: done in a thread, and dropped when too much is queued."""

import logging
import threading
from collections import deque
from collections.abc import Callable

LOG = logging.getLogger("fanout-model-server")
STOP_SECONDS = 5.0


class Background:
    """A thread with a bounded queue.

    Args:
        name: of the thread.
        max_entries, max_bytes: limits of the queue.
        idle: called in the thread each time the queue becomes empty, and at the end.
    """

    def __init__(
        self,
        name: str,
        *,
        max_entries: int = 4096,
        max_bytes: int = 64 << 20,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._idle = idle
        self._queue: deque[tuple[int, Callable[[], None]]] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, size: int, work: Callable[[], None]) -> bool:
        """Queues the work, unless the queue is full; returns whether it did. Never blocks for long.

        Args:
            size: the approximate number of bytes that the work keeps in memory.
            work: called in the thread; it must not raise.
        """
        with self._changed:
            full = len(self._queue) >= self._max_entries or self._bytes + size > self._max_bytes
            if full or self._ended:
                return False
            self._queue.append((size, work))
            self._bytes += size
            self._changed.notify()
            return True

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Accepts no more work and waits for the queued work until the timeout."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._ended:
                    self._changed.wait()
                if not self._queue:
                    break
                size, work = self._queue.popleft()
            self._do(work)
            with self._changed:
                self._bytes -= size
                empty = not self._queue
            if empty:
                self._do(self._idle)
        self._do(self._idle)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            LOG.error("%s: %s", self._thread.name, error)
