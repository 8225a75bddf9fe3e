"""The operations that make a model's outputs, such as a softmax, in its graph."""

from collections.abc import Mapping
from typing import Any

# Operations that change the form of values, but not what they mean.
_PASSING = {
    "Cast",
    "EnsureShape",
    "ExpandDims",
    "Identity",
    "IdentityN",
    "Reshape",
    "Squeeze",
    "StopGradient",
}
_CALLS = {"PartitionedCall", "StatefulPartitionedCall"}


def last_operations(function: Any) -> dict[str, str]:
    """Returns the type of the operation that makes each output, by the output's name.

    It is empty where that is an input of the function.

    Args:
        function: a concrete function that answers with a dict of tensors.
    """
    graph = function.graph.as_graph_def()
    library = {each.signature.name: each for each in graph.library.function}
    # The outputs of a graph are in the order of the names.
    outputs = zip(sorted(function.structured_outputs), function.graph.outputs, strict=True)
    nodes = {node.name: node for node in graph.node}
    return {name: _origin(tensor.name, nodes, library) for name, tensor in outputs}


def _origin(reference: str, nodes: Mapping[str, Any], library: Mapping[str, Any]) -> str:
    """Returns the type of the operation behind a reference, ``name:place`` or ``name:out:place``.

    Args:
        reference: a tensor's, in a graph or in a function.
        nodes: the nodes of that graph or function, by name.
        library: the functions by name.
    """
    name, *place = reference.split(":")
    index = int(place[-1]) if place else 0
    node = nodes.get(name)
    if node is None:
        return ""
    if node.op in _CALLS:
        called = library[node.attr["f"].func.name]
        inner = {each.name: each for each in called.node_def}
        return _origin(called.ret[called.signature.output_arg[index].name], inner, library)
    if node.op in _PASSING:
        return _origin(node.input[index if node.op == "IdentityN" else 0], nodes, library)
    return str(node.op)
