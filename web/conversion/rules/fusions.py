"""Takes operations apart that TensorFlow.js' converter should not have fused.

The converter's graph optimizer (Grappler's remapper, in TensorFlow 2.19) fuses a convolution or a
matrix product with an addition and an activation. TensorFlow.js' kernels can do less than that:

- They take the third input to be one number per channel. The shortcut of a residual network is
  something else: they refuse it on wasm and add the wrong numbers on WebGL.
- They know only a few activations.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from web.conversion.graph_model import Node, Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.convolutions import groups_of

UNFUSED = {
    "_FusedConv2D": "Conv2D",
    "FusedDepthwiseConv2dNative": "DepthwiseConv2dNative",
    "_FusedMatMul": "MatMul",
}
BIAS = "BiasAdd"
PRELU = "Prelu"
# What the executors of tfjs-converter hand on and the kernels of all backends compute.
ACTIVATIONS = frozenset(("Relu", "Relu6", "Elu", "LeakyRelu", PRELU, "Sigmoid"))
# Attributes that only fused operations have.
_OF_FUSED = (
    *("fused_ops", "num_args", "num_host_args", "TArgs", "epsilon", "leakyrelu_alpha"),
    *("filter_format", "user_defined_fused_ops"),
)


def unfused(operation: Operation) -> Tensor | None:
    """Takes a fused operation apart if it adds no bias or has an activation that is unknown.

    It does the same where the channels come first: another rule moves them.
    """
    import tensorflow as tf

    first, *others = fused_operations(operation.node)
    added = operation.inputs[2].shape.rank if first == BIAS else 1
    if _channels_come_first(operation.node):
        added = None
    elif operation.kind == "_FusedConv2D" and groups_of(*operation.inputs[:2]) > 1:
        added = None  # a convolution with groups is not computed at all
    if first == BIAS and added == 1 and set(others) <= ACTIVATIONS:
        return None
    if first != BIAS and {first, *others} <= ACTIVATIONS and added == 1:
        return None
    nodes = list(apart(operation.node))
    # The chain's inputs are the operation's own.
    names = [source for source in operation.node["input"] if not source.startswith("^")]
    inputs = dict(zip(names, operation.inputs, strict=True))
    definition = json_format.ParseDict({"node": nodes}, tf.compat.v1.GraphDef())
    [output] = tf.import_graph_def(
        definition, inputs, return_elements=[f"{nodes[-1]['name']}:0"], name="apart"
    )
    return output


def in_tensorflow(node: Node) -> Iterator[Node]:
    """Yields the node as it is, or its parts if TensorFlow has no such operation."""
    unknown = node["op"] in (PRELU, "FusedDepthwiseConv2dNative")
    if unknown or (node["op"] in UNFUSED and PRELU in fused_operations(node)):
        yield from apart(node)
    else:
        yield node


def apart(node: Node) -> Iterator[Node]:
    """Yields operations of TensorFlow that compute what the node computes.

    The last one has the node's name. A node that is an operation of TensorFlow is yielded as it is.
    """
    name, inputs = node["name"], list(node.get("input", ()))
    if node["op"] == PRELU:
        # The converter, which makes this operation, gives it no type.
        yield from _prelu(name, inputs[0], inputs[1], {"T": {"type": "DT_FLOAT"}})
        return
    if node["op"] not in UNFUSED:
        yield node
        return
    kind = {"T": node["attr"]["T"]}
    product = {key: value for key, value in node["attr"].items() if key not in _OF_FUSED}
    first, kernel, *others = inputs
    parts: list[tuple[str, Sequence[str], Mapping[str, Any]]] = [
        (UNFUSED[node["op"]], [first, kernel], product)
    ]
    for operation in fused_operations(node):
        if operation == BIAS and _channels_come_first(node):
            parts.append((BIAS, [others.pop(0)], {**kind, "data_format": product["data_format"]}))
        elif operation == BIAS:
            parts.append(("AddV2", [others.pop(0)], kind))
        elif operation == PRELU:
            parts.append((PRELU, [others.pop(0)], kind))
        else:
            extra = {"alpha": node["attr"]["leakyrelu_alpha"]} if operation == "LeakyRelu" else {}
            parts.append((operation, [], {**kind, **extra}))
    yield from _chained(name, parts)


def _chained(
    name: str, parts: Sequence[tuple[str, Sequence[str], Mapping[str, Any]]]
) -> Iterator[Node]:
    """Yields the nodes of each part; its first input is the part before."""
    before: list[str] = []
    for position, (operation, inputs, attributes) in enumerate(parts, start=1):
        node_name = name if position == len(parts) else f"{name}/{operation}"
        if operation == PRELU:
            yield from _prelu(node_name, before[0], inputs[0], attributes)
        else:
            yield {
                "name": node_name,
                "op": operation,
                "input": [*before, *inputs],
                "attr": attributes,
            }
        before = [node_name]


def _prelu(name: str, x: str, slope: str, kind: Mapping[str, Any]) -> Iterator[Node]:
    """Yields relu(x) - slope * relu(-x): TensorFlow has no operation for it."""
    for suffix, operation, inputs in (
        ("positive", "Relu", [x]),
        ("minus", "Neg", [x]),
        ("negative", "Relu", [f"{name}/minus"]),
        ("scaled", "Mul", [slope, f"{name}/negative"]),
    ):
        yield {"name": f"{name}/{suffix}", "op": operation, "input": inputs, "attr": kind}
    yield {"name": name, "op": "Sub", "input": [f"{name}/positive", f"{name}/scaled"], "attr": kind}


def _channels_come_first(node: Node) -> bool:
    form = node["attr"].get("data_format", {}).get("s", "")
    return base64.b64decode(form).startswith(b"NC")


def fused_operations(node: Node) -> list[str]:
    """Returns what a fused operation computes after its product, such as ``BiasAdd``."""
    return [base64.b64decode(name).decode() for name in node["attr"]["fused_ops"]["list"]["s"]]


RULES = (
    Rule(
        tuple(UNFUSED),
        unfused,
        "the converter fuses additions and activations that the kernels lack or misread",
    ),
)
