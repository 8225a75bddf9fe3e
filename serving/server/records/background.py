"""Work that must not hold up a request: done in a thread, dropped when it piles up."""

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
        max_entries, max_bytes: that may wait.
        idle: called in the thread each time the queue has become empty, and at the end.
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
        """Returns whether the work was taken; it isn't when too much waits. Never blocks for long.

        Args:
            size: bytes that the work keeps in memory, about.
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
        """Takes nothing more and waits for what was taken, for a while."""
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
