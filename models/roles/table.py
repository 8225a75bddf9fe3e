"""All roles that an output may have, and the heads of a model."""

from collections.abc import Iterable, Mapping

from models.roles.classification import Classification
from models.roles.detection import Detection
from models.roles.embedding import Embedding
from models.roles.numbers import Regression, Tensor
from models.roles.role import Head, Role
from models.roles.segmentation import Segmentation
from models.roles.thresholds import Binary, MultiLabel
from models.spec import Output

ROLES: Mapping[str, Role] = {
    role.name: role
    for role in (
        Classification(),
        Binary(),
        MultiLabel(),
        Regression(),
        Segmentation(),
        Detection(),
        Embedding(),
        Tensor(),
    )
}


def heads(outputs: Iterable[Output]) -> tuple[Head, ...]:
    """Returns the heads in the order of their first outputs; a detection's outputs are one head."""
    named: dict[str | None, list[Output]] = {}
    for output in outputs:
        together = output.role == Detection.name
        named.setdefault(None if together else output.name, []).append(output)
    return tuple(
        Head(ROLES[each[0].role], tuple(sorted(each, key=lambda output: output.part)))
        for each in named.values()
    )
