"""What a rule sees of an operation of a graph model, and what a rule is.

A rule is written in TensorFlow: from an operation's inputs it computes the operation's outputs in
another way. The graph around the operation is a real one, so tensors have shapes and types.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from web.conversion import constants, copies
from web.conversion.graph_model import Array, Node, Tensor

# Attributes of loops, branches and calls that name a function.
FUNCTIONS = ("body", "cond", "then_branch", "else_branch", "f")


def functions_of(node: Node) -> dict[str, str]:
    """Returns the names of the functions that a node calls, by attribute."""
    attributes = node.get("attr", {})
    return {
        name: attributes[name]["func"]["name"]
        for name in FUNCTIONS
        if "func" in attributes.get(name, {})
    }


@dataclass(frozen=True)
class Operation:
    """One operation of the graph.

    Attributes:
        node: the operation in the terms of model.json.
        inputs: the tensors that the node's inputs are, without control inputs.
        outputs: the operation's own tensors, for their types and shapes.
        weights: the graph's constants by name.
    """

    node: Node
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    weights: Mapping[str, Array]

    @property
    def kind(self) -> str:
        """The operator, such as ``Conv2D``."""
        return str(self.node["op"])

    def attribute(self, name: str) -> Any:
        """Returns an attribute of an operation that TensorFlow has too."""
        return self.outputs[0].op.get_attr(name)

    def again(
        self, inputs: Sequence[Tensor], types: Mapping[Any, Any] | None = None
    ) -> list[Tensor]:
        """Returns the outputs of the same operation for other inputs.

        Args:
            types: other types to put in the place of types in the operation's attributes.
        """
        return copies.again(self.outputs[0].op, inputs, types)

    def constant(self, index: int) -> Array | None:
        """Returns the value of an input if the graph alone determines it, else None."""
        return self.of(self.inputs[index])

    def sizes(self, index: int) -> Array | None:
        """Returns an input that holds sizes, with -1 for those that only running determines."""
        known = constants.partial(self.inputs[index], self.weights)
        return None if known is None else np.where(known == constants.UNKNOWN, -1, known)

    def of(self, tensor: Tensor) -> Array | None:
        """Returns the value of any tensor of the graph, in the same way."""
        return constants.value(tensor, self.weights)


Rewrite = Callable[[Operation], Tensor | Sequence[Tensor] | None]


@dataclass(frozen=True)
class Rule:
    """How to compute something in another way, where TensorFlow.js cannot, errs, or takes long.

    Attributes:
        operators: the operators to which the rule may apply.
        rewrite: returns the operation's outputs, computed in another way; None where the rule does
            not apply. It is not asked about what it made itself.
        why: the fault, lack or cost in TensorFlow.js, as a clause; docs/compatibility.md shows it.
    """

    operators: tuple[str, ...]
    rewrite: Rewrite
    why: str
