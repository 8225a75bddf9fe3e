"""Two sets of statistics side by side, with the distance between each feature's distributions."""

from pipeline.html import distributions
from pipeline.html.markup import Markup, table, tag
from pipeline.html.signs import badge
from pipeline.monitor.statistics import JENSEN_SHANNON, Comparison, histogram, named, shares


def distance_table(comparison: Comparison, caption: str, before: str, after: str) -> Markup:
    """Returns one row per feature: both sides in words, their distance, and the limit."""
    rows = [
        [
            row.feature,
            *comparison.words(row.feature),
            row.measure,
            f"{row.value:.3f}",
            f"{row.limit:g}",
            badge("passed", "within") if row.within else badge("failed", "beyond"),
        ]
        for row in comparison.rows
    ]
    head = [
        "Feature",
        before.capitalize(),
        after.capitalize(),
        "Measure",
        "Distance",
        "Limit",
        "Status",
    ]
    return table(caption, head, rows, numbers="4 5")


def drawings(comparison: Comparison, before: str, after: str) -> Markup:
    """Returns a chart of every feature's two distributions."""
    sides = {before: dict(named(comparison.reference)), after: dict(named(comparison.observed))}
    drawn = []
    for row in comparison.rows:
        pair = {name: features[row.feature] for name, features in sides.items()}
        if row.measure == JENSEN_SHANNON:
            drawn.append(
                distributions.numbers(row.feature, {n: histogram(f) for n, f in pair.items()})
            )
        else:
            drawn.append(distributions.words(row.feature, {n: shares(f) for n, f in pair.items()}))
    return tag("div", drawn, class_="small-multiples")
