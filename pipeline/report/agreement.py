"""The targets against the SavedModel: the table of checks, differences and disagreements."""

from collections.abc import Callable

import numpy as np

from core.agreement.bounds import Bound, bound_of
from core.agreement.checks import FAILED, PASSED, Check
from core.agreement.golden import Golden
from pipeline.html import charts
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.html.signs import badge, sign
from pipeline.report import pictures
from pipeline.report.facts import Facts

# Nobody looks at more pictures than this, and the file would grow with the test split.
SHOWN = 24


def checks(facts: Facts) -> Markup:
    """Returns the manifest's rows as a table."""
    rows = [
        [
            check.target,
            check.variant,
            check.runtime,
            _shown(check.bytes, lambda value: f"{value / 1000:,.0f} kB"),
            _shown(check.examples, lambda value: f"{value:,.0f}"),
            _shown(check.accuracy, lambda value: f"{value:.4f}"),
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
    head = ["Target", "Variant", "Runtime", "Size", "Examples", "Accuracy", "Agreement"]
    head += ["Largest difference", "Median latency", "Status"]
    return table(
        "Each artifact in its own runtime, against the SavedModel",
        head,
        rows,
        numbers="3 4 5 6 7 8",
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
        drawn.append(
            charts.histogram(title, evidence.difference.tolist(), limit=_limit(facts, check))
        )
    rest = note(f"No differences were recorded for: {'; '.join(missing)}.") if missing else None
    return join([tag("div", drawn, class_="small-multiples") if drawn else None, rest])


def _limit(facts: Facts, check: Check) -> float | None:
    """Returns the largest allowed difference of any output, in the outputs' unit."""
    limits = facts.limits(check)
    bound = bound_of(check.variant, limits) if limits else Bound()
    if bound.largest is None or not check.max_rel_diff or check.max_abs_diff is None:
        return bound.absolute
    return bound.largest * check.max_abs_diff / check.max_rel_diff


def disagreements(facts: Facts) -> Markup:
    """Returns the examples for which a runtime's class differs from the SavedModel's."""
    golden = facts.golden
    if golden is None:
        return note("The golden set of this release's run no longer exists.")
    rows = [
        (check, evidence)
        for check in facts.checks
        if (evidence := facts.evidence.get(check.key)) and len(evidence.predicted) <= len(golden)
    ]
    if not rows:
        return note("The answers to individual examples were not recorded for this release.")
    expected = golden.outputs.argmax(axis=1)
    differing: dict[int, list[tuple[Check, int, float]]] = {}
    for check, evidence in rows:
        count = len(evidence.predicted)
        for place in np.flatnonzero(evidence.predicted != expected[:count]):
            answer = int(evidence.predicted[place]), float(evidence.confidence[place])
            differing.setdefault(int(place), []).append((check, *answer))
    compared = max(len(evidence.predicted) for _, evidence in rows)
    if not differing:
        return tag(
            "p", f"None: every runtime gives the SavedModel's class on all {compared:,} examples."
        )
    # The examples on which the SavedModel is most confident are the most informative.
    order = sorted(differing, key=lambda place: -float(golden.outputs[place].max()))
    text = f"{len(differing):,} of {compared:,} examples"
    if len(order) > SHOWN:
        text += f"; shown are the {SHOWN} on which the SavedModel was most confident"
    cards = [_card(facts, golden, place, differing[place]) for place in order[:SHOWN]]
    return join([tag("p", f"{text}."), tag("ul", cards, class_="cards")])


def _card(
    facts: Facts, golden: Golden, place: int, answers: list[tuple[Check, int, float]]
) -> Markup:
    label = facts.label(int(golden.labels[place]))
    row = golden.outputs[place]
    grouped: dict[int, list[tuple[Check, float]]] = {}
    for check, predicted, confidence in answers:
        grouped.setdefault(predicted, []).append((check, confidence))
    lines: list[Child] = [
        _answer(facts, golden, place, int(row.argmax()), float(row.max()), "SavedModel")
    ]
    for predicted, given in grouped.items():
        names = ", ".join(f"{c.target} {c.variant} ({c.runtime})" for c, _ in given)
        # The lowest confidence of those that agree with each other, so none is overstated.
        confidence = min(confidence for _, confidence in given)
        lines.append(_answer(facts, golden, place, predicted, confidence, names))
    return tag(
        "li",
        _inputs(facts, golden, place, f"Example {place}, a {label}"),
        tag("div", tag("p", tag("b", label), f" · example {place}"), tag("dl", lines)),
    )  # fmt: skip


def _answer(
    facts: Facts, golden: Golden, place: int, predicted: int, confidence: float, who: str
) -> Child:
    right = predicted == int(golden.labels[place])
    # The sign shows whether the class is the true one; the words are for those who cannot see it.
    word = "right" if right else "wrong"
    mark = tag("span", sign(PASSED if right else FAILED), class_=word, title=word)
    return [tag("dt", who), tag("dd", mark, f" {facts.label(predicted)} {confidence:.1%}")]


def _inputs(facts: Facts, golden: Golden, place: int, text: str) -> Child:
    shown: list[Child] = []
    plain: list[tuple[str, str]] = []
    for tensor in facts.spec.inputs:
        if tensor.name not in golden.inputs:
            continue
        values = np.asarray(golden.inputs[tensor.name][place])
        if pictures.drawable(tensor) and values.ndim == 3:
            uri = pictures.data_uri(values, tensor)
            shown.append(tag("img", src=uri, alt=text, width=84, height=84))
        else:
            cells = [
                f"{v:.4g}" if isinstance(v, float) else str(v) for v in values.ravel()[:12].tolist()
            ]
            more = "…" if values.size > len(cells) else ""
            plain.append((tensor.name, ", ".join(cells) + more))
    if plain:
        shown.append(table(text, ["Input", "Values"], plain))
    return shown


def _shown(value: float | None, text: Callable[[float], str]) -> str:
    return "" if value is None else text(value)
