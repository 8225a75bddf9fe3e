"""Copies of operations within a graph of TensorFlow, and what is made once in it."""

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


def made_once(name: str) -> list[Tensor]:
    """Returns a list that stays with the default graph: the same one for the same name.

    It is empty at first. Rules that are asked about several operations keep in it what they make
    for all of them.
    """
    import tensorflow as tf

    made: list[Tensor] = tf.compat.v1.get_collection_ref(name)
    return made
