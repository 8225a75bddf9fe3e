"""A small parent that starts the server again when it dies: TensorFlow can end its whole process.

The parent forks before anything large is imported. It forwards SIGTERM and SIGINT, waits, and reaps
orphans, as PID 1 of a container must.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

PROGRAM = "fanout-model-server"
FLAG = "--supervise"
# How often in a row a server may die before it is ready.
ATTEMPTS = 5
# A server that lived for less is young. The first young one is followed at once, the next ones
# after pauses that double.
YOUNG_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_WAITED_FOR = (*_STOPPING, signal.SIGCHLD)
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Restarts:
    """The restarts before the present server.

    Attributes:
        count: how many there were.
        at: the time of the last one, in seconds since 1970; 0 if there was none.
        reason: what ended the server before: a signal's name, or ``exit code 3``.
    """

    count: int = 0
    at: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Life:
    """What a supervised server receives.

    Attributes:
        restarts: the restarts before it.
        ready: must be called once, when the server answers.
    """

    restarts: Restarts
    ready: Callable[[], None]


@dataclass(frozen=True)
class _Child:
    pid: int
    started: float
    readiness: int

    def was_ready(self) -> bool:
        try:
            return bool(os.read(self.readiness, 1))
        except BlockingIOError:  # something that it started is alive
            return False


def is_wanted(arguments: Sequence[str]) -> bool:
    """Returns whether a command line asks for supervision; the server itself parses the rest."""
    wanted = True
    for word, following in pairwise((*arguments, "")):
        name, equals, value = word.partition("=")
        if name == FLAG:
            wanted = (value if equals else following).lower() not in ("false", "0")
    return wanted


def pause_after(young: int) -> float:
    """Returns the seconds to wait when so many servers in a row have died young."""
    return min(2.0 ** min(young - 2, 30), LONGEST_PAUSE_SECONDS) if young > 1 else 0.0


def run(work: Callable[[Life], int]) -> int:
    """Runs ``work`` in a child, again and again if it dies; returns the exit code.

    In the child it returns what ``work`` returns, so both processes must end with that code.
    """
    parent = os.getpid()
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # if it were ignored, no child could be waited for
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    restarts = Restarts()
    has_served = False
    died_early = died_young = 0
    while True:
        readable, writable = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if not pid:
            os.close(readable)
            _end_with(parent)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            return work(Life(restarts, partial(_tell, writable)))
        os.close(writable)
        os.set_blocking(readable, False)
        child = _Child(pid, started, readable)
        code, was_stopped = _wait(child)
        lived = time.monotonic() - started
        was_ready = child.was_ready()
        os.close(readable)
        has_served = has_served or was_ready
        if was_stopped:
            # One that was still starting has no handler for the signal yet.
            return _shell_code(0 if -code in _STOPPING else code)
        if code >= 0 and not has_served:
            return code  # a mistake in the configuration; the server said which
        reason = _reason(code)
        died_early = 0 if was_ready else died_early + 1
        if died_early == ATTEMPTS:
            return _give_up(reason)
        died_young = died_young + 1 if lived < YOUNG_SECONDS else 1
        pause = pause_after(died_young)
        _log(
            f"the server (process {pid}) was ended by {reason} after {lived:.1f} s; restart "
            f"{restarts.count + 1}{f' follows in {pause:g} s' if pause else ' follows now'}"
        )
        if _is_stopped_within(pause):
            return 0
        restarts = Restarts(restarts.count + 1, time.time(), reason)


def _wait(child: _Child) -> tuple[int, bool]:
    """Returns how the child ended, as subprocess does, and whether it was asked to."""
    was_stopped = False
    while True:
        number = signal.sigwaitinfo(_WAITED_FOR).si_signo
        if number in _STOPPING:
            was_stopped = True
            os.kill(child.pid, number)  # it exists at least as a zombie: only _reap ends that
        elif (code := _reap(child.pid)) is not None:
            return code, was_stopped


def _reap(wanted: int) -> int | None:
    """Reaps whatever has ended; returns how the wanted child ended, or None if it runs."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        if pid == wanted:
            found = os.waitstatus_to_exitcode(status)


def _is_stopped_within(seconds: float) -> bool:
    """Waits, even for no time; returns whether it was asked to stop."""
    deadline = time.monotonic() + seconds
    while True:
        caught = signal.sigtimedwait(_WAITED_FOR, max(0.0, deadline - time.monotonic()))
        if caught is None:
            return False
        if caught.si_signo in _STOPPING:
            return True
        _reap(0)


def _end_with(parent: int) -> None:
    """Makes the kernel kill this process when its parent ends."""
    import ctypes  # the parent does not need it

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that call
        os._exit(1)


def _tell(writable: int) -> None:
    os.write(writable, b"1")
    os.close(writable)


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal
        return f"signal {-code}"


def _shell_code(code: int) -> int:
    return code if code >= 0 else 128 - code


def _give_up(reason: str) -> int:
    _log(
        f"error: the server ended {ATTEMPTS} times in a row before it was ready, "
        f"the last time by {reason}; it is not started again"
    )
    return 1


def _log(message: str) -> None:
    # Not by logging, which would make the parent larger.
    print(f"{PROGRAM}: {message}", file=sys.stderr, flush=True)
