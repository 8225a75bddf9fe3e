"""The monitor's page: one HTML file with the verdict, the distances and both distributions."""

from datetime import UTC, datetime

from models.spec import ModelSpec
from pipeline.html.document import document, section, tiles
from pipeline.html.markup import Markup, join, note, table, tag
from pipeline.html.signs import badge
from pipeline.monitor.distances import distance_table, drawings
from pipeline.monitor.monitoring import DRIFTED, FINE, TOO_FEW, Found

TRAINING, REQUESTS = "training data", "requests"
OLDER, NEWER = "older requests", "newer requests"


def render(spec: ModelSpec, result: Found) -> str:
    """Returns the whole file."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    title = f"{spec.title}: requests to release {result.version}"
    return document(
        title,
        tag("a", "Skip to the findings", href="#main", class_="skip"),
        tag(
            "header",
            tag("p", f"{spec.name} · {now}", class_="kicker"),
            tag("h1", spec.title, " ", tag("span", f"Requests to release {result.version}")),
            tag("p", "Whether clients still send what the model was trained on."),
            tag("p", _verdict(result), class_="verdict"),
            _tiles(result),
        ),
        tag(
            "main",
            section("findings", "Findings", _findings(result)),
            section("skew", "Requests against the training data", _skew(result)),
            section("drift", "Newer requests against older ones", _drift(result)),
            section("log", "Request log", _log(result)),
            id="main",
        ),
        tag("footer", f"{spec.name} · release {result.version} · {now}"),
    )


def _verdict(result: Found) -> Markup:
    if result.status == DRIFTED:
        return badge("failed", f"{len(result.findings)} features are beyond their limits")
    if result.status == FINE:
        return badge("passed", "every feature is within its limit")
    return badge(
        "skipped",
        f"too few requests to judge: {len(result.traffic):,} examples, "
        f"at least {result.needed:,} are needed",
    )


def _tiles(result: Found) -> Markup:
    comparison = result.skew
    worst = max(comparison.rows, key=lambda row: row.value / (row.limit or 1)) if (
        comparison and comparison.rows
    ) else None  # fmt: skip
    return tiles(
        [
            ("Examples", f"{len(result.traffic):,}", f"in {result.traffic.requests:,} requests"),
            ("Beyond their limit", str(len(result.findings)), "features"),
            ("Farthest from training", f"{worst.value:.2f}" if worst else "–",
             worst.feature if worst else "nothing to compare"),
        ]
    )  # fmt: skip


def _findings(result: Found) -> Markup:
    if not result.findings:
        few = "Too few requests were logged to tell a change from chance."
        return tag("p", few if result.status == TOO_FEW else "No feature is beyond its limit.")
    return tag("ul", [tag("li", sentence) for sentence in result.findings])


def _skew(result: Found) -> Markup:
    if result.skew is None:
        return note("The log holds no request that can be compared.")
    parts = [
        distance_table(result.skew, "Distance of each feature's distributions", TRAINING, REQUESTS),
        drawings(result.skew, TRAINING, REQUESTS),
    ]
    if result.skew.unseen:
        names = ", ".join(result.skew.unseen)
        parts.append(note(f"No request holds a value for: {names}."))
    return join(parts)


def _drift(result: Found) -> Markup:
    if result.drift is None:
        return note("The log is too short to compare its older and newer halves.")
    caption = "Distance between the older and the newer half of the log"
    return distance_table(result.drift, caption, OLDER, NEWER)


def _log(result: Found) -> Markup:
    if not result.traffic.files:
        return note("No file was read.")
    files = [[tag("code", str(file))] for file in result.traffic.files]
    shown = [table("Files of the request log, oldest first", ["File"], files)]
    if result.traffic.skipped:
        rows = [[reason, f"{count:,}"] for reason, count in sorted(result.traffic.skipped.items())]
        shown.append(table("Skipped records", ["Reason", "Records"], rows, numbers="1"))
    return join(shown)
