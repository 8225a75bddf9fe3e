"""Additions that TensorFlow.js' converter takes for a layer's bias, made additions again.

Its graph optimizer (Grappler's remapper, of TensorFlow 2.19) fuses a convolution with whatever is
added to it: the shortcut of a residual network too. TensorFlow.js' kernels take a fused operation's
third input for one number a channel: on wasm they refuse others, on WebGL they add the wrong ones.
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
# Attributes of a fused operation alone.
_OF_FUSED = (
    *("fused_ops", "num_args", "num_host_args", "TArgs", "epsilon", "leakyrelu_alpha"),
    *("filter_format", "user_defined_fused_ops"),
)


def separated(model: GraphModel) -> GraphModel:
    """Returns the model with each fused addition of something else than a bias as nodes of its own.

    The last of them has the fused node's name, so that the others find it.
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
        own = {"alpha": attributes["leakyrelu_alpha"]} if operation == "LeakyRelu" else {}
        parts.append((operation, others, {**kind, **own}))
    yield from _chained(name, parts)


def _chained(
    name: str, parts: Sequence[tuple[str, Sequence[str], Mapping[str, Any]]]
) -> Iterator[Node]:
    """Yields a node for each part, whose first input is the part before."""
    before: list[str] = []
    for position, (operation, inputs, attributes) in enumerate(parts, start=1):
        its_name = name if position == len(parts) else f"{name}/{operation}"
        yield {"name": its_name, "op": operation, "input": [*before, *inputs], "attr": attributes}
        before = [its_name]


def _fused(node: Node) -> list[str]:
    """Returns the operations that are fused into a node, none for most nodes."""
    if node["op"] not in UNFUSED:
        return []
    return [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]]


def _is_bias(name: str, model: GraphModel) -> bool:
    weights = model.weights.get(name)
    return weights is not None and weights.ndim == 1
