"""What failed before is not tried again with the same inputs for a day: nobody waits twice."""

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
    """Remembers that the body failed, and raises the same instead of running it again.

    Args:
        work: the folder that the memory is kept in.
        attempt: what is tried, with all its inputs.

    Raises:
        FanoutError: it failed within the last day, or now.
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
    """Lets everything be tried again: what was asked for by name is."""
    (work / FILE).unlink(missing_ok=True)


def _read(work: Path) -> dict[str, dict[str, Any]]:
    try:
        known: dict[str, dict[str, Any]] = json.loads((work / FILE).read_text())
    except (OSError, ValueError):
        return {}
    return known
