"""Copies of operations within a graph of TensorFlow."""

from collections.abc import Mapping, Sequence
from typing import Any

from web.conversion.graph_model import Tensor


def again(
    operation: Any, inputs: Sequence[Tensor], types: Mapping[Any, Any] | None = None
) -> list[Tensor]:
    """Returns the outputs of the same tf.Operation for other inputs.

    Args:
        types: other types to put in the place of types in the operation's attributes.
    """
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    node = definition.node.add()
    node.CopyFrom(operation.node_def)
    node.name = "again"
    names = [f"input_{index}" for index in range(len(inputs))]
    node.input[:] = names
    replaced = {old.as_datatype_enum: new.as_datatype_enum for old, new in (types or {}).items()}
    for attribute in node.attr.values():
        if attribute.HasField("type"):
            attribute.type = replaced.get(attribute.type, attribute.type)
    sources = dict(zip(names, inputs, strict=True))
    [copy] = tf.import_graph_def(definition, sources, return_elements=["again"])
    return list(copy.outputs)
