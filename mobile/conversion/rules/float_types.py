"""Numbers of 16 and 64 bits: TensorFlow Lite computes in float32 only."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from mobile.conversion.rules.frozen_graph import FrozenGraph


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph computed in float32, with inputs and outputs of the types they had.

    For a model of float16 or bfloat16 the answers are then more exact than the SavedModel's.
    """
    import tensorflow as tf

    opened = graph.opened()
    others = {kind.as_datatype_enum for kind in (tf.float16, tf.bfloat16, tf.float64)}
    computed = {
        tensor.dtype.as_datatype_enum
        for operation in opened.get_operations()
        if operation.type not in ("Placeholder", "Identity", "Cast")
        for tensor in (*operation.inputs, *operation.outputs)
    }
    if not computed & others:
        return graph
    definition = opened.as_graph_def()
    inputs = set(graph.inputs.values())
    for node in definition.node:
        if node.name not in inputs:
            _to_float32(node, others)
    for function in definition.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type in others:
                argument.type = tf.float32.as_datatype_enum
        for node in function.node_def:
            _to_float32(node, others)
    for name in inputs:
        kind = opened.get_operation_by_name(name).outputs[0].dtype
        if kind.as_datatype_enum in others:
            _read_as_float32(definition, name, kind)
    outputs = dict(graph.outputs)
    for name, tensor in graph.outputs.items():
        kind = opened.get_tensor_by_name(tensor).dtype
        if kind.as_datatype_enum in others:
            outputs[name] = _cast(definition, tensor, f"{name}/{kind.name}", tf.float32, kind)
    return replace(graph, definition=definition, outputs=outputs)


def _to_float32(node: Any, others: Iterable[int]) -> None:
    import tensorflow as tf

    if node.op == "Const" and node.attr["dtype"].type in others:
        value = tf.make_ndarray(node.attr["value"].tensor).astype(np.float32)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    for attribute in node.attr.values():
        if attribute.type in others:
            attribute.type = tf.float32.as_datatype_enum
        for place, kind in enumerate(attribute.list.type):
            if kind in others:
                attribute.list.type[place] = tf.float32.as_datatype_enum


def _read_as_float32(definition: Any, name: str, kind: Any) -> None:
    """Puts a cast behind an input."""
    import tensorflow as tf

    readers = [node for node in definition.node if name in node.input or f"{name}:0" in node.input]
    cast = _cast(definition, f"{name}:0", f"{name}/float32", kind, tf.float32)
    for node in readers:
        for place, source in enumerate(node.input):
            if source in (name, f"{name}:0"):
                node.input[place] = cast.removesuffix(":0")


def _cast(definition: Any, tensor: str, name: str, source: Any, result: Any) -> str:
    """Adds a cast of a tensor, and returns its output's name."""
    node = definition.node.add(name=name, op="Cast", input=[tensor.removesuffix(":0")])
    node.attr["SrcT"].type = source.as_datatype_enum
    node.attr["DstT"].type = result.as_datatype_enum
    return f"{name}:0"
