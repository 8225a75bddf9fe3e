"""Values that a graph determines without being run."""

from collections.abc import Mapping

import numpy as np

from web.conversion.graph_model import Array, Tensor

# Operators that compute sizes and factors. A value that needs another one is not known.
COMPUTED = frozenset(
    (
        *("AddV2", "Sub", "Mul", "RealDiv", "FloorDiv", "FloorMod", "Neg", "Maximum", "Minimum"),
        *("Cast", "Pack", "ConcatV2", "StridedSlice", "Slice", "GatherV2", "Reshape", "Squeeze"),
        *("ExpandDims", "Range", "Prod", "Sum", "Sqrt", "Floor", "Ceil"),
    )
)
PASSING = ("Identity", "StopGradient")
# Stands for a size that is only known when the model runs.
UNKNOWN = np.iinfo(np.int32).min


def value(tensor: Tensor, weights: Mapping[str, Array]) -> Array | None:
    """Returns a tensor's value if the graph alone determines it, else None.

    Args:
        weights: the constants, by the names that they have in the tensor's graph.
    """
    import tensorflow as tf

    if tensor.dtype == tf.string:
        return None

    operation = tensor.op
    while operation.type in PASSING:
        operation = operation.inputs[0].op
    if operation.name in weights:
        return weights[operation.name]
    if operation.type not in COMPUTED:
        known: Array | None = tf.get_static_value(tensor)
        return known
    if operation.type == "StridedSlice" and operation.inputs[0].op.type == "Shape":
        first = _shape(operation.inputs[0].op.inputs[0])
    else:
        first = value(operation.inputs[0], weights)
    inputs = [first, *(value(each, weights) for each in operation.inputs[1:])]
    if any(each is None for each in inputs):
        return None
    result = _computed(operation, inputs)[tensor.value_index]
    return None if np.any(result == UNKNOWN) else result


def _shape(tensor: Tensor) -> Array | None:
    if tensor.shape.rank is None:
        return None
    sizes = [UNKNOWN if size is None else size for size in tensor.shape]
    return np.array(sizes, np.int32)


def _computed(operation: Tensor, inputs: list[Array | None]) -> list[Array]:
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    node = definition.node.add()
    node.CopyFrom(operation.node_def)
    names = [f"input_{index}" for index in range(len(inputs))]
    node.input[:] = names
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        constants = [
            tf.constant(value, tensor.dtype)
            for value, tensor in zip(inputs, operation.inputs, strict=True)
        ]
        feeds = dict(zip(names, constants, strict=True))
        [copy] = tf.import_graph_def(definition, feeds, return_elements=[node.name], name="")
        answers: list[Array] = session.run(list(copy.outputs))
        return answers
