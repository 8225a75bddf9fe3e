"""What the lookup tables of a SavedModel say about its inputs: the texts and numbers it knows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipeline.new.readers import MOST_KNOWN, NOTHING_KNOWN, UNKNOWN_NUMBER, UNKNOWN_WORD, Reading

_SPLIT = "StringSplitV2"


def readings_of_tables(function: Any, specs: Mapping[str, Any]) -> list[Reading]:
    """Returns what is known of each input, in their order.

    All inputs of texts get the texts of all tables, as nothing says which table reads which input.
    Whole numbers are more often something else, so they get those of a table where there is only
    one such input.

    Args:
        function: the concrete function of a signature.
        specs: its inputs.
    """
    import tensorflow as tf

    operations = _operations(function)
    # Asked for keys of another type than it has, TensorFlow 2.21 aborts the process.
    types = {_types(node) for node in operations if node.op == "LookupTableFindV2"}
    words = [*_keys(function, tf.string)] if types == {(tf.string, tf.int64)} else []
    numbers = [*_keys(function, tf.int64)] if types == {(tf.int64, tf.int64)} else []
    wholes = [name for name, spec in specs.items() if spec.dtype.is_integer]
    sentences = any(node.op == _SPLIT for node in operations)
    texts = Reading(known=(*words[:MOST_KNOWN], UNKNOWN_WORD), sentences=sentences)
    whole = Reading(known=(*numbers[:MOST_KNOWN], UNKNOWN_NUMBER))

    def reading(name: str) -> Reading:
        if words and specs[name].dtype == tf.string:
            return texts
        return whole if numbers and wholes == [name] else NOTHING_KNOWN

    return [reading(name) for name in specs]


def _keys(function: Any, dtype: Any) -> Iterator[Any]:
    """Yields the keys of this type in the order of their numbers, of each table in turn."""
    import tensorflow as tf

    for captured in function.captured_inputs:
        if captured.dtype != tf.resource:
            continue
        try:
            keys, values = tf.raw_ops.LookupTableExportV2(
                table_handle=captured, Tkeys=dtype, Tvalues=tf.int64
            )
        except tf.errors.InvalidArgumentError:
            continue  # a variable
        for place in np.argsort(values.numpy(), kind="stable"):
            key = keys[place].numpy()
            yield key.decode(errors="replace") if isinstance(key, bytes) else int(key)


def _operations(function: Any) -> list[Any]:
    graph = function.graph.as_graph_def()
    called = (node for each in graph.library.function for node in each.node_def)
    return [*graph.node, *called]


def _types(node: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    return tf.as_dtype(node.attr["Tin"].type), tf.as_dtype(node.attr["Tout"].type)
