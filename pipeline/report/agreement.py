"""The targets against the SavedModel: the table of checks, differences and disagreements."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, isnan

import numpy as np

from core.agreement.bounds import Bound, bound_of
from core.agreement.checks import FAILED, PASSED, Check, Evidence
from core.agreement.golden import Golden
from models.roles.role import Head
from models.spec import Output
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
    head = golden.heads[0]
    decided, sure = head.summary(golden.outputs)
    differing: dict[int, list[tuple[Check, Decision]]] = {}
    for check, evidence in rows:
        for place in np.flatnonzero(evidence.same < 1):
            differing.setdefault(int(place), []).append((check, Decision.of(evidence, int(place))))
    compared = max(len(evidence.predicted) for _, evidence in rows)
    if not differing:
        what = "class" if np.isfinite(sure).all() else "answer"
        return tag(
            "p", f"None: every runtime gives the SavedModel's {what} on all {compared:,} examples."
        )
    # The examples on which the SavedModel is most confident are the most informative. Where nothing
    # says how sure it is, those on which the runtimes differ most are.
    apart = {place: min(said.same for _, said in answers) for place, answers in differing.items()}
    confident = np.isfinite(sure).all()
    order = sorted(differing, key=lambda place: -sure[place] if confident else apart[place])
    text = f"{len(differing):,} of {compared:,} examples"
    if len(order) > SHOWN:
        why = "on which the SavedModel was most confident" if confident else "that differ most"
        text += f"; shown are the {SHOWN} {why}"
    cards = [
        _card(
            facts,
            golden,
            place,
            Decision(float(decided[place]), float(sure[place]), 1.0),
            differing[place],
        )
        for place in order[:SHOWN]
    ]
    return join([tag("p", f"{text}."), tag("ul", cards, class_="cards")])


@dataclass(frozen=True)
class Decision:
    """An answer to one example: the decision as a number, how sure it is, and how alike it is."""

    predicted: float
    confidence: float
    same: float

    @classmethod
    def of(cls, evidence: Evidence, place: int) -> "Decision":
        """Returns a runtime's answer to the example at a place."""
        return cls(
            float(evidence.predicted[place]),
            float(evidence.confidence[place]),
            float(evidence.same[place]),
        )

    def words(self, head: Head) -> str:
        """Returns the answer in words, as far as two numbers tell it."""
        output = head.outputs[0]
        if isnan(self.predicted):
            return "" if self.same == 1 else f"{self.same:.1%} the same"
        if isnan(self.confidence):
            return f"{self.predicted:.4g} {output.unit}".strip()
        return f"{class_name(output, self.predicted)} {self.confidence:.1%}"


def class_name(output: Output, number: float) -> str:
    """Returns the name of an output's class."""
    place = int(number)
    return output.labels[place] if 0 <= place < len(output.labels) else f"class {place}"


def _card(
    facts: Facts,
    golden: Golden,
    place: int,
    savedmodel: Decision,
    answers: list[tuple[Check, Decision]],
) -> Markup:
    head = golden.heads[0]
    true = _true_class(golden, place)
    label = "" if true is None else class_name(head.outputs[0], true)
    grouped: dict[str, list[tuple[Check, Decision]]] = {}
    for check, said in answers:
        key = str(said.predicted) if isfinite(said.predicted) else str(check.key)
        grouped.setdefault(key, []).append((check, said))
    lines: list[Child] = [_answer(head, true, savedmodel, "SavedModel")]
    for given in grouped.values():
        names = ", ".join(f"{c.target} {c.variant} ({c.runtime})" for c, _ in given)
        # The lowest confidence of those that agree with each other, so none is overstated.
        least = min((said for _, said in given), key=lambda said: said.confidence)
        lines.append(_answer(head, true, least, names))
    title: list[Child] = [tag("b", label), f" · example {place}"] if label else [f"Example {place}"]
    return tag(
        "li",
        _inputs(facts, golden, place, f"Example {place}{f', a {label}' if label else ''}"),
        tag("div", tag("p", title), tag("dl", lines)),
    )  # fmt: skip


def _true_class(golden: Golden, place: int) -> int | None:
    """Returns the true class of an example in the first head; None where it has none."""
    truth = golden.truths.get(golden.heads[0].name)
    score = golden.heads[0].role.score_of
    if truth is None or truth.ndim != 1 or score is None or not score.share:
        return None
    return int(truth[place])


def _answer(head: Head, true: int | None, said: Decision, who: str) -> Child:
    if true is None:
        return [tag("dt", who), tag("dd", said.words(head))]
    right = said.predicted == true
    # The sign shows whether the class is the true one; the words are for those who cannot see it.
    word = "right" if right else "wrong"
    mark = tag("span", sign(PASSED if right else FAILED), class_=word, title=word)
    return [tag("dt", who), tag("dd", mark, f" {said.words(head)}")]


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
