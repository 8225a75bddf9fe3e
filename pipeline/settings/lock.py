"""The lock of a build folder: only one process at a time works on it."""

import fcntl
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from core.errors import UserError

LOCK = "lock"
# A process that only asks for the owner holds the lock for microseconds. A process that took the
# lock needs as long to write its name.
_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True)
class Owner:
    """The process that works on a build folder.

    Attributes:
        pid: its process id.
        command: its command line.
        since: the time at which it took the lock, in UTC.
    """

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) since {self.since}"


@contextmanager
def exclusive(build: Path) -> Iterator[None]:
    """Holds the folder's lock. The kernel releases it when the owner dies, for whatever reason.

    Raises:
        UserError: another process holds it; the message says which one, and since when.
    """
    build.mkdir(parents=True, exist_ok=True)
    # Opened without truncating: the content names the owner.
    with os.fdopen(os.open(build / LOCK, os.O_RDWR | os.O_CREAT, 0o644), "r+") as stream:
        if not _taken(stream, fcntl.LOCK_EX, _PATIENCE_SECONDS):
            raise UserError(
                f"{build} is in use by {_named(build) or 'another process'}; "
                "wait for it to end, or end it"
            )
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        stream.truncate(0)
        stream.write(json.dumps(asdict(Owner(os.getpid(), command, now))))
        stream.flush()
        yield


def owner(build: Path) -> Owner | None:
    """Returns the process that works on a build folder now, or None.

    It asks the kernel and does not rely on the file alone.
    """
    try:
        with (build / LOCK).open() as stream:
            free = _taken(stream, fcntl.LOCK_SH, 0.0)
    except OSError:
        return None
    return None if free else _named(build)


def _taken(stream: TextIO, kind: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(stream, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _named(build: Path) -> Owner | None:
    try:
        return Owner(**json.loads((build / LOCK).read_text()))
    except (OSError, ValueError, TypeError):
        return None
