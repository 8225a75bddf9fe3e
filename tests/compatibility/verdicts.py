"""What a runtime's answers to a row are worth, and the limits that decide it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.arrays import Array

AGREES, DIFFERS, REFUSED, FAILS, CRASHED, TRACEBACK, NOT_OFFERED = (
    *("agrees", "differs", "refused", "fails", "crashed", "traceback", "not offered"),
)


@dataclass(frozen=True)
class Limit:
    """How far answers may be from the SavedModel's.

    Attributes:
        largest: the largest difference, relative to the largest output.
        rms: the differences' root mean square, relative to that of the outputs.
    """

    largest: float
    rms: float | None = None


CLOSE, WEBGL, HALF = Limit(1e-5), Limit(1e-4), Limit(5e-3)
# A few outputs may be far off where many small errors meet, but not most of them.
EIGHT_BITS = Limit(0.1, 0.05)
# For a SavedModel against a Keras model that computes in float16 or bfloat16.
HALF_POLICY = Limit(0.02)
# Or, for outputs that hold classes in eight bits: the share of examples with the same top class.
SAME_CLASS = 0.97


@dataclass(frozen=True)
class Verdict:
    """One cell of the table.

    Attributes:
        verdict: one of the words above.
        difference: the largest difference relative to the largest output; None without answers.
        rms: the differences' root mean square relative to that of the outputs.
        agreement: the share of examples with the same top class, for rows with classes.
        reason: why it is not ``agrees``, in the product's or the runtime's own words.
    """

    verdict: str
    difference: float | None = None
    rms: float | None = None
    agreement: float | None = None
    reason: str = ""


def compared(
    outputs: Mapping[str, Array], expected: Mapping[str, Array], limit: Limit, *, classes: bool
) -> Verdict:
    """Returns the verdict on answers, each output by its name.

    Args:
        limit: the limit for each output.
        classes: whether the same top class for most examples is enough.
    """
    if set(outputs) != set(expected):
        return Verdict(DIFFERS, reason=f"answers {sorted(outputs)}, not {sorted(expected)}")
    shapes = {name: (outputs[name].shape, expected[name].shape) for name in expected}
    for name, (got, wanted) in shapes.items():
        if got != wanted:
            return Verdict(DIFFERS, reason=f"output {name!r} has the shape {got}, not {wanted}")
    measured = [_differences(outputs[name], expected[name]) for name in expected]
    if None in measured:
        return Verdict(DIFFERS, reason="NaN or infinite in other places than the SavedModel")
    difference = max(value[0] for value in measured if value is not None)
    rms = max(value[1] for value in measured if value is not None)
    agreement = _same_class(outputs, expected) if classes else None
    near = difference <= limit.largest and (limit.rms is None or rms <= limit.rms)
    enough = agreement >= SAME_CLASS if agreement is not None else near
    return Verdict(AGREES if enough else DIFFERS, difference, rms, agreement)


def _differences(values: Array, expected: Array) -> tuple[float, float] | None:
    """Returns the relative differences as in Limit; None when others are NaN or infinite."""
    if expected.dtype.kind in "US":
        different = values.astype(str) != expected.astype(str)
        return float(different.max()), float(different.mean())
    got, wanted = values.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(wanted)
    special = np.where(np.isfinite(got), 0.0, got)
    if not np.array_equal(np.where(finite, 0.0, wanted), special, equal_nan=True):
        return None
    if not finite.any():
        return 0.0, 0.0
    difference, wanted = np.abs(got[finite] - wanted[finite]), np.abs(wanted[finite])
    largest, rms = float(wanted.max()) or 1.0, float(np.sqrt(np.mean(wanted**2))) or 1.0
    return float(difference.max()) / largest, float(np.sqrt(np.mean(difference**2))) / rms


def _same_class(outputs: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    (name,) = expected
    return float(np.mean(outputs[name].argmax(axis=-1) == expected[name].argmax(axis=-1)))


def as_json(verdict: Verdict) -> dict[str, Any]:
    return {name: value for name, value in vars(verdict).items() if value not in (None, "")}
