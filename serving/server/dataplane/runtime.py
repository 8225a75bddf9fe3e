"""Imports TensorFlow quickly and quietly."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType

from core import imports


def tensorflow() -> ModuleType:
    """Returns TensorFlow, imported without Keras."""
    loaded = sys.modules.get("tensorflow")
    if loaded is not None:
        return loaded
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with imports.without_keras(), _quiet(), imports.large():
        import tensorflow as tf
    module: ModuleType = tf
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Holds back what C++ writes to stderr before its log level applies; prints it on an error."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(before, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)
