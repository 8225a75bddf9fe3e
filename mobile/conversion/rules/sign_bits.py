"""The sign bit of a number, which Keras' argmax reads from the number's bits."""

from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import integer, origin


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with ``x < 0`` for ``bits(x) & sign bit < 0``.

    TensorFlow Lite has no BitwiseAnd. Minus zero then equals zero, as everywhere else in TensorFlow
    Lite: of several largest values that are zeros of both signs, argmax returns the first.
    """
    return graph.replaced(("Less",), _compared)


def _compared(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    if integer(operation.inputs[1]) != 0:
        return None
    masked = origin(operation.inputs[0]).op
    if masked.type != "BitwiseAnd":
        return None
    for place, mask in enumerate(masked.inputs):
        bits = origin(masked.inputs[1 - place]).op
        if integer(mask) == mask.dtype.min and bits.type == "Bitcast":
            x = bits.inputs[0]
            if x.dtype.is_floating and x.dtype.size == mask.dtype.size:
                return [tf.less(x, tf.zeros((), x.dtype))]
    return None
