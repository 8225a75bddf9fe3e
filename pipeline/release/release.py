"""A release on disk: all targets of one SavedModel in one folder, with a manifest and checksums.

``build/<model>/releases/<version>/`` is written aside and renamed, so it exists completely or not
at all. ``current`` points to the promoted release and is switched in one step.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.agreement.checks import Check
from core.errors import GateError, UserError
from pipeline.release import history, integrity, signature
from pipeline.release.integrity import MANIFEST, SIGNATURE
from pipeline.settings.build import Build
from pipeline.settings.keys import Trust
from pipeline.targets import part

REPORT = "report.html"
_SHOWN = 5
_FIELDS = {
    "model": str,
    "version": int,
    "created": str,
    "fingerprint": str,
    "metrics": dict,
    "files": dict,
}


@dataclass(frozen=True)
class Release:
    """A release on disk.

    Attributes:
        folder: its folder, whose name is the version.
        manifest: the content of ``manifest.json``.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Release":
        """Returns the release in a folder. Raises UserError when it holds no readable release."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
            for name, kind in _FIELDS.items():
                if not isinstance(manifest[name], kind):
                    raise TypeError(f"{name} is not of type {kind.__name__}")
            for entry in manifest["files"].values():
                str(entry["sha256"]), int(entry["bytes"])
            [Check.from_json(row) for row in manifest["checks"]]
        except KeyError as error:
            raise UserError(f"{folder} holds no release: {MANIFEST} has no {error}") from error
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{folder} holds no release: {MANIFEST}: {error}") from error
        return cls(folder, manifest)

    @property
    def version(self) -> int:
        return int(self.folder.name)

    @property
    def fingerprint(self) -> str:
        return str(self.manifest["fingerprint"])

    def part(self, target: str) -> Path:
        """Returns the folder of a target's artifacts."""
        return part(self.folder, target, model=str(self.manifest["model"]), version=self.version)

    def has(self, target: str) -> bool:
        """Returns whether the release has artifacts of a target."""
        return any(name.startswith(f"{target}/") for name in self.manifest["files"])

    @property
    def saved_model(self) -> Path:
        """Returns the folder of the SavedModel, which the serving target ships unchanged."""
        return self.part("serving")

    @property
    def is_signed(self) -> bool:
        return (self.folder / SIGNATURE).is_file()

    @property
    def checks(self) -> list[Check]:
        return [Check.from_json(row) for row in self.manifest["checks"]]

    @property
    def stopped_by(self) -> list[Check]:
        """Returns the required checks that did not pass."""
        return [check for check in self.checks if check.stops_release]

    def damage(self) -> list[str]:
        """Returns what differs from the checksums, one sentence per file; empty if all match."""
        return integrity.damage(self.folder, self.manifest["files"])


def versions(build: Build) -> list[int]:
    """Returns the versions on disk, oldest first."""
    if not build.releases.is_dir():
        return []
    folders = (path for path in build.releases.iterdir() if path.name.isdecimal())
    return sorted(int(folder.name) for folder in folders if folder.is_dir())


def current_version(build: Build) -> int | None:
    """Returns the promoted version, even if its files are gone, or None before the first one."""
    link = build.current
    name = link.readlink().name if link.is_symlink() else ""
    return int(name) if name.isdecimal() else None


def current(build: Build) -> Release | None:
    """Returns the promoted release, or None before the first promotion.

    Raises:
        UserError: the promoted release cannot be read.
    """
    version = current_version(build)
    return None if version is None else Release.open(build.releases / str(version))


def find(build: Build, version: int | None) -> Release:
    """Returns a release by version, or the newest for None.

    Raises:
        UserError: there is no such release, or it cannot be read.
    """
    known = versions(build)
    if not known:
        raise UserError(f"there is no release of {build.name} yet; run: fanout run")
    if version is not None and version not in known:
        raise UserError(
            f"there is no release {version} of {build.name}; there are: "
            + ", ".join(map(str, known))
        )
    return Release.open(build.releases / str(known[-1] if version is None else version))


def current_folder(build: Build) -> Path:
    """Returns the promoted release's folder. Raises UserError when nothing is promoted yet."""
    if not build.current.is_dir():
        raise UserError(f"nothing of {build.name} is promoted yet; run: make deploy")
    return build.current.resolve()


def require_sound(trust: Trust, release: Release, gate: str) -> None:
    """Accepts a release that is undamaged and, if keys are configured, signed with them.

    Raises:
        GateError: the release is damaged or its signature does not hold; the message names the
            files. Nothing of it may be loaded.
    """
    damage = release.damage()
    if damage:
        more = f" and {len(damage) - _SHOWN} more" if len(damage) > _SHOWN else ""
        raise GateError(gate, f"release {release.version}: {'; '.join(damage[:_SHOWN])}{more}")
    reason = signature.problem(trust, release.folder)
    if reason:
        raise GateError(gate, f"release {release.version}: {reason}")


def require_promotable(trust: Trust, release: Release) -> None:
    """Raises GateError for required checks that did not pass and files that changed."""
    # Files first: the rows of a changed manifest prove nothing.
    require_sound(trust, release, "Promotion")
    if not release.checks:
        raise GateError("Promotion", f"release {release.version}: none of its targets was checked")
    if release.stopped_by:
        raise GateError("Promotion", f"release {release.version}: {_reasons(release.stopped_by)}")


def rollback_version(build: Build) -> int | None:
    """Returns the release that a rollback would go to. Raises UserError when it is unknown."""
    on_disk = set(versions(build))
    switches = history.read(build.promotions, current_version(build))
    return next((one for one in history.earlier(switches) if one in on_disk), None)


def remove_leftovers(build: Build) -> None:
    """Removes files that killed commands left beside the releases."""
    for name in ("partial", "removed", "signing"):
        for path in build.releases.glob(f".[0-9]*.{name}"):
            shutil.rmtree(path)


def _reasons(checks: list[Check]) -> str:
    """Returns each different reason once, after the rows that it holds for."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for check in checks:
        row = f"{check.variant} on {check.runtime}"
        rows.setdefault((check.target, check.status, check.reason), []).append(row)
    return "; ".join(
        f"{target} {', '.join(alike)} {status}: {reason}"
        for (target, status, reason), alike in rows.items()
    )
