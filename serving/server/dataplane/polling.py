"""Calls an action periodically in a thread."""

import logging
import threading
from collections.abc import Callable

LOG = logging.getLogger("fanout-model-server")
STOP_SECONDS = 5.0


class Every:
    """Calls an action every ``seconds`` until stop(); an error is logged and is not fatal."""

    def __init__(self, seconds: float, action: Callable[[], None], name: str) -> None:
        self._seconds = seconds
        self._action = action
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stops the calls; waits a limited time for one that is under way."""
        self._ended.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._action()
            except Exception as error:
                LOG.error("%s failed: %s", self._thread.name, error)
