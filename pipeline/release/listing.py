"""``fanout releases``: one row for every release on disk."""

from dataclasses import asdict, dataclass
from typing import Any

from core import files
from core.agreement.checks import FAILED, PASSED
from core.errors import UserError
from pipeline.release import history, release, signature
from pipeline.release.headline import SHARES, Headline
from pipeline.release.release import Release
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Row:
    """A release in the table.

    Attributes:
        version, created, fingerprint: as in the manifest.
        accuracy: the SavedModel's on the test split; None if the manifest has none.
        score, metric: its headline score and that score's name; None and empty if it has none.
        made_up: whether its examples are made up.
        passed, failed: the number of its checks that passed or failed.
        promotable: whether every required check passed.
        promoted: the time of its last promotion; ``""`` if never, ``?`` if unknown.
        current: whether it is the current release.
        signature: ``unsigned``, ``verified``, ``signed, not verified``, or what is wrong with it.
        bytes: its size on disk.
        problem: why it cannot be read; empty if it can.
    """

    version: int
    created: str = ""
    accuracy: float | None = None
    score: float | None = None
    metric: str = ""
    made_up: bool = False
    fingerprint: str = ""
    passed: int = 0
    failed: int = 0
    promotable: bool = False
    promoted: str = ""
    current: bool = False
    signature: str = ""
    bytes: int = 0
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def rows(config: Config) -> list[Row]:
    """Returns one row per release, oldest first; the row of an unreadable one has the reason."""
    now = release.current_version(config.build)
    promoted: dict[int, str] = {}
    try:
        for switch in history.read(config.build.promotions, now):
            promoted[switch.version] = switch.at or "?"
    except UserError:
        promoted = {now: "?"} if now is not None else {}
    return [_row(config, version, now, promoted) for version in release.versions(config.build)]


def _row(config: Config, version: int, now: int | None, promoted: dict[int, str]) -> Row:
    folder = config.build.releases / str(version)
    known = Row(
        version,
        promoted=promoted.get(version, ""),
        current=version == now,
        signature=signature.state(config.trust, folder),
        bytes=files.size(folder),
    )
    try:
        opened = Release.open(folder)
    except UserError as error:
        return Row(**{**asdict(known), "problem": str(error)})
    statuses = [check.status for check in opened.checks]
    headline = Headline.of(opened.manifest["metrics"])
    return Row(
        **{
            **asdict(known),
            "created": opened.manifest["created"],
            "accuracy": headline.value if headline.name in SHARES else None,
            "score": headline.value,
            "metric": headline.name,
            "made_up": headline.made_up,
            "fingerprint": opened.fingerprint,
            "passed": statuses.count(PASSED),
            "failed": statuses.count(FAILED),
            "promotable": bool(statuses) and not opened.stopped_by,
        }
    )
