"""Triangles and diagonals of matrices."""

import numpy as np

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions


def band_part(operation: Operation) -> Tensor | None:
    """Keeps what lies at most ``lower`` below the diagonal and ``upper`` above it; -1: all."""
    import tensorflow as tf

    matrix = operation.inputs[0]
    lower, upper = operation.constant(1), operation.constant(2)
    if lower is None or upper is None or matrix.shape.rank is None:
        return None
    rows, columns = dimensions(matrix)[-2:]
    below = _range(rows)[:, None] - _range(columns)[None]
    conditions = [below <= int(lower)] if lower >= 0 else []
    conditions += [below >= -int(upper)] if upper >= 0 else []
    if not conditions:
        return matrix
    kept = conditions[0]
    if len(conditions) > 1:
        both = np.logical_and if isinstance(kept, np.ndarray) else tf.logical_and
        kept = both(*conditions)
    if matrix.dtype == tf.bool:
        return tf.logical_and(matrix, kept)
    return tf.where(kept, matrix, tf.zeros((), matrix.dtype))


def diagonal_part(operation: Operation) -> Tensor | None:
    """Returns the main diagonal of each matrix."""
    import tensorflow as tf

    matrix = operation.inputs[0]
    offset = operation.constant(1)
    if offset is None or np.any(offset != 0) or None in matrix.shape[-2:].as_list():
        return None
    size = min(matrix.shape[-2:])
    square = matrix[..., :size, :size]
    chosen = tf.where(np.eye(size, dtype=bool), square, tf.zeros((), matrix.dtype))
    return tf.reduce_sum(chosen, -1)


def diagonal(operation: Operation) -> Tensor | None:
    """Returns matrices with a main diagonal and zeros."""
    import tensorflow as tf

    values = operation.inputs[0]
    offset = operation.constant(1)
    size = values.shape[-1]
    if offset is None or np.any(offset != 0) or size is None:
        return None
    if any(operation.constant(index) not in (-1, size) for index in (2, 3)):
        return None
    padding = operation.inputs[4]
    return tf.where(np.eye(size, dtype=bool), values[..., None], padding)


def _range(size: int | Tensor) -> np.ndarray | Tensor:
    import tensorflow as tf

    return np.arange(size, dtype=np.int32) if isinstance(size, int) else tf.range(size)


RULES = (
    Rule(
        ("MatrixBandPart",), band_part, "the converter takes the lower bound for the upper one too"
    ),
    Rule(("MatrixDiagPartV3",), diagonal_part, "there is no operator MatrixDiagPart"),
    Rule(("MatrixDiagV3",), diagonal, "there is no operator MatrixDiag"),
)
