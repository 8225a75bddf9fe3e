"""How long calls of a signature have taken, to choose where the next one runs."""

import time
from collections import deque

# A call shorter than this runs on the event loop: a hop to a thread and back costs about as much
# as a small model's whole call, and 5 ms is what another request may wait at most for it.
FAST_SECONDS = 0.005
_REMEMBERED = 8


class Pace:
    """Recent durations by size of batch, in steps of powers of two.

    On a busy machine a call takes long whenever its threads have to wait for a core. That says
    nothing of the model, so the lower quartile of the last calls counts.
    """

    def __init__(self) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._seconds: dict[int, float] = {}

    def record(self, rows: int, seconds: float) -> None:
        """Notes how long a call of so many rows took."""
        step = _step(rows)
        recent = self._recent.get(step)
        if recent is None:
            recent = self._recent[step] = deque(maxlen=_REMEMBERED)
        recent.append(seconds)
        self._seconds[step] = sorted(recent)[len(recent) // 4]

    def fast(self, rows: int) -> bool:
        """Returns whether a call of so many rows is expected to be short; no, when unknown."""
        step = _step(rows)
        known = self._seconds.get(step)
        if known is None:
            smaller = [one for one in list(self._seconds) if one < step]
            if not smaller:
                return False
            # At worst a call takes as long as its rows one after the other.
            nearest = max(smaller)
            known = self._seconds[nearest] * 2 ** (step - nearest)
        return known < FAST_SECONDS


class Stopwatch:
    """Measures how long a call takes, without most of the time that it waits for a core.

    That is the process' CPU time, but at least a quarter of the time that passed, for models that
    wait for something else, and at most all of it, for those that use several cores.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu = time.process_time()

    def seconds(self) -> float:
        """Returns it, since this was made."""
        passed = time.perf_counter() - self._started
        return min(passed, max(time.process_time() - self._cpu, passed / 4))


def _step(rows: int) -> int:
    """Returns the exponent of the power of two at or above a size."""
    return (rows - 1).bit_length()
