"""Recent durations of a signature's calls, used to choose where the next call runs."""

import time
from collections import deque

# A call shorter than this runs on the event loop: a hop to a thread and back costs about as much
# as a small model's whole call, and another request waits for it for at most 5 ms.
FAST_SECONDS = 0.005
_REMEMBERED = 8


class Pace:
    """Recent durations by the number of rows and the weight of a row, in powers of two.

    A row's weight is what takes time in it: bytes, and pixels of encoded pictures. On a busy
    machine, a call takes long whenever its threads have to wait for a core. That says nothing about
    the model, so the lower quartile of the last calls is used.
    """

    def __init__(self) -> None:
        self._recent: dict[tuple[int, int], deque[float]] = {}
        self._seconds: dict[tuple[int, int], float] = {}

    def record(self, rows: int, weight: int, seconds: float) -> None:
        """Records how long a call with this many rows of this weight together took."""
        key = _key(rows, weight)
        recent = self._recent.get(key)
        if recent is None:
            recent = self._recent[key] = deque(maxlen=_REMEMBERED)
        recent.append(seconds)
        self._seconds[key] = sorted(recent)[len(recent) // 4]

    def fast(self, rows: int, weight: int) -> bool:
        """Returns whether a call is expected to be short; False if nothing like it was seen."""
        key = step, per_row = _key(rows, weight)
        seconds = self._seconds.get(key)
        if seconds is None:
            # Rows of another weight say nothing: the time may grow with the square of a length.
            smaller = [one for one, other in list(self._seconds) if other == per_row and one < step]
            if not smaller:
                return False
            # At worst, a call takes as long as all its rows one after the other.
            nearest = max(smaller)
            seconds = self._seconds[nearest, per_row] * 2 ** (step - nearest)
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


def _key(rows: int, weight: int) -> tuple[int, int]:
    """Returns the exponents of the powers of two at or above the rows and the weight of a row."""
    return (rows - 1).bit_length(), (weight // rows).bit_length()
