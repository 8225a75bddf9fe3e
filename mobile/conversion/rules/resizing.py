"""Bicubic and antialiased resizing of pictures, which TensorFlow Lite lacks."""

from typing import Any

import numpy as np

from core.arrays import Array
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant

_KINDS = ("ResizeBicubic", "ScaleAndTranslate")


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with two products with constant matrices where all sizes are known.

    Each new row is a weighted sum of old rows, and so are columns. The weights are what TensorFlow
    itself answers for pictures of a single bright row.
    """
    import tensorflow as tf

    if not graph.has(_KINDS):
        return graph
    weights = {
        operation.name: (_weights(operation, size, 0), _weights(operation, size, 1))
        for operation in graph.opened().get_operations()
        if operation.type in _KINDS and (size := _known_size(operation)) is not None
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

    return graph.replaced(_KINDS, products)


def _known_size(operation: Any) -> Array | None:
    """Returns the new height and width if they and the old ones are known."""
    pictures, size = operation.inputs[:2]
    if not pictures.shape.is_fully_defined():
        return None
    if any(_known(each) is None for each in operation.inputs[2:]):
        return None
    return constant(size)


def _known(tensor: Any) -> Any:
    """Returns the value of a tensor that only constants and known shapes decide, else None."""
    import tensorflow as tf

    shapes = {
        operation.outputs[0]: operation.inputs[0].shape.as_list()
        for operation in tensor.graph.get_operations()
        if operation.type == "Shape" and operation.inputs[0].shape.is_fully_defined()
    }
    with tf.compat.v1.Session(graph=tensor.graph) as session:
        try:
            return session.run(tensor, shapes)
        except tf.errors.InvalidArgumentError:  # an input decides it
            return None


def _weights(operation: Any, size: Array, axis: int) -> Array:
    """Returns the weights of the old rows (axis 0) or columns (axis 1) in each new one."""
    # The other axis has one pixel, which stays one.
    chosen = np.arange(2) == axis
    bright = np.eye(operation.inputs[0].shape[1 + axis], dtype=np.float32)
    pictures = bright[None, :, None] if axis == 0 else bright[None, None]
    weights: Array = _resized(operation, pictures, np.where(chosen, size, 1), chosen).numpy()[0]
    return weights[:, 0] if axis == 0 else weights[0]


def _resized(operation: Any, pictures: Array, size: Array, chosen: Array) -> Any:
    """Returns pictures resized along the chosen axis as the operation does it."""
    import tensorflow as tf

    if operation.type == "ResizeBicubic":
        return tf.raw_ops.ResizeBicubic(
            images=pictures,
            size=size,
            align_corners=operation.get_attr("align_corners"),
            half_pixel_centers=operation.get_attr("half_pixel_centers"),
        )
    scale, translation = (_known(each) for each in operation.inputs[2:])
    return tf.raw_ops.ScaleAndTranslate(
        images=pictures,
        size=size,
        scale=np.where(chosen, scale, 1).astype(np.float32),
        translation=np.where(chosen, translation, 0).astype(np.float32),
        kernel_type=operation.get_attr("kernel_type"),
        antialias=operation.get_attr("antialias"),
    )
