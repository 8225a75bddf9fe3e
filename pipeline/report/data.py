"""The data: the number of examples, the curated schema, and the anomalies."""

from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.report.facts import Facts
from pipeline.report.splits import Feature, schema


def data(facts: Facts) -> Markup:
    """Returns the splits, the schema and ExampleValidator's anomalies."""
    return join([_splits(facts), _schema(facts), _anomalies(facts)])


def _splits(facts: Facts) -> Markup:
    if not facts.splits:
        return note("The statistics of this release's data no longer exist.")
    rows: list[list[Child]] = []
    for split in facts.splits:
        limit = facts.profile.examples.get(split.name)
        cells: list[Child] = [
            split.name,
            f"{split.examples:,}",
            "all" if limit is None else f"{limit:,}",
        ]
        rows.append([*cells, *(_values(feature, split.examples) for feature in split.features)])
    names = [tag("code", feature.name) for feature in facts.splits[0].features]
    head: list[Child] = ["Split", "Examples", "Profile's limit", *names]
    return table("Examples of each split, and their values", head, rows, numbers="1 2")


def _values(feature: Feature, examples: int) -> str:
    present = "all" if feature.present == examples else f"{feature.present:,}"
    return f"in {present} examples" + (f", {feature.spread}" if feature.spread else "")


def _schema(facts: Facts) -> Markup:
    expected = schema(facts.spec.schema)
    if not expected:
        return note("The model has no curated schema.")
    rows = [[tag("code", row.name), row.kind, row.presence, row.domain] for row in expected]
    return table("The curated schema", ["Feature", "Type", "Present", "Values"], rows)


def _anomalies(facts: Facts) -> Markup:
    if facts.anomalies is None:
        return note("ExampleValidator's findings of this release's run no longer exist.")
    if not facts.anomalies:
        return tag("p", "ExampleValidator found no anomaly in any split.")
    return join(
        [
            tag("p", "ExampleValidator found:"),
            tag("ul", [tag("li", sentence) for sentence in facts.anomalies]),
        ]
    )
