"""What the tests have the converter do; it imports them by their names."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.rest.responses import TooLarge


def process() -> int:
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def modules() -> list[str]:
    return list(sys.modules)


def doubled(array: Any) -> Any:
    return array * 2


def joined(pieces: list[Any]) -> bytes:
    return b"".join(pieces)


def refuses(is_too_large: bool) -> None:
    raise TooLarge("too large") if is_too_large else ServingError(Code.NOT_FOUND, "not there")


def fails() -> None:
    raise MemoryError


def ends() -> None:
    os._exit(3)


def waits_for(file: Path, note: Path) -> str:
    """Waits until a file exists; notes first that it has begun."""
    note.touch()
    while not file.exists():
        time.sleep(0.005)
    return "waited"


def notes(file: Path, word: str) -> None:
    with file.open("a") as out:
        out.write(f"{word}\n")
