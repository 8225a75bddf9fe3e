"""``fanout releases``: every release on disk, one row each."""

from dataclasses import asdict, dataclass
from typing import Any

from core import files
from core.agreement.checks import FAILED, PASSED
from core.errors import UserError
from pipeline.release import history, release, signature
from pipeline.release.release import Release
from pipeline.settings.config import Config


@dataclass(frozen=True)
class Row:
    """A release in the table.

    Attributes:
        version, created, fingerprint: as in the manifest.
        accuracy: of the SavedModel on the test split; None when the manifest has none.
        passed, failed: how many of its checks did.
        promotable: whether every required check passed.
        promoted: when it was last promoted; ``""`` when never, ``?`` when that is not known.
        current: whether it is the current one.
        signature: ``unsigned``, ``verified``, or what is wrong with it.
        bytes: what it holds.
        problem: why it cannot be read; empty when it can.
    """

    version: int
    created: str = ""
    accuracy: float | None = None
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
    """Returns one row a release, oldest first; one that cannot be read has its reason in it."""
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
        found = Release.open(folder)
    except UserError as error:
        return Row(**{**asdict(known), "problem": str(error)})
    statuses = [check.status for check in found.checks]
    return Row(
        **{
            **asdict(known),
            "created": found.manifest["created"],
            "accuracy": found.manifest["metrics"].get("accuracy"),
            "fingerprint": found.fingerprint,
            "passed": statuses.count(PASSED),
            "failed": statuses.count(FAILED),
            "promotable": bool(statuses) and not found.stopped_by,
        }
    )
