"""Golden sets of models with one output, whose largest value is the class."""

from collections.abc import Mapping

from core.agreement.checks import Check, compare
from core.agreement.golden import Golden
from core.arrays import Array
from models.spec import Limits, Output

OUTPUT = "probabilities"


def classes_golden(
    inputs: Mapping[str, Array],
    labels: Array,
    values: Array,
    name: str = OUTPUT,
    named: tuple[str, ...] = (),
) -> Golden:
    """Returns a golden set with these inputs, true classes and values of the output.

    Args:
        name: the output's name.
        named: the names of its classes.
    """
    output = Output(name, str(values.dtype), values.shape[1:], "", labels=named)
    return Golden(inputs, {name: values}, {name: labels}, (output,))


def compare_values(values: Array, golden: Golden, limits: Limits, *, row: Check) -> Check:
    """Returns ``compare`` of the values of the golden set's only output."""
    (name,) = golden.outputs
    return compare({name: values}, golden, limits, row=row)


def score(golden: Golden) -> float:
    """Returns the SavedModel's score in the first head, such as its accuracy."""
    head = golden.heads[0]
    found = head.score(golden.outputs, golden.truths[head.name])
    assert found is not None
    return found
