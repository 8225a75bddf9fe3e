"""Terminal lines while the pipeline runs: one line per component.

TFX reports its components only by log records. A handler turns those into lines. Everything else
that TFX, Beam and TensorFlow log goes to a file.
"""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.console import CONSOLE

_RUNNING = re.compile(r"^Component (\S+) is running\.$")
_CACHED = re.compile(r"^A cached execution \d+ is used\.$")
_FINISHED = re.compile(r"^Component (\S+) is finished\.$")


@contextmanager
def component_lines(log_file: Path) -> Iterator[None]:
    """Shows components as they run, and keeps every log record in ``log_file``."""
    from absl import logging as absl_logging

    root = logging.getLogger()
    to_file = logging.FileHandler(log_file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before, level = root.handlers[:], root.level
    absl_logger = logging.getLogger("absl")
    verbosity, propagate = absl_logging.get_verbosity(), absl_logger.propagate
    root.handlers = [to_file, _Lines()]
    root.setLevel(logging.INFO)
    # Set by absl's own function: libraries that lower the level briefly restore its value.
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logger.propagate = True
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(level)
        absl_logging.set_verbosity(verbosity)
        absl_logger.propagate = propagate
        to_file.close()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._started = 0.0
        self._cached = False

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if match := _RUNNING.match(message):
            self._started, self._cached = time.monotonic(), False
            if CONSOLE.is_terminal:
                CONSOLE.print(f"  [dim]▸ {match[1]} …[/]", end="\r")
        elif _CACHED.match(message):
            self._cached = True
        elif match := _FINISHED.match(message):
            seconds = time.monotonic() - self._started
            note = "[dim]nothing changed[/]" if self._cached else f"{seconds:6.1f} s"
            CONSOLE.print(f"  [green]✓[/] {match[1]:<28} {note}")
