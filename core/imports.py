"""Imports of large packages, without the garbage collector."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def large() -> Iterator[None]:
    """Imports in the context make a million objects that stay, and the collector ignores them.

    It would look at all of them again and again, while they are made and ever after.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
