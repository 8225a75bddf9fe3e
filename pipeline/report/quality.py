"""The SavedModel's quality on the test split: by slice, and what each head gets wrong."""

from collections.abc import Callable, Mapping

from core.agreement.golden import Golden
from models.roles.role import Head
from models.roles.table import heads
from models.spec import ModelSpec
from pipeline.html import charts
from pipeline.html.markup import Markup, join, note, table, tag
from pipeline.release.headline import OWN_ANSWERS, capital, measured
from pipeline.report.boxes import boxes
from pipeline.report.classes import confusion, each_label, yes_or_no
from pipeline.report.facts import Facts
from pipeline.report.masks import masks
from pipeline.report.numbers import against_true

NO_SCORE = (
    "No score is defined for these answers without further data. The agreement of the targets "
    "shows whether they answer like the SavedModel."
)
DRAWN: Mapping[str, Callable[[ModelSpec, Golden, Head], Markup]] = {
    "classification": lambda _, golden, head: confusion(golden, head),
    "binary": lambda _, golden, head: yes_or_no(golden, head),
    "multi_label": lambda _, golden, head: each_label(golden, head),
    "regression": lambda _, golden, head: against_true(golden, head),
    "segmentation": masks,
    "detection": boxes,
}


def quality(facts: Facts) -> Markup:
    """Returns the slices, and each head's scores and drawings, side by side if there is room."""
    if facts.headline.made_up:
        return note(OWN_ANSWERS)
    several = heads(facts.spec.outputs)
    by_slice = slices(facts) if facts.metrics["slices"] else None
    if len(several) == 1:
        shown = tag("div", by_slice, _head(facts, several[0]), class_="pair")
    else:
        parts = [join([tag("h3", head.name), _head(facts, head)]) for head in several]
        shown = join([by_slice, *parts])
    measured_none = facts.headline.value is not None and by_slice is None
    return join([shown, note("The Evaluator measured no slices.") if measured_none else None])


def slices(facts: Facts) -> Markup:
    """Returns a bar for each slice, with the limit and the previous release's value."""
    metrics = facts.metrics
    now = {facts.spec.slice_name(key): float(value) for key, value in metrics["slices"].items()}
    before = None
    if facts.before:
        old = facts.before["slices"]
        before = {facts.spec.slice_name(key): float(value) for key, value in old.items()}
    return charts.bars(
        f"{capital(facts.headline.name)} on {int(metrics['examples']):,} test examples, by slice",
        now,
        before=before,
        limit=facts.profile.min_slice_accuracy,
    )


def _head(facts: Facts, head: Head) -> Markup:
    return join([scores(facts, head), _drawn(facts, head)])


def scores(facts: Facts, head: Head) -> Markup | None:
    """Returns the scores that the Evaluator measured, where there is more than the headline's."""
    found: Mapping[str, float] = facts.metrics.get("outputs", {}).get(head.name, {})
    if set(found) <= {facts.headline.name}:
        return None
    unit = head.outputs[0].unit
    rows = [[capital(name), measured(name, value, unit)] for name, value in found.items()]
    return table(f"Scores of {head.name}", ["Score", "Value"], rows, numbers="1")


def _drawn(facts: Facts, head: Head) -> Markup:
    draw, golden = DRAWN.get(head.role.name), facts.golden
    if draw is None:
        return note(NO_SCORE)
    if golden is None:
        return note("The golden set of this release's run no longer exists.")
    if head.name not in golden.truths:
        return note(f"The true answers of {head.name} are not known.")
    return draw(facts.spec, golden, head)
