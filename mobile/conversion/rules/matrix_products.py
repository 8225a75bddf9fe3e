"""Products of two computed matrices, behind which the converter loses a relu."""

from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with such products as products of stacks of one matrix each.

    The converter makes a fully connected layer of a product of two matrices, fuses the relu behind
    into it, and then a BATCH_MATMUL of that where both matrices are computed. BATCH_MATMUL has no
    fused relu. A stack of matrices becomes a BATCH_MATMUL at once.
    """
    return graph.replaced(("MatMul", "BatchMatMul", "BatchMatMulV2"), _stacked)


def _stacked(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    first, second = operation.inputs
    if {first.shape.rank, second.shape.rank} != {2} or _is_weight(first) or _is_weight(second):
        return None
    flags = ("transpose_a", "transpose_b") if operation.type == "MatMul" else ("adj_x", "adj_y")
    product = tf.raw_ops.BatchMatMulV2(
        x=tf.expand_dims(first, 0),
        y=tf.expand_dims(second, 0),
        adj_x=operation.get_attr(flags[0]),
        adj_y=operation.get_attr(flags[1]),
    )
    return [tf.squeeze(product, 0)]


def _is_weight(tensor: Any) -> bool:
    return constant(tensor) is not None
