"""A check compares one runtime's answers to the golden set with the SavedModel's answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import ceil, floor, sqrt
from typing import Any

import numpy as np

from core.agreement.bounds import Differences, bound_of, size_of
from core.agreement.extreme_checks import extreme_violations
from core.agreement.golden import Golden
from core.arrays import Array
from models.spec import Limits

# Target, variant and runtime.
Key = tuple[str, str, str]
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# With this many differing examples or more, their share is meaningful by itself.
MANY = 10
# Two classes whose values differ by less, relative to the largest output, are a tie: rounding
# decides which one is on top.
TIE = 1e-5
_ALIKE = (
    "the SavedModel gives its two top classes the same value in all {count} examples, so they "
    "cannot show whether a runtime agrees; use examples that the model tells apart"
)
# A class may always lose this many examples: one example of 20 is not a meaningful share.
_FEW = 5


@dataclass(frozen=True)
class Evidence:
    """A runtime's answer to each example, in the order of the golden set.

    Attributes:
        difference: the largest difference between an output and the SavedModel's, float32, shape
            (n,).
        predicted: the top class, int32, shape (n,).
        confidence: the probability of the top class, float32, shape (n,).
    """

    difference: Array
    predicted: Array
    confidence: Array

    @classmethod
    def of(cls, outputs: Array, expected: Array) -> "Evidence":
        """Returns the evidence for finite outputs. Both arrays have the shape (n, classes)."""
        difference = np.abs(outputs.astype(np.float64) - expected).max(axis=1)
        return cls(
            difference.astype(np.float32),
            outputs.argmax(axis=1).astype(np.int32),
            outputs.max(axis=1).astype(np.float32),
        )


@dataclass(frozen=True)
class Check:
    """One row of the manifest's ``checks``, of the terminal's table and of the report.

    Attributes:
        target: ``serving``, ``mobile`` or ``web``.
        variant: the form of the weights, such as ``float32`` or ``int8``.
        runtime: the name and version of the runtime that ran it.
        status: ``passed``, ``failed`` or ``skipped``.
        reason: the reason why it failed or was skipped.
        required: whether a release needs this check to pass.
        bytes: the size of what the target loads.
        examples: the number of examples that were run.
        accuracy: the share of examples whose top class is the true class.
        agreement: the share of examples whose top class is the SavedModel's, among those whose two
            top classes the SavedModel tells apart.
        max_abs_diff: the largest difference between any output and the SavedModel's.
        max_rel_diff: the same, relative to the SavedModel's largest output.
        rms_rel_diff: the root mean square of the differences, relative to that of the SavedModel's
            outputs.
        p50_ms: the median time of one prediction as a client sees it, in milliseconds.
        worst_class_drop: the largest loss of accuracy among the examples of one true class.
        figures: measurements that only this target makes, as JSON values by name; its package
            documents them.
        evidence: the data that the figures were computed from; None when there are no figures. It
            is not part of the row's JSON.
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
    max_rel_diff: float | None = None
    rms_rel_diff: float | None = None
    p50_ms: float | None = None
    worst_class_drop: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    @property
    def key(self) -> "Key":
        """Returns what distinguishes the row from all others of a release."""
        return self.target, self.variant, self.runtime

    def with_figures(self, **figures: Any) -> "Check":
        """Returns the row with further figures of its target."""
        return replace(self, figures={**self.figures, **figures})

    @property
    def stops_release(self) -> bool:
        """Returns whether a release with this row must not be promoted."""
        return self.required and self.status != PASSED

    def to_json(self) -> dict[str, Any]:
        """Returns the manifest's row; the target's figures are on the same level as the rest."""
        values = {name: getattr(self, name) for name in _FIELDS}
        return {**values, **self.figures}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Check":
        """Returns the row. Raises TypeError when one of its first four fields is missing."""
        common = {name: value for name, value in values.items() if name in _FIELDS}
        figures = {name: value for name, value in values.items() if name not in _FIELDS}
        return cls(**common, figures=figures)


_FIELDS = [item.name for item in fields(Check) if item.name not in ("figures", "evidence")]


def compare(outputs: Array, golden: Golden, limits: Limits, *, row: Check) -> Check:
    """Returns ``row`` with its figures and its verdict filled in.

    Args:
        outputs: the runtime's answers, in the order of ``golden``, extreme inputs included.
        golden: the examples that were run, with the SavedModel's answers.
        limits: the upper and lower limits of the figures.
        row: target, variant, runtime, and whatever else is known; its status is ignored.
    """
    row = replace(row, required=limits.required, examples=len(outputs) - golden.extremes)
    if outputs.shape != golden.outputs.shape:
        reason = f"answered with shape {outputs.shape}, expected {golden.outputs.shape}"
        return replace(row, status=FAILED, reason=reason)
    bound = bound_of(row.variant, limits)
    at_extremes = extreme_violations(outputs, golden, bound)
    golden = golden.examples
    outputs = outputs[: len(golden)]
    if not np.isfinite(outputs).all():
        count = int((~np.isfinite(outputs)).sum())
        return replace(row, status=FAILED, reason=f"{count} outputs are NaN or infinite")
    told_apart = _told_apart(golden.outputs)
    if not told_apart.any():
        return replace(row, status=FAILED, reason=_ALIKE.format(count=len(golden)))
    top = outputs.argmax(axis=1)
    differences = Differences.of(outputs, golden.outputs)
    measured = replace(
        row,
        accuracy=float(np.mean(top == golden.labels)),
        agreement=float(np.mean((top == golden.outputs.argmax(axis=1))[told_apart])),
        max_abs_diff=differences.absolute,
        max_rel_diff=differences.largest,
        rms_rel_diff=differences.rms,
        worst_class_drop=max(lost / count for _, lost, count in _losses(top, golden)),
        evidence=Evidence.of(outputs, golden.outputs),
    )
    reasons = [
        *_violations(measured, golden, limits),
        *differences.violations(bound),
        *_class_violations(top, golden, limits),
        *at_extremes,
    ]
    return replace(measured, status=FAILED if reasons else PASSED, reason="; ".join(reasons))


def for_few(limits: Limits, count: int) -> Limits:
    """Returns limits for only ``count`` examples, where one example is more than a small share.

    Shares are rounded up to whole examples: where 0.97 must agree, one of 16 examples may differ.
    Where fewer than ten differing examples are expected, chance moves their number by more than
    the share, so two standard deviations are added: where 0.999 must agree, three of 1000 examples
    may differ. A variant whose outputs are bounded gets no such room: its agreement is not
    rounded, and nothing is added for chance.
    """

    bounded = limits.max_abs_diff is not None or limits.max_diff is not None

    def share(limit: float) -> float:
        expected = round(count * limit, 9)
        few = not bounded and expected < MANY
        chance = floor(expected + 2 * sqrt(expected)) if few else 0
        return max(ceil(expected), chance) / count

    return replace(
        limits,
        agreement=limits.agreement if bounded else 1 - share(1 - limits.agreement),
        accuracy_drop=share(limits.accuracy_drop),
    )


def failure(row: Check, reason: str, *, limits: Limits) -> Check:
    """Returns ``row`` as a failed check without figures: the runtime did not answer."""
    return replace(row, status=FAILED, reason=reason, required=limits.required)


def _violations(check: Check, golden: Golden, limits: Limits) -> Sequence[str]:
    assert check.agreement is not None  # noqa: S101 - the caller has just measured both
    assert check.accuracy is not None  # noqa: S101
    violations = []
    if check.agreement < limits.agreement:
        violations.append(f"agreement {check.agreement:.5f} is below {limits.agreement}")
    drop = golden.accuracy - check.accuracy
    # A little slack for rounding: a drop of exactly the limit is allowed.
    if drop > limits.accuracy_drop + 1e-9:
        violations.append(
            f"accuracy {check.accuracy:.4f} is {drop:.4f} below the SavedModel's, "
            f"at most {limits.accuracy_drop} is allowed"
        )
    return violations


def _told_apart(expected: Array) -> Array:
    """Returns, for each example, whether the SavedModel prefers one class to all others."""
    if expected.shape[1] < 2:
        return np.ones(len(expected), bool)
    second, first = np.partition(expected.astype(np.float64), -2, axis=1)[:, -2:].T
    return np.asarray(first - second > TIE * size_of(expected))


def _losses(top: Array, golden: Golden) -> Iterator[tuple[int, int, int]]:
    """Yields each true class, its loss of correct examples, and its number of examples."""
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
                f"class {label} lost {lost / count:.4f} accuracy ({lost} of {count} examples), "
                f"at most {limits.class_drop} is allowed"
            )
