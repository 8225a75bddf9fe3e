"""The terminal's console, and a context that keeps libraries from writing to it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

CONSOLE = Console(stderr=True, highlight=False)


@contextmanager
def library_noise_to(log_file: Path) -> Iterator[None]:
    """Redirects what libraries print to standard error into ``log_file``; CONSOLE stays visible.

    TensorFlow's C++ code writes to the file descriptor itself, so Python cannot filter it.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    terminal_descriptor = os.dup(2)
    # None stands for standard error, whatever that is by then.
    file_before = None if CONSOLE.file is sys.stderr else CONSOLE.file
    with (
        log_file.open("a") as log,
        os.fdopen(os.dup(terminal_descriptor), "w", buffering=1) as terminal,
    ):
        CONSOLE.file = terminal
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal_descriptor, 2)
            os.close(terminal_descriptor)
            CONSOLE.file = file_before  # type: ignore[assignment]  # rich takes None, untyped
