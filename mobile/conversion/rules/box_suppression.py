"""Non-maximum suppression in TensorFlow's own operations, of which the converter makes one."""

from dataclasses import replace

from mobile.conversion.rules.frozen_graph import FrozenGraph

# What tf.image.non_max_suppression_padded with pad_to_max_output_size=True calls.
_FUSED = "non_max_suppression_padded_v2"


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with that function's own operations, which the converter takes as they are.

    NON_MAX_SUPPRESSION_V4, which it makes of the function, keeps a box without an area again and
    again, answers other boxes where corners are swapped, and has one dimension less than the
    function's answer for a batch of one.
    """
    return replace(graph, implemented=frozenset()) if _FUSED in graph.implemented else graph
