"""The examples on which a runtime does not decide as the SavedModel does."""

from dataclasses import dataclass
from math import isfinite, isnan

import numpy as np

from core.agreement.checks import FAILED, PASSED, Check, Evidence
from core.agreement.golden import Golden
from models.roles.detection import Detection
from models.roles.numbers import Regression
from models.roles.role import Head
from models.roles.thresholds import Binary
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.html.signs import sign
from pipeline.report import pictures
from pipeline.report.classes import class_name, sides
from pipeline.report.facts import Facts

# Nobody looks at more pictures than this, and the file would grow with the test split.
SHOWN = 24


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
            "p",
            f"None: every runtime gives the SavedModel's {what} on all {compared:,} "
            f"{facts.examples_word}.",
        )
    # The examples on which the SavedModel is most confident are the most informative. Where nothing
    # says how sure it is, those on which the runtimes differ most are.
    apart = {place: min(said.same for _, said in answers) for place, answers in differing.items()}
    confident = np.isfinite(sure).all()
    order = sorted(differing, key=lambda place: -sure[place] if confident else apart[place])
    text = f"{len(differing):,} of {compared:,} {facts.examples_word}"
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
            # One pixel of many is a difference, too.
            return "" if self.same == 1 else f"{min(self.same, 0.9999):.2%} the same"
        if isnan(self.confidence):
            return f"{self.predicted:.4g} {output.unit}".strip()
        return f"{_side(head, self.predicted)} {self.confidence:.1%}"


def _card(
    facts: Facts,
    golden: Golden,
    place: int,
    savedmodel: Decision,
    answers: list[tuple[Check, Decision]],
) -> Markup:
    head = golden.heads[0]
    true = None if facts.headline.made_up else _true_class(golden, place)
    label = _true_words(facts, golden, place)
    grouped: dict[str, list[tuple[Check, Decision]]] = {}
    for check, said in answers:
        key = str(said.predicted) if isfinite(said.predicted) else str(check.key)
        grouped.setdefault(key, []).append((check, said))
    found = _found_words(head, golden, place)
    lines: list[Child] = [_answer(true, savedmodel, found or savedmodel.words(head), "SavedModel")]
    for given in grouped.values():
        names = ", ".join(f"{c.target} {c.variant} ({c.runtime})" for c, _ in given)
        # The lowest confidence of those that agree with each other, so none is overstated.
        least = min((said for _, said in given), key=lambda said: said.confidence)
        words = least.words(head)
        if least.predicted == savedmodel.predicted and len(golden.heads) > 1:
            words += ", but another output differs"
        lines.append(_answer(true, least, words, names))
    title: list[Child] = [tag("b", label), f" · example {place}"] if label else [f"Example {place}"]
    return tag(
        "li",
        _inputs(facts, golden, place, f"Example {place}{f', true: {label}' if label else ''}"),
        tag("div", tag("p", title), tag("dl", lines)),
    )


def _side(head: Head, number: float) -> str:
    """Returns the name of a class, or of a side of the threshold."""
    if isinstance(head.role, Binary):
        return sides(head.outputs[0])[int(number)]
    return class_name(head.outputs[0], number)


def _true_class(golden: Golden, place: int) -> int | None:
    """Returns the true class of an example in the first head; None where it has none."""
    truth = golden.truths.get(golden.heads[0].name)
    score = golden.heads[0].role.score_of
    if truth is None or truth.ndim != 1 or score is None or not score.share:
        return None
    return int(truth[place])


def _true_words(facts: Facts, golden: Golden, place: int) -> str:
    """Returns the true answer of an example in the first head; empty where it is not short."""
    head, true = golden.heads[0], _true_class(golden, place)
    if facts.headline.made_up:
        return ""
    if true is not None:
        return _side(head, true)
    truth = golden.truths.get(head.name)
    if truth is None or truth[place].size != 1 or not isinstance(head.role, Regression):
        return ""
    return f"{truth[place].item():.4g} {head.outputs[0].unit}".strip()


def _found_words(head: Head, golden: Golden, place: int) -> str:
    """Returns the things that the SavedModel found in an example; empty for other roles."""
    if not isinstance(head.role, Detection):
        return ""
    row = {name: values[place : place + 1] for name, values in golden.outputs.items()}
    [(_, scores, classes)] = head.role.found(head.outputs, row)
    named = next((output for output in head.outputs if output.labels), head.outputs[0])
    things = [
        f"{class_name(named, kind)} {score:.1%}"
        for score, kind in zip(scores, classes, strict=True)
    ]
    return ", ".join(things) or "nothing"


def _answer(true: int | None, said: Decision, words: str, who: str) -> Child:
    if not words:
        return None
    if true is None:
        return [tag("dt", who), tag("dd", words)]
    right = said.predicted == true
    # The sign shows whether the class is the true one; the words are for those who cannot see it.
    word = "right" if right else "wrong"
    mark = tag("span", sign(PASSED if right else FAILED), class_=word, title=word)
    return [tag("dt", who), tag("dd", mark, f" {words}")]


def _inputs(facts: Facts, golden: Golden, place: int, text: str) -> Child:
    shown: list[Child] = []
    plain: list[tuple[str, str]] = []
    for tensor in facts.spec.inputs:
        if tensor.name not in golden.inputs:
            continue
        values = np.asarray(golden.inputs[tensor.name][place])
        if pictures.drawable(tensor) and values.ndim == 3:
            uri = pictures.data_uri(values, tensor)
            shown.append(tag("img", src=uri, alt=text, width=84))
        else:
            cells = [
                f"{v:.4g}" if isinstance(v, float) else str(v) for v in values.ravel()[:12].tolist()
            ]
            more = "…" if values.size > len(cells) else ""
            plain.append((tensor.name, ", ".join(cells) + more))
    if plain:
        shown.append(table(f"Inputs of example {place}", ["Input", "Values"], plain))
    return shown
