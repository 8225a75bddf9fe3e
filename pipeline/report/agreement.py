"""The targets against the SavedModel: the table of checks, and the differences."""

from collections.abc import Callable

from core.agreement.bounds import Bound, bound_of
from core.agreement.checks import Check
from models.roles.role import size_of
from pipeline.html import charts
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.html.signs import badge
from pipeline.release.headline import capital, column, scored
from pipeline.report.facts import Facts

# Outputs that are no larger than this are probabilities, or like them.
_PROBABLY = 1.5


def checks(facts: Facts) -> Markup:
    """Returns the manifest's rows as a table."""
    scores = {check.key: scored(check.metric, check.score) or scored("", check.accuracy)
              for check in facts.checks}  # fmt: skip
    # Against made-up inputs' own answers, or without any true answers, there is no score.
    with_scores = any(scores.values()) and not facts.headline.made_up
    rows = [
        [
            check.target,
            check.variant,
            check.runtime,
            _shown(check.bytes, lambda value: f"{value / 1000:,.0f} kB"),
            _shown(check.examples, lambda value: f"{value:,.0f}"),
            *([scores[check.key]] if with_scores else []),
            _shown(check.agreement, lambda value: f"{value:.4f}"),
            _shown(check.max_abs_diff, lambda value: f"{value:.1e}"),
            _shown(check.p50_ms, lambda value: f"{value:.2f} ms"),
            [
                badge(check.status),
                tag("p", check.reason, class_="reason") if check.reason else None,
                None if check.required else tag("p", "not required", class_="reason"),
            ],
        ]
        for check in facts.checks
    ]
    if not rows:
        return note("No check was run.")
    head = ["Target", "Variant", "Runtime", "Size", capital(facts.examples_word)]
    head += [capital(column(check.metric for check in facts.checks))] if with_scores else []
    head += ["Agreement", "Largest difference", "Median latency", "Status"]
    return table(
        "Each artifact in its own runtime, against the SavedModel",
        head,
        rows,
        numbers=" ".join(str(place) for place in range(3, len(head) - 1)),
    )


def differences(facts: Facts) -> Markup:
    """Returns a histogram for each row that has evidence."""
    drawn: list[Child] = []
    missing = []
    for check in facts.checks:
        evidence = facts.evidence.get(check.key)
        title = f"{check.target} {check.variant}, {check.runtime}"
        if evidence is None:
            missing.append(title)
            continue
        size, limit = _size(facts, check), _limit(facts, check)
        scaled = size > _PROBABLY
        drawn.append(
            charts.histogram(
                f"{title}, in shares of the largest output, {size:.4g}" if scaled else title,
                (evidence.difference / size if scaled else evidence.difference).tolist(),
                limit=limit / size if limit and scaled else limit,
            )
        )
    rest = note(f"No differences were recorded for: {'; '.join(missing)}.") if missing else None
    return join([tag("div", drawn, class_="small-multiples") if drawn else None, rest])


def _limit(facts: Facts, check: Check) -> float | None:
    """Returns the largest allowed difference of any output, in the outputs' unit."""
    limits = facts.limits(check)
    bound = bound_of(check.variant, limits) if limits else Bound()
    if bound.largest is None:
        return bound.absolute
    # Each of several outputs has a limit relative to its own size.
    return bound.largest * _size(facts, check) if len(facts.spec.outputs) == 1 else None


def _size(facts: Facts, check: Check) -> float:
    """Returns the SavedModel's largest output; 1 if it is not known."""
    if facts.golden is not None:
        return max(size_of(values) for values in facts.golden.outputs.values())
    if not check.max_rel_diff or check.max_abs_diff is None or len(facts.spec.outputs) > 1:
        return 1.0
    return check.max_abs_diff / check.max_rel_diff


def _shown(value: float | None, text: Callable[[float], str]) -> str:
    return "" if value is None else text(value)
