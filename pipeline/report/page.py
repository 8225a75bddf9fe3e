"""The page: its header, and its sections in the order of a reader's questions."""

from collections.abc import Callable

from pipeline.html.document import document, section, tiles
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.html.signs import badge
from pipeline.release.headline import Headline, capital, measured
from pipeline.report import agreement, card, comparison, data, disagreements, gates, origin, quality
from pipeline.report.facts import Facts

Section = Callable[[Facts], Markup]
SECTIONS: tuple[tuple[str, str, tuple[Section, ...]], ...]


def render(facts: Facts) -> str:
    """Returns the whole file."""
    title = f"{facts.spec.title}: release {facts.version}"
    links = [tag("li", tag("a", name, href=f"#{place}")) for place, name, _ in SECTIONS]
    sections = [section(place, name, [part(facts) for part in parts])
                for place, name, parts in SECTIONS]  # fmt: skip
    return document(
        title,
        tag("a", "Skip to the report", href="#main", class_="skip"),
        _masthead(facts),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", sections, id="main"),
        tag("footer", f"{facts.spec.name} · release {facts.version} · {facts.manifest['created']}"),
    )


def _masthead(facts: Facts) -> Markup:
    checks = facts.checks
    passed = sum(check.status == "passed" for check in checks)
    sizes = [check.bytes for check in checks if check.bytes]
    agreements = [check.agreement for check in checks if check.agreement is not None]
    figures = [
        _score(facts),
        ("Checks passed", f"{passed} of {len(checks)}", "each in its own runtime"),
        ("Least agreement", f"{min(agreements):.2%}" if agreements else "–", "with the SavedModel"),
        ("Smallest artifact", f"{min(sizes) / 1000:,.0f} kB" if sizes else "–",
         f"largest {max(sizes) / 1000:,.0f} kB" if sizes else "no size known"),
    ]  # fmt: skip
    return tag(
        "header",
        tag("p", f"{facts.spec.name} · profile {facts.profile_name} · {facts.manifest['created']}",
            class_="kicker"),
        tag("h1", facts.spec.title, " ", tag("span", f"Release {facts.version}")),
        tag("p", facts.spec.description),
        tag("p", _verdict(facts), class_="verdict"),
        tiles(figures),
    )  # fmt: skip


def _score(facts: Facts) -> tuple[str, str, str]:
    """Returns the tile of the headline score."""
    headline = facts.headline
    if headline.made_up:
        return "Inputs", "made up", "compared with the SavedModel's own answers"
    if headline.value is None:
        return "Score", "–", "its answers have none"
    under = "on the test split"
    if facts.parent and facts.before:
        difference = headline.value - (Headline.of(facts.before).value or 0.0)
        under = f"{difference:+.4f} to release {facts.parent.version}"
    elif facts.parent:
        under = f"not compared with release {facts.parent.version}"
    return capital(headline.name), measured(headline.name, headline.value), under


def _verdict(facts: Facts) -> Child:
    stopping = [check for check in facts.checks if check.stops_release]
    if not facts.checks:
        return badge("failed", "nothing was checked: cannot be promoted")
    if stopping:
        return badge("failed", f"{len(stopping)} required checks did not pass: not promoted")
    return badge("passed", "every required check passed: can be promoted")


def _decision(facts: Facts) -> Markup:
    def mark(verdict: gates.Verdict) -> Markup:
        if verdict.passed is None:
            return badge("skipped", "not applied")
        if verdict.passed:
            return badge("passed")
        return badge("failed", "not met") if verdict.stops else badge("skipped", "reported")

    rows = [
        [verdict.gate, tag("div", verdict.rule, class_="rule"), verdict.measured, mark(verdict)]
        for verdict in gates.verdicts(facts)
    ]  # fmt: skip
    changed = note(
        "Data, code or settings have changed since this release was made. "
        "The limits are the current ones."
    )
    shown = table(
        "Gates, with their limits from the model's spec",
        ["Gate", "Rule", "Measured", "Verdict"],
        rows,
    )
    return join([None if facts.unchanged else changed, shown])


def _titled(title: str, part: Section) -> Section:
    return lambda facts: join([tag("h3", title), part(facts)])


SECTIONS = (
    ("decision", "Decision", (_decision,)),
    (
        "agreement",
        "Agreement of the targets",
        (
            agreement.checks,
            _titled("Largest difference of each example", agreement.differences),
            _titled("Examples on which a runtime disagrees", disagreements.disagreements),
        ),
    ),
    ("comparison", "Comparison with the previous release", (comparison.comparison,)),
    ("quality", "Quality of the model", (quality.quality,)),
    ("model", "The model", (card.card,)),
    ("training", "Training", (card.training,)),
    ("data", "Data", (data.data,)),
    ("lineage", "Lineage", (origin.lineage, origin.files)),
)
