"""When an int8 file's answers are near enough to float32's."""

from collections.abc import Mapping

import numpy as np

from core.arrays import Array

# An int8 file agrees with float32 if the errors' root mean square, relative to the values', is at
# most this …
ERROR = 0.05
# … and so many examples have the same largest value, of those whose two largest differ by more.
AGREEMENT = 0.97
# An error larger than this share of the largest value is accepted only where as many of all
# examples have the same largest value, as classes do. Outputs that saturate have a small root mean
# square of errors although no order among them is left.
LARGEST = 0.1


def agree(answers: Mapping[str, Array], right: Mapping[str, Array]) -> bool:
    """Returns whether all outputs are near enough to the right ones, both by name."""
    return all(_is_near(answers[name], values) for name, values in right.items())


def _is_near(answers: Array, right: Array) -> bool:
    """Returns whether an output's values are near enough to float32's, and their largest too."""
    if right.dtype.kind != "f":
        return bool(np.mean(answers == right) >= AGREEMENT)
    finite = np.isfinite(right)
    if not np.array_equal(np.isfinite(answers), finite):
        return False
    # TensorFlow Lite computes in float32: squares of values above 1e19 need more.
    errors, values = (answers - right)[finite].astype(np.float64), right[finite].astype(np.float64)
    if np.mean(np.square(errors)) > ERROR**2 * np.mean(np.square(values)):
        return False
    rows, wanted = (each.reshape(len(each), -1) for each in (answers, right))
    is_close = np.abs(errors).max(initial=0.0) <= LARGEST * np.abs(values).max(initial=0.0)
    if rows.shape[1] < 2:
        return bool(is_close)
    other = rows.argmax(axis=1) != wanted.argmax(axis=1)
    if not is_close and other.mean() > 1 - AGREEMENT:
        return False
    second, first = np.sort(wanted, axis=1)[:, -2:].T
    told_apart = first - second > ERROR * np.sqrt(np.mean(np.square(values)))
    # One example may always differ: of few, it is a large share.
    allowed = max(1.0, (1 - AGREEMENT) * told_apart.sum())
    return bool(other[told_apart].sum() <= allowed)
