"""A check compares one runtime's answers to the golden set with the SavedModel's answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import ceil, floor, isnan, nan, sqrt
from typing import Any

import numpy as np

from core.agreement.bounds import Differences, bound_of
from core.agreement.extreme_checks import extreme_violations
from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.role import Head, size_of
from models.spec import Limits

Arrays = Mapping[str, Array]
# Target, variant and runtime.
Key = tuple[str, str, str]
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# With this many differing examples or more, their share is meaningful by itself.
MANY = 10
# Answers that vary by less from example to example, relative to the largest, are one answer.
ONE_ANSWER = 1e-6
_TIED = (
    "the SavedModel's answer {head!r} is a tie in all {count} examples, such as two top classes "
    "with the same value, so they cannot show whether a runtime agrees; use examples that the "
    "model tells apart"
)
_CONSTANT = (
    "the SavedModel gives the same answer to all {count} examples, so they cannot show whether a "
    "runtime agrees; use examples that the model tells apart"
)
# A class may always lose this many examples: one example of 20 is not a meaningful share.
_FEW = 5


@dataclass(frozen=True)
class Evidence:
    """A runtime's answer to each example, in the order of the golden set.

    Attributes:
        difference: the largest difference between an output and the SavedModel's, float32, shape
            (n,).
        same: how far it is the SavedModel's decision, from 0 to 1, in the head where it is least
            so; NaN where the SavedModel's answer is a tie; float32, shape (n,).
        predicted: the first head's decision as a number, such as the top class; NaN where it is not
            one number; float64, shape (n,).
        confidence: how sure that decision is, such as the probability of the top class; NaN where
            nothing says it; float32, shape (n,).
    """

    difference: Array
    same: Array
    predicted: Array
    confidence: Array

    @classmethod
    def of(cls, outputs: Arrays, golden: Golden) -> "Evidence":
        """Returns the evidence for finite outputs of the golden set's shapes."""
        differences = [
            np.abs(values.astype(np.float64) - golden.outputs[name])
            .reshape(len(values), -1)
            .max(axis=1, initial=0.0)
            for name, values in outputs.items()
        ]
        same = [head.same(outputs, golden.outputs) for head in golden.heads]
        predicted, confidence = golden.heads[0].summary(outputs)
        return cls(
            np.max(differences, axis=0).astype(np.float32),
            np.fmin.reduce(same).astype(np.float32),
            predicted.astype(np.float64),
            confidence.astype(np.float32),
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
        accuracy: the share of examples whose top class is the true class; None for a model whose
            first output with true answers has no classes.
        agreement: the share of examples with the SavedModel's decision, such as its top class,
            among those whose answer is not a tie; of several heads, the least.
        score: the score of the first head with true answers; equal to ``accuracy`` where it has
            classes.
        metric: the name of that score, such as ``accuracy`` or ``R²``; empty without true answers.
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
    score: float | None = None
    metric: str = ""
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


def compare(outputs: Arrays, golden: Golden, limits: Limits, *, row: Check) -> Check:
    """Returns ``row`` with its figures and its verdict filled in.

    Args:
        outputs: the runtime's answers by output, in the order of ``golden``, extreme inputs
            included.
        golden: the examples that were run, with the SavedModel's answers.
        limits: the upper and lower limits of the figures.
        row: target, variant, runtime, and whatever else is known; its status is ignored.
    """
    row = replace(row, required=limits.required, examples=len(golden.examples))
    if problem := _misshapen(outputs, golden):
        return replace(row, status=FAILED, reason=problem)
    outputs = {name: outputs[name] for name in golden.outputs}
    bound = bound_of(row.variant, limits)
    at_extremes = extreme_violations(outputs, golden, bound)
    golden = golden.examples
    outputs = {name: values[: len(golden)] for name, values in outputs.items()}
    if count := sum(int((~np.isfinite(values)).sum()) for values in outputs.values()):
        return replace(row, status=FAILED, reason=f"{count} outputs are NaN or infinite")
    agreements = {head: _agreement(head, outputs, golden) for head in golden.heads}
    if problem := _shows_nothing(golden, agreements):
        return replace(row, status=FAILED, reason=problem)
    differences = Differences.largest_of(
        Differences.of(values, golden.outputs[name]) for name, values in outputs.items()
    )
    scores = list(_scores(outputs, golden))
    first = scores[0] if scores else None
    losses = list(_losses(outputs, golden))
    measured = replace(
        row,
        accuracy=first.now if first and first.is_share else None,
        score=first.now if first else None,
        metric=first.metric if first else "",
        agreement=min(agreements.values()),
        max_abs_diff=differences.absolute,
        max_rel_diff=differences.largest,
        rms_rel_diff=differences.rms,
        worst_class_drop=max((lost / count for _, lost, count in losses), default=None),
        evidence=Evidence.of(outputs, golden),
    )
    reasons = [
        *_disagreements(agreements, limits),
        *_score_violations(scores, limits),
        *differences.violations(bound),
        *_class_violations(losses, limits),
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


@dataclass(frozen=True)
class _Scored:
    """A head's score from a runtime's answers, and from the SavedModel's."""

    head: str
    metric: str
    is_share: bool
    now: float
    before: float


def _misshapen(outputs: Arrays, golden: Golden) -> str:
    """Returns which output is missing or has another shape than the SavedModel's; empty if none."""
    for name, expected in golden.outputs.items():
        if name not in outputs:
            return f"answered without the output {name!r}; it has {sorted(outputs)}"
        if outputs[name].shape != expected.shape:
            which = f" in the output {name!r}" if len(golden.outputs) > 1 else ""
            return f"answered with shape {outputs[name].shape}{which}, expected {expected.shape}"
    return ""


def _agreement(head: Head, outputs: Arrays, golden: Golden) -> float:
    """Returns the mean of ``Head.same``; NaN if all of the SavedModel's answers are ties."""
    same = head.same(outputs, golden.outputs)
    shown = same[~np.isnan(same)]
    return float(shown.mean()) if len(shown) else nan


def _shows_nothing(golden: Golden, agreements: Mapping[Head, float]) -> str:
    """Returns why these examples cannot show whether a runtime agrees; empty if they can."""
    for head, agreement in agreements.items():
        if isnan(agreement):
            return _TIED.format(head=head.name, count=len(golden))
    if len(golden) > 1 and not any(_varies(values) for values in golden.outputs.values()):
        return _CONSTANT.format(count=len(golden))
    return ""


def _varies(values: Array) -> bool:
    return bool(np.ptp(values.astype(np.float64), axis=0).max() > ONE_ANSWER * size_of(values))


def _scores(outputs: Arrays, golden: Golden) -> Iterator[_Scored]:
    """Yields the scores of the heads that have true answers and a score for them."""
    for head in golden.heads:
        truth = golden.truths.get(head.name)
        score = head.role.score_of
        if truth is None or score is None:
            continue
        now, before = head.score(outputs, truth), head.score(golden.outputs, truth)
        if now is not None and before is not None:
            yield _Scored(head.name, score.name, score.share, now, before)


def _disagreements(agreements: Mapping[Head, float], limits: Limits) -> Iterator[str]:
    for head, agreement in agreements.items():
        if agreement < limits.agreement:
            where = f" of the output {head.name!r}" if len(agreements) > 1 else ""
            yield f"agreement{where} {agreement:.5f} is below {limits.agreement}"


def _score_violations(scores: Sequence[_Scored], limits: Limits) -> Iterator[str]:
    for scored in scores:
        drop = scored.before - scored.now
        # A little slack for rounding: a drop of exactly the limit is allowed.
        if drop > limits.accuracy_drop + 1e-9:
            where = f" of the output {scored.head!r}" if len(scores) > 1 else ""
            yield (
                f"{scored.metric}{where} {scored.now:.4f} is {drop:.4f} below the SavedModel's, "
                f"at most {limits.accuracy_drop} is allowed"
            )


def _losses(outputs: Arrays, golden: Golden) -> Iterator[tuple[int, int, int]]:
    """Yields each true class, its loss of correct examples, and its number of examples.

    It looks at the first head with true answers, and yields nothing if that has no classes.
    """
    head = next((head for head in golden.heads if head.name in golden.truths), None)
    truth = golden.truths[head.name] if head else np.zeros(0)
    if head is None or truth.ndim != 1 or truth.dtype.kind not in "iub":
        return
    before, now = (head.truth(each) == truth for each in (golden.outputs, outputs))
    for label in np.unique(truth):
        rows = truth == label
        yield int(label), int(before[rows].sum()) - int(now[rows].sum()), int(rows.sum())


def _class_violations(losses: Sequence[tuple[int, int, int]], limits: Limits) -> Iterator[str]:
    if limits.class_drop is None:
        return
    for label, lost, count in losses:
        if lost > max(limits.class_drop * count + 1e-9, _FEW):
            yield (
                f"class {label} lost {lost / count:.4f} accuracy ({lost} of {count} examples), "
                f"at most {limits.class_drop} is allowed"
            )
