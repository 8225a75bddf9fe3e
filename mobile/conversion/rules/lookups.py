"""Look-up tables with whole numbers as keys, which TensorFlow Lite lacks."""

from typing import Any

import numpy as np

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import origin

_KINDS = ("LookupTableFindV2",)


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with comparisons with all keys for each look-up of whole numbers.

    TensorFlow Lite has tables from text to numbers and from numbers to text only.
    """

    import tensorflow as tf

    if not graph.has(_KINDS):
        return graph
    tables = {}
    for operation in graph.opened().get_operations():
        if operation.type not in _KINDS:
            continue
        handle = graph.resources.get(origin(operation.inputs[0]).op.name)
        kinds = operation.get_attr("Tin"), operation.get_attr("Tout")
        if handle is not None and all(kind.is_integer for kind in kinds):
            tables[operation.name] = tf.raw_ops.LookupTableExportV2(
                table_handle=handle, Tkeys=kinds[0], Tvalues=kinds[1]
            )

    def compared(operation: Any) -> list[Any] | None:
        if operation.name not in tables:
            return None
        keys, values = (each.numpy() for each in tables[operation.name])
        _, wanted, default = operation.inputs
        equal = tf.equal(tf.expand_dims(wanted, -1), tf.constant(keys))
        # Place 0 is for what is not a key; at most one key is equal.
        place = tf.reduce_max(
            tf.where(equal, tf.constant(np.arange(1, len(keys) + 1, dtype=np.int32)), 0), axis=-1
        )
        answers = tf.concat([tf.reshape(default, (1,)), tf.constant(values)], 0)
        return [tf.gather(answers, place)]

    return graph.replaced(_KINDS, compared)
