"""When an int8 file's answers are near enough to float32's."""

from collections.abc import Collection, Mapping

import numpy as np

from core.arrays import Array
from models.roles.classification import Classification
from models.roles.role import Head
from models.roles.segmentation import Segmentation
from models.roles.table import heads
from models.roles.thresholds import Binary, MultiLabel
from models.spec import Output

# An int8 file agrees with float32 if the errors' root mean square, relative to the values', is at
# most this …
ERROR = 0.05
# … and so many decisions are the same: the largest value of those whose two largest differ by more,
# the side of the threshold of those that are further from it, or what else the output's role says.
AGREEMENT = 0.97
# An error larger than this share of the largest value is accepted only where as many of all
# examples have the same decision. Outputs that saturate have a small root mean square of errors
# although no order among them is left.
LARGEST = 0.1


def agree(
    answers: Mapping[str, Array], right: Mapping[str, Array], outputs: Collection[Output]
) -> bool:
    """Returns whether all outputs are near enough to the right ones, both by name.

    Args:
        outputs: what the outputs are; of others, only the values are compared.
    """
    return all(_is_near(answers[name], values) for name, values in right.items()) and all(
        _decides_alike(head, answers, right) for head in heads(outputs)
    )


def _is_near(answers: Array, right: Array) -> bool:
    """Returns whether an output's values are near enough to float32's."""
    if right.dtype.kind != "f":
        return bool(np.mean(answers == right) >= AGREEMENT)
    finite = np.isfinite(right)
    if not np.array_equal(np.isfinite(answers), finite):
        return False
    # TensorFlow Lite computes in float32: squares of values above 1e19 need more.
    errors, values = (answers - right)[finite].astype(np.float64), right[finite].astype(np.float64)
    return bool(np.square(errors).sum() <= ERROR**2 * np.square(values).sum())


def _decides_alike(head: Head, answers: Mapping[str, Array], right: Mapping[str, Array]) -> bool:
    """Returns whether enough examples have the same decision, where rounding does not decide."""
    names = [output.name for output in head.outputs]
    if all(right[name].dtype.kind != "f" for name in names):
        return True  # whole numbers are compared one by one
    finite = np.all([_finite_rows(right[name]) for name in names], axis=0)
    if not finite.any():
        return True
    answers, right = ({name: each[name][finite] for name in names} for each in (answers, right))
    got, wanted = (each[head.name].astype(np.float64) for each in (answers, right))
    is_close = bool(np.abs(got - wanted).max() <= LARGEST * np.abs(wanted).max())
    if isinstance(head.role, Classification | Segmentation) and wanted.shape[-1] > 1:
        differs, margins = _other_largest(got, wanted)
    elif isinstance(head.role, Binary | MultiLabel | Segmentation):
        threshold = head.outputs[0].threshold
        differs = ((got > threshold) != (wanted > threshold)).ravel()
        margins = np.abs(wanted - threshold).ravel()
    elif isinstance(head.role, Classification):
        return is_close  # one class has no rival
    else:
        same = head.same(answers, right)
        return _few_differ(1 - same[~np.isnan(same)])
    if not is_close and differs.mean() > 1 - AGREEMENT:
        return False
    return _few_differ(differs[margins > ERROR * np.sqrt(np.mean(np.square(wanted)))])


def _other_largest(got: Array, wanted: Array) -> tuple[Array, Array]:
    """Returns where another class is the largest, and by how much the largest was larger."""
    rows, right = (each.reshape(-1, each.shape[-1]) for each in (got, wanted))
    second, first = np.sort(right, axis=1)[:, -2:].T
    return rows.argmax(axis=1) != right.argmax(axis=1), first - second


def _few_differ(differs: Array) -> bool:
    # One example may always differ: of few, it is a large share.
    return bool(differs.sum() <= max(1.0, (1 - AGREEMENT) * len(differs)))


def _finite_rows(values: Array) -> Array:
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))
