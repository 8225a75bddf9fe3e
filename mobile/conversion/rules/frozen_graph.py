"""A function as one graph without variables, in which rules replace operations."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

# Takes an operation of TensorFlow's; returns the tensors that replace its outputs, or None.
Replacement = Callable[[Any], list[Any] | None]
# The attribute of a function whose author says what it implements.
_IMPLEMENTS = "_implements"
# Functions that XLA compiles, as in Keras' layers, are not made inline.
_COMPILED = "_XlaMustCompile"


@dataclass(frozen=True)
class FrozenGraph:
    """A function's operations, its weights among them as constants.

    Attributes:
        definition: TensorFlow's ``GraphDef``.
        inputs: the name of the operation that stands for each input, by the input's name.
        outputs: the name of the tensor that holds each output, by the output's name.
        resources: what the function refers to besides its inputs, such as a table, by the name of
            the operation that stands for it.
        implemented: what its functions say that they implement. The converter puts one operator in
            the place of such a function; in this graph, the operations of all functions are inline.
    """

    definition: Any
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, Any]
    implemented: frozenset[str] = frozenset()

    @classmethod
    def of(cls, function: Any) -> "FrozenGraph":
        """Returns the graph of a concrete function with inputs and outputs by name."""
        from tensorflow.python.framework import convert_to_constants

        frozen, definition = convert_to_constants.convert_variables_to_constants_v2_as_graph(
            function, lower_control_flow=False
        )
        kept = {tensor.op.name for tensor in frozen.inputs}
        names = [tensor.op.name for tensor in function.inputs]
        captured = function.captured_inputs
        wanted, others = names[: len(names) - len(captured)], names[len(names) - len(captured) :]
        # A concrete function's inputs and outputs are in the order of their sorted names.
        inputs = zip(sorted(function.structured_input_signature[1]), wanted, strict=True)
        outputs = zip(sorted(function.structured_outputs), function.outputs, strict=True)
        graph = cls(
            definition,
            dict(inputs),
            {name: tensor.name for name, tensor in outputs},
            {name: value for name, value in zip(others, captured, strict=True) if name in kept},
            frozenset(
                each.attr[_IMPLEMENTS].s.decode()
                for each in function.graph.as_graph_def().library.function
                if _IMPLEMENTS in each.attr
            ),
        )
        if not _prepare_for_inlining(definition):
            return graph
        inline = cls.of(graph.function(function.structured_input_signature[1]))
        return replace(inline, implemented=graph.implemented)

    def function(self, signature: Mapping[str, Any]) -> Any:
        """Returns a concrete function of inputs and outputs by name that computes the graph.

        Args:
            signature: the ``TensorSpec`` of each input.
        """
        import tensorflow as tf

        present = {node.name for node in self.definition.node}

        def answers(**inputs: Any) -> Any:
            graph = tf.compat.v1.get_default_graph()
            given = {self.inputs[name]: tensor for name, tensor in inputs.items()}
            values = tf.graph_util.import_graph_def(
                self.definition,
                input_map={name: tensor for name, tensor in given.items() if name in present}
                | {name: graph.capture(value) for name, value in self.resources.items()},
                return_elements=list(self.outputs.values()),
                name="",
            )
            return dict(zip(self.outputs, values, strict=True))

        return tf.function(answers, autograph=False).get_concrete_function(**signature)

    def opened(self) -> Any:
        """Returns a new ``tf.Graph`` with these operations, whose shapes TensorFlow works out."""
        import tensorflow as tf

        graph = tf.Graph()
        with graph.as_default():
            tf.graph_util.import_graph_def(self.definition, name="")
        return graph

    def has(self, operators: Collection[str]) -> bool:
        """Returns whether any operation is of these types. Opening a graph costs a copy of it."""
        return any(node.op in operators for node in self.definition.node)

    def replaced(self, operators: Collection[str], replacement: Replacement) -> "FrozenGraph":
        """Returns the graph with each operation replaced for which there are other tensors.

        ``replacement`` is called for every operation of these types, with its graph as the default
        and its name as the name scope, so that the layer can still be read from the names of what
        it adds. What it adds may read the operation itself. Returns this same object when nothing
        is replaced.
        """
        import tensorflow as tf

        if not self.has(operators):
            return self
        graph = self.opened()
        tensors: dict[str, str] = {}
        # The names of the operations that may still read what was replaced, because they replace it
        added: dict[str, set[str]] = {}
        with graph.as_default():
            for operation in graph.get_operations():
                if operation.type not in operators:
                    continue
                before = len(graph.get_operations())
                with tf.name_scope(f"{operation.name}/"):
                    others = replacement(operation)
                if others is None:
                    continue
                new = {each.name for each in graph.get_operations()[before:]}
                for old, other in zip(operation.outputs, others, strict=True):
                    tensors[old.name] = other.name
                    added[old.name] = new
        if not tensors:
            return self
        definition = graph.as_graph_def()
        for node in definition.node:
            for place, name in enumerate(node.input):
                tensor = _tensor(name)
                if tensor in tensors and node.name not in added[tensor]:
                    node.input[place] = tensors[tensor].removesuffix(":0")
                elif name.startswith("^") and f"{name[1:]}:0" in tensors:
                    node.input[place] = f"^{tensors[f'{name[1:]}:0'].partition(':')[0]}"
        outputs = {name: tensors.get(tensor, tensor) for name, tensor in self.outputs.items()}
        definition = _reached(definition, outputs.values())
        present = {node.name for node in definition.node}
        resources = {name: each for name, each in self.resources.items() if name in present}
        return replace(self, definition=definition, outputs=outputs, resources=resources)


def _prepare_for_inlining(definition: Any) -> bool:
    """Has a graph's functions that XLA compiles made inline next time; returns whether it has any.

    They get other names, as TensorFlow already knows a function of each name.
    """
    compiled = [each for each in definition.library.function if _COMPILED in each.attr]
    names = {each.signature.name: f"{each.signature.name}_inline" for each in compiled}
    for each in compiled:
        each.signature.name = names[each.signature.name]
        each.attr.pop("_noinline", None)
    bodies = (node for each in definition.library.function for node in each.node_def)
    for each in (*definition.node, *bodies, *definition.library.function):
        each.attr.pop(_COMPILED, None)
        called = each.attr["f"].func if "f" in each.attr else None
        if called and called.name in names:
            called.name = names[called.name]
    return bool(names)


def _tensor(name: str) -> str:
    """Returns the tensor's full name for a node's input, such as ``add:0`` for ``add``."""
    return name if ":" in name else f"{name}:0"


def _reached(definition: Any, outputs: Iterable[str]) -> Any:
    """Returns the definition without the operations that no output needs."""
    nodes = {node.name: node for node in definition.node}
    waiting = [name.partition(":")[0] for name in outputs]
    needed = set()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [each.lstrip("^").partition(":")[0] for each in nodes[name].input]
    reached = type(definition)()
    reached.CopyFrom(definition)
    del reached.node[:]
    reached.node.extend(node for node in definition.node if node.name in needed)
    return reached
