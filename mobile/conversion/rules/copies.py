"""Outputs that are an input, or another output, under a second name."""

from dataclasses import replace
from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph

# They change no value, so the converter drops them, or the runtime runs them in place.
_SAME_VALUES = (
    *("Identity", "StopGradient", "PreventGradient", "PlaceholderWithDefault", "Snapshot"),
    *("Reshape", "Squeeze", "ExpandDims"),
)


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with each such output as a copy that the converter does not drop.

    LiteRT's CompiledModel and LiteRT.js answer garbage for an output that is an input, and have one
    name only for two outputs that are one tensor.
    """
    import tensorflow as tf

    opened = graph.opened()
    seen: set[str] = set()
    outputs = dict(graph.outputs)
    with opened.as_default():
        for name, tensor_name in graph.outputs.items():
            tensor = opened.get_tensor_by_name(tensor_name)
            source = _source(tensor)
            if source.op.type == "Placeholder" or source.name in seen:
                outputs[name] = _copy(tensor).name
            seen.add(source.name)
        if outputs == dict(graph.outputs):
            return graph
        return replace(
            graph, definition=tf.compat.v1.get_default_graph().as_graph_def(), outputs=outputs
        )


def _source(tensor: Any) -> Any:
    while tensor.op.type in _SAME_VALUES:
        tensor = tensor.op.inputs[0]
    return tensor


def _copy(tensor: Any) -> Any:
    """Returns rows 0, 1, 2, … of a tensor: what a gather returns is always a tensor of its own."""
    import tensorflow as tf

    if tensor.shape.rank == 0:
        return tf.reshape(_copy(tf.reshape(tensor, (1,))), ())
    return tf.gather(tensor, tf.range(tensor.shape[0]), axis=0)
