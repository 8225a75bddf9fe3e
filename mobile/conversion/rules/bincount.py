"""Counts of numbers (multi-hot codes), which TensorFlow Lite lacks."""

from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant, integer, origin


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with sums, or the largest, of one-hot codes for each DenseBincount."""
    return graph.replaced(("DenseBincount",), _summed)


def _summed(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    numbers, size_tensor, weights = operation.inputs
    size = _size(size_tensor)
    if size is None or numbers.shape.rank is None:
        return None
    codes = tf.one_hot(numbers, size, dtype=weights.dtype)
    if operation.get_attr("binary_output"):
        return [tf.reduce_max(codes, axis=-2)]
    given = constant(weights)
    if given is None or given.size:
        codes *= tf.expand_dims(weights, -1)
    return [tf.reduce_sum(codes, axis=-2)]


def _size(tensor: Any) -> int | None:
    """Returns a constant size, also of the form min(size, max(size, …)) that tf.bincount makes."""
    size = integer(tensor)
    upper = origin(tensor).op
    if size is not None or upper.type != "Minimum":
        return size
    for place, bound in enumerate(upper.inputs):
        lower = origin(upper.inputs[1 - place]).op
        size = integer(bound)
        if size is not None and lower.type == "Maximum":
            bounds = [integer(each) for each in lower.inputs]
            if any(each is not None and each >= size for each in bounds):
                return size
    return None
