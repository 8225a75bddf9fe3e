"""The decision: each gate's limits from the spec, and the measured values."""

from collections.abc import Iterator
from dataclasses import dataclass

from core.agreement.bounds import bound_of
from core.agreement.checks import PASSED, Check
from models.roles.table import heads
from pipeline.release.headline import Headline
from pipeline.report.facts import Facts
from pipeline.targets import TARGETS


@dataclass(frozen=True)
class Verdict:
    """One rule.

    Attributes:
        gate: the gate that the rule belongs to.
        rule: the rule in words, with its limit.
        measured: the measured value that is compared with the limit.
        passed: None if the rule could not be applied, or if only optional checks failed.
        stops: whether a violation stops the release, or is only reported.
    """

    gate: str
    rule: str
    measured: str
    passed: bool | None
    stops: bool = True


def verdicts(facts: Facts) -> list[Verdict]:
    """Returns the rules in the order in which the pipeline applies them."""
    return [_data(facts), *_shift(facts), *_model(facts), *_targets(facts)]


def _data(facts: Facts) -> Verdict:
    rule = "no anomaly against the curated schema"
    if facts.anomalies is None:
        return Verdict("Data", rule, "the validation no longer exists", None)
    anomalies = "; ".join(facts.anomalies) or "none found"
    return Verdict("Data", rule, anomalies, not facts.anomalies)


def _shift(facts: Facts) -> list[Verdict]:
    """Returns whether the training data is like the previous release's, by ``monitor``'s rules."""
    if facts.parent is None:
        return []
    rule = f"training data like that of release {facts.parent.version}"
    if facts.shift is None:
        return [Verdict("Data", rule, "its statistics are missing", None, stops=False)]
    beyond = facts.shift.beyond
    shifts = "; ".join(
        facts.shift.sentence(row, f"release {facts.parent.version}", "this one") for row in beyond
    )
    return [
        Verdict(
            "Data", rule, shifts or "every feature is within its limit", not beyond, stops=False
        )
    ]


def _model(facts: Facts) -> list[Verdict]:
    return [_blessing(facts), *_scores(facts), *_slices(facts), *_change(facts)]


def _scores(facts: Facts) -> Iterator[Verdict]:
    """Yields each head's score; releases from before outputs had roles have one accuracy."""
    metrics, least = facts.metrics, facts.profile.min_accuracy
    known = [
        (head, head.role.score_of.name)
        for head in heads(facts.spec.outputs)
        if head.role.score_of and head.name in metrics.get("outputs", {})
    ]
    scores = [
        (
            _score(facts, name, head.name if len(known) > 1 else ""),
            metrics["outputs"][head.name][name],
        )
        for head, name in known
    ]
    if not scores and facts.headline.value is not None:
        scores = [(_score(facts, facts.headline.name), facts.headline.value)]
    for name, value in scores:
        yield Verdict(
            "Model",
            f"{name} of at least {least:g}",
            f"{value:.4f}",
            # TFMA computes in single precision: a figure that equals the limit must pass.
            value >= least - 1e-6,
        )


def _score(facts: Facts, name: str, head: str = "") -> str:
    """Returns a score's name, with its output where there are several."""
    of = f" of {head}" if head else ""
    if facts.headline.made_up:
        return f"agreement{of} with the SavedModel's own answers"
    return f"{name}{of}"


def _slices(facts: Facts) -> Iterator[Verdict]:
    slices, least = facts.metrics["slices"], facts.profile.min_slice_accuracy
    score = _score(facts, facts.metrics.get("metric") or "accuracy")
    if slices:
        worst = min(slices, key=lambda key: float(slices[key]))
        value = float(slices[worst])
        yield Verdict(
            "Model",
            f"{score} of at least {least:g} in every slice",
            f"{value:.4f} in the worst, {facts.spec.slice_name(worst)}",
            value >= least - 1e-6,
        )


def _change(facts: Facts) -> Iterator[Verdict]:
    """Yields how the model compares with the previous release's, overall and by slice."""
    profile, now, name = facts.profile, facts.metrics, facts.headline.name
    if facts.headline.value is None:
        return
    overall = f"{name} at most {profile.max_accuracy_drop:g} lower than before"
    by_slice = f"{name} at most {profile.max_slice_accuracy_drop:g} lower in any slice"
    if facts.parent is None:
        reason = "no release was promoted before"
        yield from (Verdict("Model", rule, reason, None) for rule in (overall, by_slice))
        return
    before = facts.before
    if before is None:
        yield Verdict("Model", overall, f"not compared: {facts.not_compared}", None)
        return
    change = facts.headline.value - (Headline.of(before).value or 0.0)
    against = f"against release {facts.parent.version}"
    yield Verdict(
        "Model",
        overall,
        f"{change:+.4f} {against}",
        -change <= profile.max_accuracy_drop + 1e-6,
    )
    changes = {
        key: float(value) - float(before["slices"][key])
        for key, value in now["slices"].items()
        if key in before["slices"]
    }
    if changes:
        worst = min(changes, key=lambda key: changes[key])
        measured = f"{changes[worst]:+.4f} {against} in the worst, {facts.spec.slice_name(worst)}"
        within = -changes[worst] <= profile.max_slice_accuracy_drop + 1e-6
        yield Verdict("Model", by_slice, measured, within)


def _blessing(facts: Facts) -> Verdict:
    step = facts.run.steps.get("Evaluator") if facts.run else None
    blessing = step.output("blessing") if step else None
    rule = "blessed by TFX's Evaluator: every answer is finite, and the scores are high enough"
    if blessing is None:
        return Verdict("Model", rule, "not recorded", None)
    blessed = blessing.properties.get("blessed") == 1
    return Verdict("Model", rule, "blessed" if blessed else "not blessed", blessed)


def _targets(facts: Facts) -> list[Verdict]:
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in facts.checks:
        groups.setdefault((check.target, check.variant), []).append(check)
    left_out = [
        Verdict(target, "left out in the model's spec", "not converted", None)
        for target in TARGETS
        if not facts.spec.limits.get(target)
    ]
    return [*(_variant(facts, *key, rows) for key, rows in groups.items()), *left_out]


def _variant(facts: Facts, target: str, variant: str, rows: list[Check]) -> Verdict:
    limits, score = facts.limits(rows[0]), facts.headline.name
    score = "each score" if score and len(facts.metrics.get("outputs", {})) > 1 else score
    if limits is None:
        rule = "the spec no longer names this variant"
    else:
        parts = [
            f"agreement of at least {limits.agreement:g}",
            bound_of(variant, limits).sentence(),
            f"{score} at most {limits.accuracy_drop:g} lower" if score else "",
            "" if limits.required else "not required",
        ]
        rule = ", ".join(part for part in parts if part)
    agreements = [row.agreement for row in rows if row.agreement is not None]
    differences = [row.max_abs_diff for row in rows if row.max_abs_diff is not None]
    measured = f"{sum(row.status == PASSED for row in rows)} of {len(rows)} runtimes pass"
    if agreements and differences:
        measured += f"; least agreement {min(agreements):.4f}, "
        measured += f"largest difference {max(differences):.1e}"
    squares = [row.rms_rel_diff for row in rows if row.rms_rel_diff is not None]
    if squares:
        measured += f", root mean square {max(squares):.1e} of the outputs'"
    reasons = "; ".join(f"{row.runtime}: {row.reason}" for row in rows if row.reason)
    if all(row.status == PASSED for row in rows):
        passed: bool | None = True
    else:
        passed = False if any(row.stops_release for row in rows) else None
    return Verdict(
        f"{target} {variant}", rule, f"{measured}; {reasons}" if reasons else measured, passed
    )
