"""Bicubic resizing of pictures, which TensorFlow Lite lacks."""

from typing import Any

import numpy as np

from core.arrays import Array
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with two products with constant matrices where all sizes are known.

    Each new row is a weighted sum of old rows, and so are columns. The weights are what TensorFlow
    itself answers for pictures of a single bright row.
    """
    import tensorflow as tf

    weights = {
        operation.name: (_weights(operation, size, 0), _weights(operation, size, 1))
        for operation in graph.opened().get_operations()
        if operation.type == "ResizeBicubic" and (size := _known_size(operation)) is not None
    }

    def products(operation: Any) -> list[Any] | None:
        if operation.name not in weights:
            return None
        of_rows, of_columns = weights[operation.name]
        batch, height, width, channels = operation.inputs[0].shape
        rows = tf.reshape(operation.inputs[0], (batch, height, width * channels))
        rows = tf.matmul(tf.constant(of_rows), tf.cast(rows, tf.float32))
        columns = tf.reshape(rows, (batch * len(of_rows), width, channels))
        columns = tf.matmul(tf.constant(of_columns), columns)
        return [tf.reshape(columns, (batch, len(of_rows), len(of_columns), channels))]

    return graph.replaced(products)


def _known_size(operation: Any) -> Array | None:
    """Returns the new height and width if they and the old ones are known."""
    pictures, size = operation.inputs
    return constant(size) if pictures.shape.is_fully_defined() else None


def _weights(operation: Any, size: Array, axis: int) -> Array:
    """Returns the weights of the old rows (axis 0) or columns (axis 1) in each new one."""
    import tensorflow as tf

    # The other axis has one pixel, which stays one.
    size = np.where(np.arange(2) == axis, size, 1)
    bright = np.eye(operation.inputs[0].shape[1 + axis], dtype=np.float32)
    pictures = bright[None, :, None] if axis == 0 else bright[None, None]
    resized = tf.raw_ops.ResizeBicubic(
        images=pictures,
        size=size,
        align_corners=operation.get_attr("align_corners"),
        half_pixel_centers=operation.get_attr("half_pixel_centers"),
    )
    weights: Array = resized.numpy()[0]
    return weights[:, 0] if axis == 0 else weights[0]
