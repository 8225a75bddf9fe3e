"""One process at a time works on a build folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError


@contextmanager
def exclusive(build: Path) -> Iterator[None]:
    """Holds the folder's lock; the kernel lets go of it when its owner dies, however it dies.

    Raises:
        UserError: another process holds it; the message names the process.
    """
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            owner = stream.read().strip() or "another process"
            raise UserError(
                f"{build} is being worked on by {owner}; wait for it to end, or end it"
            ) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()}")
        stream.flush()
        yield
