"""Remembers failed attempts, so that nobody waits twice.

For a day, an attempt that failed is not repeated with the same inputs.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import FanoutError
from core.files import write_text

FILE = "failures.json"
FORGET_SECONDS = 24 * 3600.0


@contextmanager
def of_failures(work: Path, attempt: str) -> Iterator[None]:
    """Remembers that the body failed, and raises the same error instead of running it again.

    Args:
        work: the folder that stores the failures.
        attempt: describes the attempt, including all its inputs.

    Raises:
        FanoutError: the attempt failed within the last day, or fails now.
    """
    known = _read(work)
    before = known.get(attempt)
    if before is not None and time.time() - before["at"] < FORGET_SECONDS:
        raise FanoutError(str(before["reason"]))
    try:
        yield
    except FanoutError as error:
        known[attempt] = {"at": time.time(), "reason": str(error)}
        write_text(work / FILE, json.dumps(known, indent=1))
        raise
    if before is not None:
        del known[attempt]
        write_text(work / FILE, json.dumps(known, indent=1))


def forget(work: Path) -> None:
    """Forgets all failures, so that an attempt that the user asks for by name is made again."""
    (work / FILE).unlink(missing_ok=True)


def _read(work: Path) -> dict[str, dict[str, Any]]:
    try:
        known: dict[str, dict[str, Any]] = json.loads((work / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return known
