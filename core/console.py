"""The terminal's console, and what keeps libraries from writing on it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

CONSOLE = Console(stderr=True, highlight=False)


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
