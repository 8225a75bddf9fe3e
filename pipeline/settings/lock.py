"""One process at a time works on a build folder."""

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
# Who only asks for the owner holds the lock for microseconds; who took it needs as long to say so.
_PATIENCE_SECONDS = 0.3


@dataclass(frozen=True)
class Owner:
    """The process that works on a build folder.

    Attributes:
        pid: its process id.
        command: what was run.
        since: when it took the lock, UTC.
    """

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}) since {self.since}"


@contextmanager
def exclusive(build: Path) -> Iterator[None]:
    """Holds the folder's lock; the kernel lets go of it when its owner dies, however it dies.

    Raises:
        UserError: another process holds it; the message says which, and since when.
    """
    build.mkdir(parents=True, exist_ok=True)
    # Opened without truncating: what is in it names the owner.
    with os.fdopen(os.open(build / LOCK, os.O_RDWR | os.O_CREAT, 0o644), "r+") as stream:
        if not _taken(stream, fcntl.LOCK_EX, _PATIENCE_SECONDS):
            raise UserError(
                f"{build} is being worked on by {_named(build) or 'another process'}; "
                "wait for it to end, or end it"
            )
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        stream.truncate(0)
        stream.write(json.dumps(asdict(Owner(os.getpid(), command, now))))
        stream.flush()
        yield


def owner(build: Path) -> Owner | None:
    """Returns who works on a build folder now, or None; it asks the kernel, not the file alone."""
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
