"""What the terminal shows while the pipeline runs: one line a component, epochs as they end.

TFX tells of its components by log records alone. A handler turns those into lines; everything
else that TFX, Beam and TensorFlow log goes to a file.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

CONSOLE = Console(stderr=True, highlight=False)
EPOCH_LINES = 20
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
    # By absl's own call: libraries that lower the level for a moment go back to what it says.
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


@contextmanager
def library_noise_to(log_file: Path) -> Iterator[None]:
    """Sends what libraries print to standard error into ``log_file``; CONSOLE still shows.

    TensorFlow's C++ side writes to the file descriptor itself, before Python could filter it.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    shown = os.dup(2)
    # None, where it was standard error: whatever that is by then.
    before = None if CONSOLE.file is sys.stderr else CONSOLE.file
    with log_file.open("a") as log, os.fdopen(os.dup(shown), "w", buffering=1) as terminal:
        CONSOLE.file = terminal
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(shown, 2)
            os.close(shown)
            CONSOLE.file = before  # type: ignore[assignment]  # rich takes None, untyped


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._started = 0.0
        self._cached = False

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if found := _RUNNING.match(message):
            self._started, self._cached = time.monotonic(), False
            if CONSOLE.is_terminal:
                CONSOLE.print(f"  [dim]▸ {found[1]} …[/]", end="\r")
        elif _CACHED.match(message):
            self._cached = True
        elif found := _FINISHED.match(message):
            seconds = time.monotonic() - self._started
            note = "[dim]nothing changed[/]" if self._cached else f"{seconds:6.1f} s"
            CONSOLE.print(f"  [green]✓[/] {found[1]:<28} {note}")


class EpochLines:
    """Says in a line how an epoch ended; of many, of one in so many, and of the last.

    Args:
        epochs: how many there are to be.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._every = -(-epochs // EPOCH_LINES)
        self._started = 0.0

    def begin(self) -> None:
        self._started = time.monotonic()

    def end(self, epoch: int, figures: Mapping[str, float]) -> None:
        if (epoch + 1) % self._every and epoch + 1 != self._epochs:
            return
        CONSOLE.print(
            f"      epoch {epoch + 1:>2}/{self._epochs}  loss {figures.get('loss', 0):.4f}  "
            f"accuracy {figures.get('accuracy', 0):.4f}  "
            f"held out {figures.get('val_accuracy', 0):.4f}  "
            f"[dim]{time.monotonic() - self._started:.0f} s[/]"
        )
