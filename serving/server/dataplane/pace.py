"""Recent durations of a signature's calls, used to choose where the next call runs."""

import time
from collections import deque

# A call shorter than this runs on the event loop: a hop to a thread and back costs about as much
# as a small model's whole call, and another request waits for it for at most 5 ms.
FAST_SECONDS = 0.005
_REMEMBERED = 8


class Pace:
    """Recent durations by batch size, in steps of powers of two.

    On a busy machine, a call takes long whenever its threads have to wait for a core. That says
    nothing about the model, so the lower quartile of the last calls is used.
    """

    def __init__(self) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._seconds: dict[int, float] = {}

    def record(self, rows: int, seconds: float) -> None:
        """Records how long a call with this many rows took."""
        step = _step(rows)
        recent = self._recent.get(step)
        if recent is None:
            recent = self._recent[step] = deque(maxlen=_REMEMBERED)
        recent.append(seconds)
        self._seconds[step] = sorted(recent)[len(recent) // 4]

    def fast(self, rows: int) -> bool:
        """Returns whether a call with this many rows is expected to be short; False if unknown."""
        step = _step(rows)
        seconds = self._seconds.get(step)
        if seconds is None:
            smaller = [one for one in list(self._seconds) if one < step]
            if not smaller:
                return False
            # At worst, a call takes as long as all its rows one after the other.
            nearest = max(smaller)
            seconds = self._seconds[nearest] * 2 ** (step - nearest)
        return seconds < FAST_SECONDS


class Stopwatch:
    """Measures how long a call takes, without most of the time that it waits for a core.

    That is the process' CPU time, but at least a quarter of the elapsed time, for models that wait
    for something else, and at most all of it, for models that use several cores.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu = time.process_time()

    def seconds(self) -> float:
        """Returns the measured time since the stopwatch was created."""
        elapsed = time.perf_counter() - self._started
        return min(elapsed, max(time.process_time() - self._cpu, elapsed / 4))


def _step(rows: int) -> int:
    """Returns the exponent of the power of two at or above a size."""
    return (rows - 1).bit_length()
