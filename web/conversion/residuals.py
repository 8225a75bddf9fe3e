"""Restores additions that TensorFlow.js' converter mistakes for a layer's bias.

The converter's graph optimizer (Grappler's remapper, in TensorFlow 2.19) fuses a convolution with
whatever is added to it, including the shortcut of a residual network. TensorFlow.js' kernels take a
fused operation's third input to be one number per channel. If it is something else, they refuse it
on wasm and add the wrong numbers on WebGL.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from web.conversion.graph_model import GraphModel

Node = Mapping[str, Any]

UNFUSED = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
BIAS = "BiasAdd"
# Attributes that only fused operations have.
_OF_FUSED = (
    *("fused_ops", "num_args", "num_host_args", "TArgs", "epsilon", "leakyrelu_alpha"),
    *("filter_format", "user_defined_fused_ops"),
)


def separated(model: GraphModel) -> GraphModel:
    """Returns the model with fused operations split up that add something other than a bias.

    Each becomes a chain of nodes. The last one keeps the fused node's name, so that other nodes
    still refer to it.
    """
    topology = model.description["modelTopology"]
    nodes = [part for node in topology["node"] for part in _parts(node, model)]
    topology = {**topology, "node": nodes}
    return replace(model, description={**model.description, "modelTopology": topology})


def _parts(node: Node, model: GraphModel) -> Iterator[Node]:
    operations = _fused(node)
    if operations[:1] != [BIAS] or _is_bias(node["input"][2], model):
        yield node
        return
    name, attributes = node["name"], node["attr"]
    kind = {"T": attributes["T"]}
    product = {key: value for key, value in attributes.items() if key not in _OF_FUSED}
    first, kernel, added, *others = node["input"]
    parts = [(UNFUSED[node["op"]], [first, kernel], product), ("AddV2", [added], kind)]
    for operation in operations[1:]:
        extra = {"alpha": attributes["leakyrelu_alpha"]} if operation == "LeakyRelu" else {}
        parts.append((operation, others, {**kind, **extra}))
    yield from _chained(name, parts)


def _chained(
    name: str, parts: Sequence[tuple[str, Sequence[str], Mapping[str, Any]]]
) -> Iterator[Node]:
    """Yields one node per part; its first input is the part before."""
    before: list[str] = []
    for position, (operation, inputs, attributes) in enumerate(parts, start=1):
        node_name = name if position == len(parts) else f"{name}/{operation}"
        yield {"name": node_name, "op": operation, "input": [*before, *inputs], "attr": attributes}
        before = [node_name]


def _fused(node: Node) -> list[str]:
    """Returns the operations that are fused into a node; most nodes have none."""
    if node["op"] not in UNFUSED:
        return []
    return [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]]


def _is_bias(name: str, model: GraphModel) -> bool:
    weights = model.weights.get(name)
    return weights is not None and weights.ndim == 1
