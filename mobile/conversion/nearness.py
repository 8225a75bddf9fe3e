"""When an int8 file's answers are near enough to float32's."""

from collections.abc import Collection, Mapping

import numpy as np

from core.arrays import Array
from models.roles.classification import Classification
from models.roles.role import Head
from models.roles.table import heads
from models.spec import Output

# An int8 file agrees with float32 if the errors' root mean square, relative to the values', is at
# most this …
ERROR = 0.05
# … and so many examples have the same decision: the same largest value of those whose two largest
# differ by more, or what else the output's role calls the same.
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
    if isinstance(head.role, Classification):
        return _same_largest(answers[head.name], right[head.name])
    same = head.same(answers, right)
    return _few_differ(same[~np.isnan(same)] < AGREEMENT)


def _same_largest(answers: Array, right: Array) -> bool:
    rows, wanted = (each.reshape(len(each), -1).astype(np.float64) for each in (answers, right))
    is_close = np.abs(rows - wanted).max(initial=0.0) <= LARGEST * np.abs(wanted).max(initial=0.0)
    if rows.shape[1] < 2:
        return bool(is_close)
    other = rows.argmax(axis=1) != wanted.argmax(axis=1)
    if not is_close and other.mean() > 1 - AGREEMENT:
        return False
    second, first = np.sort(wanted, axis=1)[:, -2:].T
    return _few_differ(other[first - second > ERROR * np.sqrt(np.mean(np.square(wanted)))])


def _few_differ(differs: Array) -> bool:
    # One example may always differ: of few, it is a large share.
    return bool(differs.sum() <= max(1.0, (1 - AGREEMENT) * len(differs)))


def _finite_rows(values: Array) -> Array:
    return np.asarray(np.isfinite(values.reshape(len(values), -1)).all(axis=1))
