"""The release compared with the one promoted before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.agreement.checks import Check
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.monitor.distances import distance_table, drawings
from pipeline.release.headline import Headline, capital
from pipeline.report.facts import Facts


@dataclass(frozen=True)
class Figure:
    """A figure of a check's row: its heading, its field, and how its value is printed.

    Attributes:
        of_code: whether it is the same on any examples.
    """

    title: str
    name: str
    form: str
    of_code: bool = True


FIGURES = (
    Figure("Size", "bytes", "{:,.0f} kB"),
    Figure("Agreement", "agreement", "{:.4f}", of_code=False),
    Figure("Latency", "p50_ms", "{:.2f} ms"),
)


def comparison(facts: Facts) -> Markup:
    """Returns metrics and the checks' figures side by side."""
    parent = facts.parent
    if parent is None:
        return note("This is the first release: none was promoted before it.")
    old, new = f"Release {parent.version}", f"Release {facts.version}"
    if facts.before is None:
        metrics = note(f"The scores are not compared: {facts.not_compared}.")
    else:
        metrics = table(
            f"{capital(facts.headline.name)} on the test split",
            ["Slice", old, new, "Change"],
            _metrics(facts, facts.before),
            numbers="1 2 3",
        )
    # Agreement on other examples is another figure.
    figures = [figure for figure in FIGURES if figure.of_code or not facts.other_examples]
    head: list[Child] = ["Target and runtime"]
    for figure in figures:
        head += [
            f"{figure.title}, release {parent.version}",
            f"{figure.title}, release {facts.version}",
        ]
    checks = table(
        f"Checks of releases {parent.version} and {facts.version}",
        [*head, "Status"],
        _checks(facts, parent.checks, figures),
        numbers=" ".join(str(column) for column in range(1, len(head))),
    )
    return join([metrics, checks, tag("h3", "The training data"), _shift(facts, old, new)])


def _shift(facts: Facts, old: str, new: str) -> Markup:
    if facts.shift is None:
        return note("The training data cannot be compared: one release's statistics are missing.")
    answers = f"answers to the {facts.examples_word}"
    caption = f"Training data and {answers}, with `fanout monitor`'s features"
    shown = distance_table(facts.shift, caption, old, new)
    return join([shown, drawings(facts.shift, old, new)])


def _metrics(facts: Facts, before: Mapping[str, Any]) -> list[list[Child]]:
    pairs = [("all examples", Headline.of(before).value, facts.headline.value)]
    pairs += [
        (facts.spec.slice_name(key), before["slices"].get(key), value)
        for key, value in facts.metrics["slices"].items()
    ]
    return [[name, _number(old), _number(new), _change(old, new)] for name, old, new in pairs]


def _checks(facts: Facts, before: list[Check], figures: list[Figure]) -> list[list[Child]]:
    old = {_key(check): check for check in before}
    rows: list[list[Child]] = []
    for check in facts.checks:
        was = old.pop(_key(check), None)
        rows.append(_pair(check, was, check, figures))
    # A row that is no longer checked is a finding too.
    rows += [_pair(check, check, None, figures) for check in old.values()]
    return rows


def _pair(named: Check, was: Check | None, now: Check | None, figures: list[Figure]) -> list[Child]:
    cells: list[Child] = [f"{named.target} {named.variant}, {named.runtime}"]
    for figure in figures:
        for check in (was, now):
            value = getattr(check, figure.name) if check else None
            shown = value / 1000 if figure.name == "bytes" and value is not None else value
            cells.append("–" if shown is None else figure.form.format(shown))
    cells.append(_status(was, now))
    return cells


def _status(was: Check | None, now: Check | None) -> Child:
    if now is None:
        return "no longer checked"
    if was is None:
        return f"new: {now.status}"
    return now.status if was.status == now.status else f"{was.status} before, now {now.status}"


def _key(check: Check) -> tuple[str, str, str]:
    # Versions change between releases; the runtime's name and its transport or backend do not.
    words = [word for word in check.runtime.partition("(")[0].split() if not word[0].isdecimal()]
    return check.target, check.variant, " ".join(words)


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


def _change(old: object, new: object) -> Child:
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return "–"
    kind = "right" if new > old else "wrong" if new < old else ""
    return tag("span", f"{new - old:+.4f}", class_=kind or None)
