"""A graph model's graph, or the body of one of its functions, as a graph of TensorFlow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf import json_format

from web.conversion.graph_model import Array, Node, Tensor
from web.conversion.operation import Operation
from web.conversion.rules import fusions

# A constant with more numbers says nothing about shapes: its values stay where they are.
FEW = 4096
# Stands before the names of a function's nodes: in a graph they may not begin with an underscore.
BODY = "body/"


@dataclass(frozen=True)
class Part:
    """The main graph of a model, or the body of a function: of a loop or of a branch.

    Attributes:
        nodes: the part's nodes, as in model.json.
        function: the function whose body it is, as in model.json; None for the main graph.
        shapes: the shapes of the function's arguments, where they are known.
    """

    nodes: Sequence[Node]
    function: Mapping[str, Any] | None = None
    shapes: Sequence[Any] | None = None


class TensorFlowGraph:
    """A part of a model in TensorFlow.

    Attributes:
        graph: the tf.Graph. Fused operations are apart in it; the last of each has the node's name.
    """

    def __init__(
        self, part: Part, library: Mapping[str, Any] | None, weights: Mapping[str, Array]
    ) -> None:
        import tensorflow as tf

        self._nested: dict[str, str] | None = None
        self._renamed: dict[str, str] = {}
        nodes = part.nodes
        functions = json_format.ParseDict(
            {"library": library} if library else {}, tf.compat.v1.GraphDef()
        )
        if part.function is not None:
            nodes = self._flat(part.function["signature"]["name"], part.shapes, functions)
        self._prefix = BODY if part.function else ""
        self._weights = {
            node["name"]: weights[node["name"].removeprefix(self._prefix)]
            for node in nodes
            if node["op"] == "Const"
        }
        self._nodes = {node["name"]: node for node in nodes}
        described = {"node": [each for node in nodes for each in self._plain(node)]}
        definition = json_format.ParseDict(described, tf.compat.v1.GraphDef())
        definition.library.CopyFrom(functions.library)
        for node in definition.node:
            if node.op == "Const":
                self._fill(node)
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.import_graph_def(definition, name="")

    def operation(self, name: str) -> Operation:
        """Returns the operation of a node for a rule."""
        node = self._nodes[self._prefix + name]
        outputs = self.outputs(name)
        sources = [source for source in node.get("input", ()) if not source.startswith("^")]
        return Operation(node, [self._tensor(each) for each in sources], outputs, self._weights)

    def outputs(self, name: str) -> Sequence[Tensor]:
        """Returns the tensors of a node."""
        outputs: Sequence[Tensor] = self.graph.get_operation_by_name(self._prefix + name).outputs
        return outputs

    def scope(self, name: str) -> str:
        """Returns the scope for the operations that replace a node."""
        if not self._prefix or name.startswith(self._function):
            return f"{self._prefix}{name}/rewritten/"
        # Constants of all functions are among the model's weights: their names must differ.
        return f"{self._prefix}{self._function}/{name}/rewritten/"

    def name(self, operation: Any) -> str:
        """Returns the name of an operation's node."""
        name = operation.name
        return self._renamed.get(name, str(name.removeprefix(self._prefix)))

    def rename(self, operation: Any, name: str) -> None:
        """Gives the node of a new operation the name of the one that it replaces."""
        self._renamed[operation.name] = name

    def reference(self, tensor: Tensor) -> str:
        """Returns a tensor's name as it stands among a node's inputs."""
        name, index = self.name(tensor.op), tensor.value_index
        if self._nested is None or tensor.op.type == "Placeholder":
            return f"{name}:{index}" if index else name
        known = self._nested.get(f"{tensor.op.name.removeprefix(self._prefix)}:{index}")
        if known is not None:
            return known
        for argument in tensor.op.op_def.output_arg:
            number = tensor.op.get_attr(argument.number_attr) if argument.number_attr else 1
            if index < number:
                return f"{name}:{argument.name}:{index}"
            index -= number
        raise AssertionError(f"{tensor} is not an output")

    def _tensor(self, source: str) -> Tensor:
        return self.graph.get_tensor_by_name(source if ":" in source else f"{source}:0")

    def _flat(self, name: str, shapes: Sequence[Any] | None, functions: Any) -> list[Node]:
        """Returns a function's arguments and nodes, with inputs named as in a graph."""
        from tensorflow.python.framework import function_def_to_graph

        [definition] = [each for each in functions.library.function if each.signature.name == name]
        known = shapes and [shape.as_proto() for shape in shapes]
        graph, nested = function_def_to_graph.function_def_to_graph_def(definition, known)
        self._nested = {flat: name for name, flat in nested.items()}
        self._function = name
        for node in graph.node:
            node.name = BODY + node.name
            node.input[:] = [
                f"^{BODY}{source[1:]}" if source.startswith("^") else BODY + source
                for source in node.input
            ]
        nodes: list[Node] = json_format.MessageToDict(graph)["node"]
        return nodes

    def _plain(self, node: Node) -> Iterator[Node]:
        """Yields the node in operators of TensorFlow."""
        if node["op"] == "Const" and self._large(node):
            shape = node["attr"]["value"]["tensor"].get("tensorShape", {})
            kind = {"dtype": node["attr"]["dtype"], "shape": {"shape": shape}}
            yield {"name": node["name"], "op": "Placeholder", "attr": kind}
        else:
            yield from fusions.apart(node)

    def _large(self, node: Node) -> bool:
        # Strings stay the bytes that the file has for them, which TensorFlow cannot read.
        is_text = node["attr"]["dtype"]["type"] == "DT_STRING"
        return is_text or self._weights[node["name"]].size > FEW

    def _fill(self, node: Any) -> None:
        import tensorflow as tf

        kind = tf.as_dtype(node.attr["dtype"].type)
        values = self._weights[node.name].astype(kind.as_numpy_dtype)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))


def described(operation: Any) -> dict[str, Any]:
    """Returns an operation of a tf.Graph in the terms of model.json, without its inputs."""
    node: dict[str, Any] = json_format.MessageToDict(operation.node_def)
    attributes = {
        name: value for name, value in node.get("attr", {}).items() if not name.startswith("_")
    }
    if node["op"] == "Const":
        # The values are among the model's weights.
        tensor = attributes["value"]["tensor"]
        kept = {key: tensor[key] for key in ("dtype", "tensorShape") if key in tensor}
        attributes["value"] = {"tensor": kept}
    return {"name": node["name"], "op": node["op"], "attr": dict(sorted(attributes.items()))}


def constant(operation: Any) -> Array:
    """Returns the value of a tf.Operation of type Const in a type that TensorFlow.js has."""
    import tensorflow as tf

    values: Array = tf.make_ndarray(operation.get_attr("value"))
    stored = {np.dtype(np.int64): np.int32, np.dtype(np.float64): np.float32}
    return values.astype(stored.get(values.dtype, values.dtype))
