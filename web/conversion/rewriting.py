"""Rewrites a graph model until TensorFlow.js computes in it what the SavedModel does.

The rules (web/conversion/rules/) replace one operation each. They apply to the main graph and to
the bodies of loops and branches, again and again until none applies any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from web.conversion import tensorflow_graph
from web.conversion.graph_model import Array, GraphModel, Node
from web.conversion.operation import Rule, functions_of
from web.conversion.rules.table import RULES
from web.conversion.sharing import replaced_constants, with_inputs
from web.conversion.tensorflow_graph import Part, TensorFlowGraph


def rewritten(model: GraphModel, rules: Sequence[Rule] = RULES) -> GraphModel:
    """Returns the model after the rules, with equal constants once; the same model if it is so."""
    model = _shared(model)
    # Which rules made a node: a rule is not applied to what it made. So there is an end.
    made_by: dict[str, frozenset[Rule]] = {}
    while (changed := _pass(model, rules, made_by)) is not model:
        model = changed
    return _shared(model)


def _shared(model: GraphModel) -> GraphModel:
    """Returns the model with each constant once."""
    replaced = replaced_constants(model)
    if not replaced:
        return model
    topology = model.description["modelTopology"]
    nodes = [with_inputs(node, replaced) for node in topology["node"]]
    kept = [node for node in nodes if node["name"] not in replaced]
    return _with(model, {**topology, "node": kept}, {})


def _pass(
    model: GraphModel, rules: Sequence[Rule], made_by: dict[str, frozenset[Rule]]
) -> GraphModel:
    topology = model.description["modelTopology"]
    by_operator: dict[str, list[Rule]] = {}
    for rule in rules:
        for operator in rule.operators:
            by_operator.setdefault(operator, []).append(rule)
    library = topology.get("library")
    functions = {each["signature"]["name"]: each for each in (library or {}).get("function", ())}
    bodies = [body for function in functions.values() for body in function.get("nodeDef", ())]
    if not any(node["op"] in by_operator for node in (*topology["node"], *bodies)):
        return model
    edit = _Edit(by_operator, library, model.weights, made_by)
    nodes, _ = edit.rewritten(Part(topology["node"]))
    changed = {}
    # A function is reached after all that call it, so that the shapes of its arguments are known.
    waiting = list(edit.called)
    while waiting:
        name, shapes = waiting.pop(0)
        if name in changed or name not in functions:
            continue
        function = functions[name]
        edit.called.clear()
        part = Part(function.get("nodeDef", ()), function, shapes)
        changed[name] = edit.rewritten_function(function, part)
        waiting += edit.called
    if not edit.applied:
        return model
    outputs = [tensor["name"] for tensor in model.description["signature"]["outputs"].values()]
    inputs = [tensor["name"] for tensor in model.description["signature"]["inputs"].values()]
    changed = {
        name: {**each, "nodeDef": _needed(each["nodeDef"], _results(each))}
        for name, each in changed.items()
    }
    new = {**topology, "node": _needed(nodes, [*inputs, *outputs])}
    if library:
        new["library"] = {**library, "function": list(changed.values())}
    return _with(model, new, edit.weights)


@dataclass
class _Edit:
    """One pass over all parts of a model."""

    rules: Mapping[str, Sequence[Rule]]
    library: Mapping[str, Any] | None
    old_weights: Mapping[str, Array]
    made_by: dict[str, frozenset[Rule]]
    weights: dict[str, Array] = field(default_factory=dict)
    called: list[tuple[str, Sequence[Any] | None]] = field(default_factory=list)
    applied: bool = False

    def rewritten_function(self, function: Mapping[str, Any], part: Part) -> dict[str, Any]:
        """Returns a function whose body is the part, after one pass of the rules."""
        nodes, renamed = self.rewritten(part)
        results = {"name": "results", "input": list(function.get("ret", {}).values())}
        names = with_inputs(results, renamed)["input"]
        return {
            **function,
            "nodeDef": nodes,
            "ret": dict(zip(function.get("ret", {}), names, strict=True)),
        }

    def rewritten(self, part: Part) -> tuple[list[Node], Mapping[str, str]]:
        """Returns the part's nodes after one pass of the rules, and which tensors are replaced."""
        import tensorflow as tf

        graph = TensorFlowGraph(part, self.library, self.old_weights)
        nodes: list[Node] = []
        renamed: dict[str, str] = {}
        for node in part.nodes:
            self._remember_calls(node, graph)
            results = None
            before = len(graph.graph.get_operations())
            makers = self.made_by.get(node["name"], frozenset())
            for rule in self.rules.get(node["op"], ()):
                if rule in makers:
                    continue
                with graph.graph.as_default(), tf.name_scope(graph.scope(node["name"])):
                    results = rule.rewrite(graph.operation(node["name"]))
                if results is not None:
                    break
            created = graph.graph.get_operations()[before:]
            if results is None:
                # What a rule made before it gave up may be of use to the next one.
                nodes += [node, *(self._described(each, graph) for each in created)]
                continue
            self.applied = True
            tensors = results if isinstance(results, list | tuple) else [results]
            new = list(self._emitted(node, tensors, created, graph, renamed))
            self.made_by.update((each["name"], makers | {rule}) for each in new)
            nodes += new
        return [with_inputs(node, renamed) for node in nodes], renamed

    def _remember_calls(self, node: Node, graph: TensorFlowGraph) -> None:
        for attribute, function in functions_of(node).items():
            operation = graph.outputs(node["name"])[0].op
            # A loop's outputs have the shapes that stay the same from step to step.
            is_loop = attribute in ("body", "cond")
            tensors = operation.outputs if is_loop else _arguments(operation)
            self.called.append((function, [tensor.shape for tensor in tensors]))

    def _emitted(
        self,
        node: Node,
        results: Sequence[Any],
        created: Sequence[Any],
        graph: TensorFlowGraph,
        renamed: dict[str, str],
    ) -> Iterator[Node]:
        """Yields the nodes that replace a node; the one with its first output keeps its name."""
        final = results[0].op
        takes_name = (
            any(operation is final for operation in created)
            and len(final.outputs) == 1
            and final.type != "Const"
        )
        if takes_name:
            graph.rename(final, node["name"])
        for operation in created:
            yield self._described(operation, graph)
        if not takes_name:
            kind = {"T": {"type": _enum(results[0].dtype)}}
            source = graph.reference(results[0])
            yield {"name": node["name"], "op": "Identity", "input": [source], "attr": kind}
        for index, tensor in enumerate(results):
            old = graph.reference(graph.outputs(node["name"])[index])
            new = graph.reference(tensor)
            if old != new:
                renamed[old] = new

    def _described(self, operation: Any, graph: TensorFlowGraph) -> Node:
        name = graph.name(operation)
        if operation.type == "Const":
            self.weights[name] = tensorflow_graph.constant(operation)
        sources = [graph.reference(tensor) for tensor in operation.inputs]
        return {
            **tensorflow_graph.described(operation),
            "name": name,
            "input": sources,
        }


def _enum(kind: Any) -> str:
    from tensorflow.core.framework import types_pb2

    return str(types_pb2.DataType.Name(kind.base_dtype.as_datatype_enum))


def _arguments(operation: Any) -> list[Any]:
    """Returns the operands of a call or a branch, without the condition that comes first."""
    first = 1 if operation.type in ("If", "StatelessIf") else 0
    return list(operation.inputs)[first:]


def _results(function: Mapping[str, Any]) -> list[str]:
    return [*function.get("ret", {}).values(), *function.get("controlRet", {}).values()]


def _needed(nodes: Sequence[Node], names: Sequence[str]) -> list[Node]:
    """Returns the nodes on which the named ones depend, in their order."""
    by_name = {node["name"]: node for node in nodes}
    needed = set()
    waiting = [_node_of(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            waiting += [_node_of(source) for source in by_name[name].get("input", ())]
    return [node for node in nodes if node["name"] in needed]


def _node_of(source: str) -> str:
    return source.removeprefix("^").split(":")[0]


def _with(model: GraphModel, topology: Mapping[str, Any], added: Mapping[str, Array]) -> GraphModel:
    """Returns the model with another graph, and the constants that are in it."""
    functions = topology.get("library", {}).get("function", ())
    bodies = [node for function in functions for node in function["nodeDef"]]
    initializer = model.description.get("modelInitializer", {}).get("node", ())
    used = {node["name"] for node in (*topology["node"], *bodies, *initializer)}
    entries = [
        entry
        for group in model.description["weightsManifest"]
        for entry in group["weights"]
        if entry["name"] in used
    ]
    paths = [path for group in model.description["weightsManifest"] for path in group["paths"]]
    weights = {entry["name"]: model.weights[entry["name"]] for entry in entries}
    for name, values in added.items():
        if name in used:
            weights[name] = np.asarray(values)
            entries.append({"name": name, "shape": list(values.shape), "dtype": values.dtype.name})
    manifest = [{"paths": paths, "weights": entries}]
    description = {**model.description, "modelTopology": topology, "weightsManifest": manifest}
    return GraphModel(description, weights)
