"""Fourier transforms, of which TensorFlow Lite has only real ones of a power of two."""

from typing import Any

import numpy as np

from core.arrays import Array
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant, origin

# The two matrices have the square of this many numbers.
_LONGEST = 1024


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with products with constant matrices for transforms of a known length.

    TensorFlow Lite has no complex numbers outside of RFFT2D, so the real and the imaginary part are
    computed apart.
    """
    return graph.replaced(("Real", "Imag"), _part)


def _part(operation: Any) -> list[Any] | None:
    parts = _parts(origin(operation.inputs[0]).op)
    return None if parts is None else [parts[operation.type == "Imag"]]


def _parts(transform: Any) -> tuple[Any, Any] | None:
    """Returns the real and the imaginary part of what a transform returns; None if unknown."""
    if transform.type not in ("FFT", "IFFT", "RFFT"):
        return None
    length = transform.inputs[0].shape[-1]
    if length is None or length > _LONGEST:
        return None
    if transform.type == "RFFT":
        given = constant(transform.inputs[1])
        if given is None or int(given[0]) != length or length & (length - 1) == 0:
            return None
        cosines, sines = _matrices(length, length // 2 + 1)
        return _product(transform.inputs[0], cosines), _product(transform.inputs[0], -sines)
    numbers = origin(transform.inputs[0]).op
    if numbers.type != "Complex":
        return None
    cosines, sines = _matrices(length, length)
    if transform.type == "IFFT":
        cosines, sines = cosines / length, -sines / length
    real, imaginary = numbers.inputs
    return (
        _product(real, cosines) + _product(imaginary, sines),
        _product(imaginary, cosines) - _product(real, sines),
    )


def _matrices(length: int, frequencies: int) -> tuple[Array, Array]:
    """Returns cos(2π j k / length) and the sines: a row for each place, a column for each k."""
    # The remainder keeps the angles small, and so exact.
    turns = np.outer(np.arange(length), np.arange(frequencies)) % length / length
    return np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)


def _product(signal: Any, matrix: Array) -> Any:
    import tensorflow as tf

    return tf.tensordot(signal, tf.constant(matrix.astype(np.float32)), 1)
