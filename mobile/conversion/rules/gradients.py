"""Gradients of an operation's own, which Keras defines for quantised layers, silu and others."""

from dataclasses import replace

from mobile.conversion.rules.frozen_graph import FrozenGraph

# The name under which TensorFlow registers an operation's own gradient.
_GRADIENT = "_gradient_op_type"


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph without its operations' own gradients.

    The converter first saves the function. TensorFlow cannot save a gradient that reads a variable,
    and the converter then takes another way without a word, which loses the signature.
    """
    if not any(_GRADIENT in node.attr for node in graph.definition.node):
        return graph
    definition = type(graph.definition)()
    definition.CopyFrom(graph.definition)
    for node in definition.node:
        node.attr.pop(_GRADIENT, None)
    return replace(graph, definition=definition)
