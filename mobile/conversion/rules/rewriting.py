"""Rewrites a function by the rules of a table before it is converted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph


@dataclass(frozen=True)
class Rule:
    """One rewriting of a graph into one that computes the same.

    Attributes:
        apply: returns the graph, or that same object where there is nothing to do.
        changes: what it replaces by what.
        why: what TensorFlow Lite's converter or a runtime does otherwise.
        calibrated: whether it is only for variants whose activations have 8 bits.
    """

    apply: Callable[[FrozenGraph], FrozenGraph]
    changes: str
    why: str
    calibrated: bool = False


def rewritten(function: Any, rules: Iterable[Rule]) -> Any:
    """Returns a concrete function with the same inputs and outputs, rewritten by the rules.

    When no rule applies, this is the given function, so its conversion gives the same bytes.
    """
    original = graph = FrozenGraph.of(function)
    for rule in rules:
        graph = rule.apply(graph)
    if graph is original:
        return function
    return graph.function(function.structured_input_signature[1])


def owner_of(function: Any, loaded: Any) -> Any:
    """Returns the object to convert a function with: the loaded SavedModel if it needs its parts.

    The converter also converts what makes the object's tables, which it may not be able to.
    """
    import tensorflow as tf

    return loaded if function.captured_inputs else tf.Module()
