"""Pooling in three dimensions, which TensorFlow Lite lacks."""

from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph

_POOLINGS = {"MaxPool3D": "MAX", "AvgPool3D": "AVG"}


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with two poolings in two dimensions for each: rows and columns, then depth.

    The padding of "same" counts in neither the largest value nor the mean, so this is exact.
    """
    return graph.replaced(_POOLINGS, _twice)


def _twice(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    if operation.get_attr("data_format") != b"NDHWC":
        return None
    (x,) = operation.inputs
    if not x.shape.is_fully_defined():
        return None
    kind = _POOLINGS[operation.type]
    padding = operation.get_attr("padding").decode()
    _, size_d, size_h, size_w, _ = operation.get_attr("ksize")
    _, step_d, step_h, step_w, _ = operation.get_attr("strides")
    batch, depth, height, width, channels = x.shape
    planes = tf.reshape(x, (batch * depth, height, width, channels))
    planes = tf.nn.pool(planes, (size_h, size_w), kind, (step_h, step_w), padding)
    _, height, width, _ = planes.shape
    columns = tf.reshape(planes, (batch, depth, height * width, channels))
    columns = tf.nn.pool(columns, (size_d, 1), kind, (step_d, 1), padding)
    return [tf.reshape(columns, (batch, columns.shape[1], height, width, channels))]
