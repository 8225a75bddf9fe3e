"""One-hot codes, whose zeros become 0.5 in a calibrated file."""

from typing import Any

import numpy as np

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant, integer

# The table of rows has the square of this many values.
_LARGEST = 512


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with rows of a table of all codes for each one-hot code of one number.

    The quantizer stores ONE_HOT's "off" as the integer 0, which is not the number 0 where the scale
    has a zero point. It makes a ONE_HOT of a comparison with all numbers too, but not of a table.
    """
    return graph.replaced(("OneHot",), _rows)


def _rows(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    indices, depth_tensor, on_tensor, off_tensor = operation.inputs
    depth, on, off = integer(depth_tensor), constant(on_tensor), constant(off_tensor)
    if depth is None or on is None or off is None or depth > _LARGEST:
        return None
    # The last row is for numbers that have no code.
    codes = np.where(np.eye(depth + 1, depth, dtype=bool), on, off)
    known = tf.logical_and(indices >= 0, indices < depth)
    rows = tf.gather(tf.constant(codes), tf.where(known, indices, tf.cast(depth, indices.dtype)))
    axis = operation.get_attr("axis")
    if axis not in (-1, indices.shape.rank):
        order = list(range(indices.shape.rank))
        rows = tf.transpose(rows, [*order[:axis], indices.shape.rank, *order[axis:]])
    return [rows]
