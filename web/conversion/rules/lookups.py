"""Lookup tables."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, reshaped


def find(operation: Operation) -> Tensor | None:
    """Gives the answer the shape of the keys."""
    keys = operation.inputs[1]
    if keys.shape.rank in (None, 1):
        return None
    [found] = operation.again(operation.inputs)
    return reshaped(found, dimensions(keys))


RULES = (Rule(("LookupTableFindV2",), find, "a table answers several columns with a single one"),)
