"""Imports of large packages, without the garbage collector and without what is not needed."""

import gc
import sys
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


@contextmanager
def without_keras() -> Iterator[None]:
    """TensorFlow is imported in the context without Keras, unless Keras was imported before.

    TensorFlow looks for Keras while it is being imported, and Keras imports SciPy and scikit-learn.
    That takes about half of the time, and a SavedModel needs none of it. ``tf.keras`` still works
    afterwards.
    """
    if "keras" in sys.modules:
        yield
        return
    sys.modules["keras"] = None  # type: ignore[assignment]  # makes "import keras" fail
    try:
        yield
    finally:
        del sys.modules["keras"]
