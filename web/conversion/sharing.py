"""Keeps one of the constants that are equal.

TensorFlow's converter makes a constant of each place where a variable is read. So a recurrent
layer, whose steps come one after the other, had its kernels as many times as it has steps.
"""

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np

from web.conversion.graph_model import GraphModel, Node


def replaced_constants(model: GraphModel) -> dict[str, str]:
    """Returns the constants of the main graph that equal an earlier one, with its name."""
    kept: dict[tuple[str, ...], str] = {}
    replaced = {}
    for name, key in _keys(model):
        first = kept.setdefault(key, name)
        if first != name:
            replaced[name] = first
    return replaced


def with_inputs(node: Node, replaced: Mapping[str, str]) -> Node:
    """Returns the node with other inputs in the place of those that are replaced."""
    inputs = node.get("input", ())
    if not any(source.removeprefix("^") in replaced for source in inputs):
        return node
    return {**node, "input": [_replaced(source, replaced) for source in inputs]}


def _replaced(source: str, replaced: Mapping[str, str]) -> str:
    name = source.removeprefix("^")
    # What takes the place of a tensor may have been replaced as well.
    while name in replaced:
        name = replaced[name]
    # A control input is a node, not one of its tensors.
    return f"^{name.split(':')[0]}" if source.startswith("^") else name


def _keys(model: GraphModel) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the name of each constant of the main graph, and what equal constants have in common.

    Equal bits, that is: a zero can be negative.
    """
    entries = {
        entry["name"]: entry
        for group in model.description["weightsManifest"]
        for entry in group["weights"]
    }
    for node in model.description["modelTopology"]["node"]:
        if node["op"] == "Const":
            entry, values = entries[node["name"]], model.weights[node["name"]]
            digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
            # Numbers of 64 bits and of 32 are the same in the file, not in the graph.
            kind = node["attr"]["dtype"]["type"]
            yield node["name"], (kind, entry["dtype"], str(entry["shape"]), digest)
