"""Operations that hand on their input, and only check something."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule


def handed_on(operation: Operation) -> Tensor:
    """Returns the input: what it is checked for, the SavedModel's own runs have shown."""
    return operation.inputs[0]


RULES = (Rule(("EnsureShape",), handed_on, "the converter looks for the shape among the inputs"),)
