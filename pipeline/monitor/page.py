"""The monitor's page: one HTML file with a verdict, the distances, and both distributions."""

from datetime import UTC, datetime

from models.spec import ModelSpec
from pipeline.html.document import document, section, tiles
from pipeline.html.markup import Markup, join, note, table, tag
from pipeline.html.signs import badge
from pipeline.monitor.distances import distance_table, drawings
from pipeline.monitor.monitoring import DRIFTED, FINE, TOO_FEW, Found

TRAINING, REQUESTS = "training data", "requests"
OLDER, NEWER = "older requests", "newer requests"


def render(spec: ModelSpec, found: Found) -> str:
    """Returns the whole file."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    title = f"{spec.title}: requests to release {found.version}"
    return document(
        title,
        tag("a", "Skip to the findings", href="#main", class_="skip"),
        tag(
            "header",
            tag("p", f"{spec.name} · {now}", class_="kicker"),
            tag("h1", spec.title, " ", tag("span", f"Requests to release {found.version}")),
            tag("p", "Whether what clients send is still what the model was trained on."),
            tag("p", _verdict(found), class_="verdict"),
            _tiles(found),
        ),
        tag(
            "main",
            section("findings", "What was found", _findings(found)),
            section("skew", "Requests against the training data", _skew(found)),
            section("drift", "Newer requests against older ones", _drift(found)),
            section("log", "What was read", _log(found)),
            id="main",
        ),
        tag("footer", f"{spec.name} · release {found.version} · {now}"),
    )


def _verdict(found: Found) -> Markup:
    if found.status == DRIFTED:
        return badge("failed", f"{len(found.findings)} features are beyond their limits")
    if found.status == FINE:
        return badge("passed", "every feature is within its limit")
    return badge(
        "skipped",
        f"too few requests to judge: {len(found.traffic):,} examples, "
        f"at least {found.needed:,} are wanted",
    )


def _tiles(found: Found) -> Markup:
    comparison = found.skew
    worst = max(comparison.rows, key=lambda row: row.value / (row.limit or 1)) if (
        comparison and comparison.rows
    ) else None  # fmt: skip
    return tiles(
        [
            ("Examples", f"{len(found.traffic):,}", f"in {found.traffic.requests:,} requests"),
            ("Beyond their limit", str(len(found.findings)), "features"),
            ("Farthest from training", f"{worst.value:.2f}" if worst else "–",
             worst.feature if worst else "nothing to compare"),
        ]
    )  # fmt: skip


def _findings(found: Found) -> Markup:
    if not found.findings:
        few = "Too few requests were logged to tell chance from change."
        return tag("p", few if found.status == TOO_FEW else "No feature is beyond its limit.")
    return tag("ul", [tag("li", sentence) for sentence in found.findings])


def _skew(found: Found) -> Markup:
    if found.skew is None:
        return note("The log holds no request that could be compared.")
    parts = [
        distance_table(found.skew, "Distance of each feature's distributions", TRAINING, REQUESTS),
        drawings(found.skew, TRAINING, REQUESTS),
    ]
    if found.skew.unseen:
        names = ", ".join(found.skew.unseen)
        parts.append(note(f"No request holds a value of: {names}."))
    return join(parts)


def _drift(found: Found) -> Markup:
    if found.drift is None:
        return note("The log is too short to be compared with itself.")
    caption = "Distance between the older and the newer half of the log"
    return distance_table(found.drift, caption, OLDER, NEWER)


def _log(found: Found) -> Markup:
    if not found.traffic.files:
        return note("No file was read.")
    files = [[tag("code", str(file))] for file in found.traffic.files]
    shown = [table("Files of the request log, oldest first", ["File"], files)]
    if found.traffic.skipped:
        rows = [[reason, f"{count:,}"] for reason, count in sorted(found.traffic.skipped.items())]
        shown.append(table("Records that were passed over", ["Why", "Records"], rows, numbers="1"))
    return join(shown)
