"""Channels that come first, as in Keras' ``channels_first``."""

import numpy as np

from core.channels import OPERATORS, come_first, moved_last
from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule


def channels_last(operation: Operation) -> list[Tensor] | None:
    """Computes with channels that come last."""
    same = operation.outputs[0].op
    return moved_last(same) if come_first(same) else None


def transposed_twice(operation: Operation) -> Tensor | None:
    """Leaves out a transposition that takes back the one before."""
    import tensorflow as tf

    before, second = operation.inputs[0].op, operation.constant(1)
    if before.type != "Transpose" or second is None:
        return None
    first = operation.of(before.inputs[1])
    if first is None:
        return None
    order = np.asarray(first)[second]
    [x] = before.inputs[:1]
    return x if np.array_equal(order, np.arange(order.size)) else tf.transpose(x, order)


RULES = (
    Rule(OPERATORS, channels_last, "the kernels want the channels last, or take them for the last"),
    Rule(("Transpose",), transposed_twice, "each transposition copies a tensor"),
)
