"""The origin of a release: its run's components and artifacts, its parent, its files."""

import hashlib

from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.report.card import details
from pipeline.report.facts import Facts
from pipeline.stages.lineage import Recorded, Step


def lineage(facts: Facts) -> Markup:
    """Returns the run that made the release, from ML Metadata."""
    parent = facts.parent
    before = f"{parent.version}, of {parent.manifest['created']}" if parent else "none"
    about: list[tuple[str, Child]] = [
        ("Fingerprint of data, code and settings", tag("code", facts.manifest["fingerprint"])),
        ("Data", _data(facts)),
        ("Model", _code(facts)),
        ("Parent, which the Evaluator compared it with", _baseline(facts)),
        ("Previously promoted release", before),
        ("Pipeline run", facts.run.name if facts.run else "not recorded"),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in facts.versions.items())),
    ]  # fmt: skip
    shown = tag(
        "dl", [[tag("dt", name), tag("dd", value)] for name, value in about], class_="about"
    )
    if facts.run is None:
        return join([shown, note("ML Metadata has no run of this release.")])
    head = ["Component", "Execution", "From cache", "Read", "Wrote", "Code and settings"]
    steps = table(
        "Components of the run, with the ids of their artifacts in ML Metadata",
        head,
        [_row(step) for step in facts.run.steps.values()],
    )
    return join([shown, steps])


def files(facts: Facts) -> Markup:
    """Returns the files of the release with their checksums, folded."""
    entries = facts.manifest.get("files", {})
    if not entries:
        return note("The manifest names no files.")
    rows = [
        [tag("code", name), f"{entry['bytes']:,}", tag("code", entry["sha256"])]
        for name, entry in entries.items()
        if name != "report.html"
    ]
    total = sum(entry["bytes"] for entry in entries.values())
    listed = table("Files of the release", ["File", "Bytes", "SHA-256"], rows, numbers="1")
    return details(f"{len(rows)} files, {total / 1e6:.1f} MB, beside this report", listed)


def _row(step: Step) -> list[Child]:
    return [
        step.component,
        str(step.execution),
        "yes" if step.cached else "no",
        _artifacts(step.inputs),
        _artifacts(step.outputs),
        tag("code", step.fingerprint[:12], title=step.fingerprint) if step.fingerprint else "–",
    ]


def _artifacts(artifacts: tuple[Recorded, ...]) -> Child:
    items = [
        tag("span", f"{one.key} ", tag("b", str(one.id)), title=one.type, class_="artifact")
        for one in artifacts
    ]
    return items or "–"


def _baseline(facts: Facts) -> str:
    step = facts.run.steps.get("Evaluator") if facts.run else None
    if step is None:
        return "not recorded"
    baseline = next((item for item in step.inputs if item.key == "baseline_model"), None)
    if baseline is None:
        return "none: no other model was released or blessed before"
    parent = facts.parent if baseline.id == facts.parent_model else None
    of = f", that of release {parent.version}" if parent else ""
    return f"model {baseline.id}{of}"


def _data(facts: Facts) -> str:
    step = facts.run.steps.get("ImportExampleGen") if facts.run else None
    examples = step.output("examples") if step else None
    if examples is None:
        return "not recorded"
    counts = ", ".join(f"{split.name} {split.examples:,}" for split in facts.splits)
    # TFX's own record of its input files: their number, sizes and times.
    record = str(examples.properties.get("input_fingerprint", ""))
    digest = hashlib.sha256(record.encode()).hexdigest()[:12]
    return f"examples {examples.id} ({counts}), input {digest}"


def _code(facts: Facts) -> str:
    step = facts.run.steps.get("Trainer") if facts.run else None
    model = step.output("model") if step else None
    if step is None or model is None:
        return "not recorded"
    tuned = ", ".join(f"{name} {value}" for name, value in facts.manifest.get("tuned", {}).items())
    searched = f"; found by fanout tune: {tuned}" if tuned else ""
    return f"model {model.id}, trained by code and settings {step.fingerprint[:12]}{searched}"
