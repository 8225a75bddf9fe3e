"""Values that a graph determines without being run."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from web.conversion.copies import again
from web.conversion.graph_model import Array, Tensor

# Operators that compute sizes and factors. A value that needs another one is not known.
COMPUTED = frozenset(
    (
        *("AddV2", "Sub", "Mul", "RealDiv", "FloorDiv", "FloorMod", "Neg", "Maximum", "Minimum"),
        *("Cast", "Pack", "ConcatV2", "StridedSlice", "Slice", "GatherV2", "Reshape", "Squeeze"),
        *("ExpandDims", "Range", "Prod", "Sum", "Sqrt", "Floor", "Ceil"),
    )
)
# Those of them that only move numbers: they can move what is not known.
MOVING = frozenset(
    ("Pack", "ConcatV2", "StridedSlice", "Slice", "GatherV2", "Reshape", "Squeeze", "ExpandDims")
)
PASSING = ("Identity", "StopGradient")
# Stands for a size that is only known when the model runs.
UNKNOWN = np.iinfo(np.int32).min


def value(tensor: Tensor, weights: Mapping[str, Array]) -> Array | None:
    """Returns a tensor's value if the graph alone determines it, else None.

    Args:
        weights: the constants, by the names that they have in the tensor's graph.
    """
    operation = _source(tensor)
    if operation.name in weights:
        return weights[operation.name]
    known = partial(tensor, weights)
    return None if known is None or np.any(known == UNKNOWN) else known


def partial(tensor: Tensor, weights: Mapping[str, Array]) -> Array | None:
    """Returns a tensor's value with UNKNOWN for sizes that are only known when the model runs."""
    import tensorflow as tf

    if tensor.dtype == tf.string:
        return None

    operation = _source(tensor)
    if operation.name in weights:
        return weights[operation.name]
    if operation.type == "Shape":
        return _shape(operation.inputs[0])
    if operation.type not in COMPUTED:
        known: Array | None = tf.get_static_value(tensor)
        return known
    inputs = [partial(each, weights) for each in operation.inputs]
    if any(each is None for each in inputs):
        return None
    if operation.type not in MOVING and any(np.any(each == UNKNOWN) for each in inputs):
        return np.full(tensor.shape, UNKNOWN) if tensor.shape.is_fully_defined() else None
    result: Array = _computed(operation, inputs)[tensor.value_index]
    return result


def _source(tensor: Tensor) -> Any:
    operation = tensor.op
    while operation.type in PASSING:
        operation = operation.inputs[0].op
    return operation


def _shape(tensor: Tensor) -> Array | None:
    if tensor.shape.rank is None:
        return None
    sizes = [UNKNOWN if size is None else size for size in tensor.shape]
    return np.array(sizes, np.int32)


def _computed(operation: Tensor, inputs: list[Array | None]) -> list[Array]:
    import tensorflow as tf

    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        constants = [
            tf.constant(value, tensor.dtype)
            for value, tensor in zip(inputs, operation.inputs, strict=True)
        ]
        answers: list[Array] = session.run(again(operation, constants))
        return answers
