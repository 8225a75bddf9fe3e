"""Runs a function in a fork of this process, which may die, hang or raise anything."""

import contextlib
import ctypes
import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FanoutError

_POLL_SECONDS = 0.02
_LAST_LINES = 3
# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Ended:
    """How a function ended.

    Attributes:
        value: what it returned, as JSON values; None if it did not return.
        refusal: the text of the FanoutError that it raised.
        error: the last lines of another exception's traceback.
        death: how its process ended before the function did.
    """

    value: Any = None
    refusal: str = ""
    error: str = ""
    death: str = ""


def run(function: Callable[[], Any], log: Path, seconds: float) -> Ended:
    """Returns how the function ended in a process of its own.

    Args:
        log: the file that gets what the process prints.
        seconds: the time limit, after which the process and all that it started are killed.
    """
    answer = log.with_suffix(".json")
    answer.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        _work(function, log, answer)
    status = _waited(child, seconds)
    # What the child started may have outlived it.
    _kill_group(child)
    if status is None:
        return Ended(death=f"no answer within {seconds:.0f} s")
    if answer.is_file():
        return Ended(**json.loads(answer.read_text()))
    code = os.waitstatus_to_exitcode(status)
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return Ended(death=f"the process ended with {how}")


def die_with_parent() -> None:
    """Has this process killed when the one that forked it ends, however that comes about."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _work(function: Callable[[], Any], log: Path, answer: Path) -> None:
    os.setsid()
    die_with_parent()
    code = 1
    try:
        with log.open("w") as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        try:
            ended: dict[str, Any] = {"value": function()}
        except FanoutError as error:
            ended = {"refusal": str(error)}
        except BaseException as error:  # any other is a fault of the product
            ended = {"error": _last_lines(error)}
            traceback.print_exc()
        partial = answer.with_suffix(".partial")
        partial.write_text(json.dumps(ended))
        partial.replace(answer)
        code = 0
    finally:
        # Without the parent's handlers at exit.
        os._exit(code)


def _last_lines(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    lines = str(error).strip().splitlines()[:_LAST_LINES]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"{type(error).__name__} in {where}: {' '.join(lines)}"[:500]


def _waited(child: int, seconds: float) -> int | None:
    """Returns the child's wait status; None after the time limit."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(_POLL_SECONDS)
    _kill_group(child)
    os.waitpid(child, 0)
    return None


def _kill_group(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
