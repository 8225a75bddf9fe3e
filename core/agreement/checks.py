"""A check: what one runtime answered to the golden set, held against the SavedModel's answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import ceil, floor, sqrt
from typing import Any

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.spec import Limits

# Target, variant and runtime.
Key = tuple[str, str, str]
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# Differing examples from which on their share says enough by itself.
MANY = 10
# So few examples of a class may always be lost: of 20, one is no share to speak of.
_FEW = 5


@dataclass(frozen=True)
class Evidence:
    """What a runtime answered to each example, in the order of the golden set.

    Attributes:
        difference: largest difference of any output from the SavedModel's, float32, shape (n,).
        predicted: the class on top, int32, shape (n,).
        confidence: its probability, float32, shape (n,).
    """

    difference: Array
    predicted: Array
    confidence: Array

    @classmethod
    def of(cls, outputs: Array, expected: Array) -> "Evidence":
        """Returns the evidence of finite outputs, both of shape (n, classes)."""
        difference = np.abs(outputs.astype(np.float64) - expected).max(axis=1)
        return cls(
            difference.astype(np.float32),
            outputs.argmax(axis=1).astype(np.int32),
            outputs.max(axis=1).astype(np.float32),
        )


@dataclass(frozen=True)
class Check:
    """One row of the manifest's ``checks``, of the table in the terminal and of the report.

    Attributes:
        target: ``serving``, ``mobile`` or ``web``.
        variant: the form of the weights, such as ``float32`` or ``int8``.
        runtime: what ran it, with its version.
        status: ``passed``, ``failed`` or ``skipped``.
        reason: why it failed or was skipped.
        required: whether a release may go out without it.
        bytes: size of what the target loads.
        examples: how many examples were run.
        accuracy: share of them with the true class on top.
        agreement: share of them with the SavedModel's class on top.
        max_abs_diff: largest difference of any output from the SavedModel's.
        p50_ms: median time of one prediction as a client sees it, in milliseconds.
        worst_class_drop: the most accuracy that the examples of one true class lost.
        figures: what the target alone measures, JSON values by name; its package says which.
        evidence: what the figures were made from; None when there are none. It is no part of the
            row's JSON.
    """

    target: str
    variant: str
    runtime: str
    status: str
    reason: str = ""
    required: bool = True
    bytes: int | None = None
    examples: int | None = None
    accuracy: float | None = None
    agreement: float | None = None
    max_abs_diff: float | None = None
    p50_ms: float | None = None
    worst_class_drop: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> "Key":
        """Returns what tells the row from all others of a release."""
        return self.target, self.variant, self.runtime

    def with_figures(self, **figures: Any) -> "Check":
        """Returns the row with more of the target's own figures."""
        return replace(self, figures={**self.figures, **figures})

    @property
    def stops_release(self) -> bool:
        """Returns whether a release with this row must not be promoted."""
        return self.required and self.status != PASSED

    def to_json(self) -> dict[str, Any]:
        """Returns the row of the manifest, in which the target's figures stand among the others."""
        own = {name: getattr(self, name) for name in _FIELDS}
        return {**own, **self.figures}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Check":
        """Returns the row. Raises TypeError when one of its first four fields is missing."""
        own = {name: value for name, value in values.items() if name in _FIELDS}
        return cls(
            **own, figures={name: value for name, value in values.items() if name not in _FIELDS}
        )


_FIELDS = [item.name for item in fields(Check) if item.name not in ("figures", "evidence")]


def compare(outputs: Array, golden: Golden, limits: Limits, *, row: Check) -> Check:
    """Returns ``row`` completed with figures and a verdict.

    Args:
        outputs: what the runtime answered, in the order of ``golden``.
        golden: the examples that were run, with the SavedModel's answers.
        limits: what the figures may be at most and at least.
        row: target, variant, runtime, and what else is known; its status does not count.
    """
    row = replace(row, required=limits.required, examples=len(outputs))
    if outputs.shape != golden.outputs.shape:
        reason = f"answered with shape {outputs.shape}, expected {golden.outputs.shape}"
        return replace(row, status=FAILED, reason=reason)
    if not np.isfinite(outputs).all():
        count = int((~np.isfinite(outputs)).sum())
        return replace(row, status=FAILED, reason=f"{count} outputs are NaN or infinite")
    top = outputs.argmax(axis=1)
    measured = replace(
        row,
        accuracy=float(np.mean(top == golden.labels)),
        agreement=float(np.mean(top == golden.outputs.argmax(axis=1))),
        max_abs_diff=float(np.abs(outputs.astype(np.float64) - golden.outputs).max()),
        worst_class_drop=max(lost / count for _, lost, count in _losses(top, golden)),
        evidence=Evidence.of(outputs, golden.outputs),
    )
    reasons = [*_violations(measured, golden, limits), *_class_violations(top, golden, limits)]
    return replace(measured, status=FAILED if reasons else PASSED, reason="; ".join(reasons))


def for_few(limits: Limits, count: int) -> Limits:
    """Returns the limits for ``count`` examples, of which one is more than a small share.

    As many may differ as the shares round up to: of 16 examples, one where 0.97 agree. Where fewer
    than ten are to be expected, chance moves them by more than their share: two standard deviations
    are allowed, of 1000 examples three where 0.999 agree. A variant whose outputs are bounded gets
    no such room.
    """

    def share(limit: float) -> float:
        expected = round(count * limit, 9)
        few = limits.max_abs_diff is None and expected < MANY
        chance = floor(expected + 2 * sqrt(expected)) if few else 0
        return max(ceil(expected), chance) / count

    bounded = limits.max_abs_diff is not None
    return replace(
        limits,
        agreement=limits.agreement if bounded else 1 - share(1 - limits.agreement),
        accuracy_drop=share(limits.accuracy_drop),
    )


def failure(row: Check, reason: str, *, limits: Limits) -> Check:
    """Returns ``row`` as a failed check that has no figures: the runtime did not answer."""
    return replace(row, status=FAILED, reason=reason, required=limits.required)


def _violations(check: Check, golden: Golden, limits: Limits) -> Sequence[str]:
    assert check.agreement is not None  # noqa: S101 - the caller has just measured them
    assert check.accuracy is not None and check.max_abs_diff is not None  # noqa: S101
    found = []
    if check.agreement < limits.agreement:
        found.append(f"agreement {check.agreement:.5f} is below {limits.agreement}")
    if limits.max_abs_diff is not None and check.max_abs_diff > limits.max_abs_diff:
        found.append(f"difference {check.max_abs_diff:.2g} is above {limits.max_abs_diff:g}")
    drop = golden.accuracy - check.accuracy
    # One ulp of slack: a drop of exactly the limit is within it.
    if drop > limits.accuracy_drop + 1e-9:
        found.append(
            f"accuracy {check.accuracy:.4f} is {drop:.4f} below the SavedModel's, "
            f"{limits.accuracy_drop} allowed"
        )
    return found


def _losses(top: Array, golden: Golden) -> Iterator[tuple[int, int, int]]:
    """Yields each true class, how many of its examples fewer are right now, and how many it has."""
    before = golden.outputs.argmax(axis=1) == golden.labels
    now = top == golden.labels
    for label in np.unique(golden.labels):
        rows = golden.labels == label
        yield int(label), int(before[rows].sum()) - int(now[rows].sum()), int(rows.sum())


def _class_violations(top: Array, golden: Golden, limits: Limits) -> Iterator[str]:
    if limits.class_drop is None:
        return
    for label, lost, count in _losses(top, golden):
        if lost > max(limits.class_drop * count + 1e-9, _FEW):
            yield (
                f"class {label} lost {lost / count:.4f} of accuracy ({lost} of {count} examples), "
                f"{limits.class_drop} allowed"
            )
