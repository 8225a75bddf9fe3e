"""Gives freed memory back to the operating system: glibc keeps what large requests have left."""

import ctypes
from collections.abc import Callable


def trim() -> Callable[[], None]:
    """Returns a function that does it, for a thread: it takes milliseconds, without Python's lock.

    The function does nothing where the C library has no malloc_trim(), such as musl.
    """
    library = ctypes.CDLL(None)
    function = getattr(library, "malloc_trim", None)
    if function is None:
        return lambda: None
    function.argtypes = [ctypes.c_size_t]
    return lambda: function(0)
