"""Imports TensorFlow quickly and quietly."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from types import ModuleType

from core import imports


def tensorflow() -> ModuleType:
    """Returns TensorFlow, imported without Keras.

    TensorFlow looks for Keras while it is being imported, and Keras imports SciPy and scikit-learn.
    That takes about half of the start-up time, and a SavedModel needs none of it. ``tf.keras``
    still works afterwards.
    """
    loaded = sys.modules.get("tensorflow")
    if loaded is not None:
        return loaded
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    hide = "keras" not in sys.modules
    if hide:
        sys.modules["keras"] = None  # type: ignore[assignment]  # makes "import keras" fail
    try:
        with _quiet(), imports.large():
            import tensorflow as tf
    finally:
        if hide:
            del sys.modules["keras"]
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
