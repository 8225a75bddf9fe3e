"""Channels that come first, as in Keras' ``channels_first``."""

from typing import Any

from core.channels import OPERATORS, come_first, moved_last
from mobile.conversion.rules.frozen_graph import FrozenGraph


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with operations on channels that come last, between transpositions.

    The converter does that itself for pictures, and turns tensors of three and of five dimensions
    by the four axes of a picture. Its own rules do not see what it does itself.
    """
    return graph.replaced(OPERATORS, _moved)


def _moved(operation: Any) -> list[Any] | None:
    return moved_last(operation) if come_first(operation) else None
