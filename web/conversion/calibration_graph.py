"""Runs a TensorFlow.js graph model in TensorFlow, to measure the effect of rounding weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf import json_format

from web.conversion.graph_model import Array, GraphModel
from web.conversion.rules import fusions

# With more rows, a layer's second moments hardly change.
ROWS = 2**14
CONVOLUTIONS = ("Conv2D", "_FusedConv2D")
PRODUCTS = ("MatMul", "_FusedMatMul")


def rounded_kernels(model: GraphModel) -> list[str]:
    """Returns the names of the float32 tensors that are the kernel of exactly one layer.

    The layer is a convolution or a dense layer. A model with lookup tables has no such tensors.
    """
    return (
        [] if "modelInitializer" in model.description else list(_users(model, _definition(model)))
    )


class CalibrationGraph:
    """A graph model whose weights can be replaced for a single run."""

    def __init__(self, model: GraphModel, examples: Mapping[str, Array]) -> None:
        """``examples`` are raw inputs by name, one row per example."""
        import tensorflow as tf

        definition = _definition(model)
        bodies = [node for function in definition.library.function for node in function.node_def]
        for node in (*definition.node, *bodies):
            if node.op == "Const":
                value = tf.make_tensor_proto(model.weights[node.name])
                node.attr["value"].tensor.CopyFrom(value)
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(definition, name="")
        self._users = _users(model, definition)
        self._weights = model.weights
        self._session = tf.compat.v1.Session(graph=graph)
        signature = model.description["signature"]
        self._feeds = {signature["inputs"][name]["name"]: rows for name, rows in examples.items()}
        self._outputs = {
            name: described["name"]
            for name, described in signature["outputs"].items()
            if graph.get_tensor_by_name(described["name"]).dtype.is_floating
        }

    def outputs(self, weights: Mapping[str, Array]) -> dict[str, Array]:
        """Returns the outputs with fractions for all examples, with some weights replaced."""
        replaced = {f"{name}:0": value for name, value in weights.items()}
        answers: dict[str, Array] = self._session.run(self._outputs, {**self._feeds, **replaced})
        return answers

    def moments(self, kernel: str) -> Array:
        """Returns the second moments of the values that the kernel's rows are multiplied with.

        Their shape is (rows, rows). A row is an input of a dense layer, or a channel at one
        position of a convolution's kernel.
        """
        rows = self._rows(kernel, max(8, ROWS // len(self._rows(kernel, 1))))
        moments: Array = (rows.T @ rows).astype(np.float64) / len(rows)
        return moments

    def _rows(self, kernel: str, examples: int) -> Array:
        node = self._users[kernel]
        source = node.input[0] if ":" in node.input[0] else f"{node.input[0]}:0"
        feeds = {name: rows[:examples] for name, rows in self._feeds.items()}
        inputs: Array = self._session.run(source, feeds)
        if node.op in CONVOLUTIONS:
            inputs = _patches(node, inputs, self._weights[kernel].shape)
        return inputs.reshape(-1, inputs.shape[-1])


def _definition(model: GraphModel) -> Any:
    import tensorflow as tf

    topology = model.description["modelTopology"]
    nodes = [part for node in topology["node"] for part in fusions.in_tensorflow(node)]
    return json_format.ParseDict({**topology, "node": nodes}, tf.compat.v1.GraphDef())


def _users(model: GraphModel, definition: Any) -> dict[str, Any]:
    """Returns the node that multiplies with each kernel, by the kernel's name."""
    consumers: dict[str, list[Any]] = {}
    for node in definition.node:
        for name in node.input:
            consumers.setdefault(name, []).append(node)
    return {
        name: consumers[name][0]
        for name, weights in model.weights.items()
        if len(consumers.get(name, ())) == 1 and _rounds(consumers[name][0], name, weights)
    }


def _rounds(node: Any, name: str, weights: Array) -> bool:
    """Returns whether the node multiplies its first input with these weights.

    The last dimension of the weights must be the outputs, and that of a picture its channels.
    """
    if weights.dtype != np.float32 or list(node.input[1:2]) != [name]:
        return False
    if node.op in PRODUCTS:
        return not (node.attr["transpose_a"].b or node.attr["transpose_b"].b)
    return node.op in CONVOLUTIONS and node.attr["data_format"].s != b"NCHW"


def _patches(node: Any, inputs: Array, kernel: tuple[int, ...]) -> Array:
    """Returns the input patch at each position, in the order of the kernel's rows."""
    import tensorflow as tf

    padding = node.attr["padding"].s.decode()
    if padding == "EXPLICIT":
        borders = np.reshape(node.attr["explicit_paddings"].list.i, (4, 2))
        inputs, padding = np.pad(inputs, borders), "VALID"
    patches: Array = tf.image.extract_patches(
        inputs,
        [1, kernel[0], kernel[1], 1],
        list(node.attr["strides"].list.i),
        list(node.attr["dilations"].list.i) or [1, 1, 1, 1],
        padding,
    ).numpy()
    return patches
