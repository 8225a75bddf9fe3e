"""A release: all targets of one SavedModel in one folder, with a manifest and checksums.

``build/<model>/releases/<version>/`` is written aside and renamed, so it is there whole or not at
all. ``current`` points at the promoted one and is switched in one step.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import web.stamp
from models.contract import contract
from pipeline.checks import Check
from pipeline.config import Config
from pipeline.errors import GateError, UserError
from pipeline.files import copy_tree, replace_link, sha256, sync_folder, write_text
from pipeline.golden import Golden

MANIFEST = "manifest.json"
CURRENT = "current"
HISTORY = "promotions.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Release:
    """A release on disk.

    Attributes:
        folder: where it is; its name is the version.
        manifest: what ``manifest.json`` says.
    """

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Release":
        """Returns the release in a folder. Raises UserError when there is none to read."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} holds no release: {error}") from error
        return cls(folder, manifest)

    @property
    def version(self) -> int:
        return int(self.manifest["version"])

    @property
    def fingerprint(self) -> str:
        return str(self.manifest["fingerprint"])

    @property
    def checks(self) -> list[Check]:
        return [Check.from_json(row) for row in self.manifest["checks"]]

    @property
    def stopped_by(self) -> list[Check]:
        """Returns the required checks that did not pass."""
        return [check for check in self.checks if check.stops_release]

    def damage(self) -> list[str]:
        """Returns what differs from the manifest, one sentence a file; empty when whole."""
        found = []
        expected = self.manifest["files"]
        for name, entry in expected.items():
            file = self.folder / name
            if not file.is_file():
                found.append(f"{name} is missing")
            elif file.stat().st_size != entry["bytes"] or sha256(file) != entry["sha256"]:
                found.append(f"{name} differs from its checksum")
        extra = set(_files(self.folder)) - set(expected) - {MANIFEST}
        return found + [f"{name} is not in the manifest" for name in sorted(extra)]


@dataclass(frozen=True)
class Parts:
    """What a release is put together from.

    Attributes:
        targets: for each target that was pushed, the folder with its artifacts.
        golden: the golden set on the whole test split.
        metrics: the Evaluator's.
        checks: the rows of all targets.
        fingerprint: of the data, code and configuration.
        beside: other folders that travel with the release, by their name in it.
        report: makes the report's HTML from the manifest, whose files are then all but the report;
            None makes a release without one.
    """

    targets: dict[str, Path]
    golden: Golden
    metrics: dict[str, Any]
    checks: list[Check]
    fingerprint: str
    beside: Mapping[str, Path] = field(default_factory=dict)
    report: Callable[[Mapping[str, Any]], str] | None = None


def assemble(config: Config, parts: Parts) -> Release:
    """Writes a release with the next free version and returns it; it is not promoted yet."""
    version = 1 + max(versions(config), default=0)
    config.releases.mkdir(parents=True, exist_ok=True)
    partial = config.releases / f".{version}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    _place_targets(config, parts.targets, partial, version)
    for name, source in parts.beside.items():
        copy_tree(source, partial / name)
    _write_contract_and_golden(config, parts.golden, partial, version)
    manifest: dict[str, Any] = {
        "schema": 1,
        "model": config.spec.name,
        "version": version,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fingerprint": parts.fingerprint,
        "metrics": parts.metrics,
        "files": {},
        "checks": [check.to_json() for check in parts.checks],
    }
    if "web" in parts.targets:
        for name, text in web.stamp.released(partial / "web", manifest).items():
            write_text(partial / "web" / name, text)
    manifest["files"] = {name: _entry(partial / name) for name in _files(partial)}
    if parts.report:
        # The report shows the manifest, and the manifest lists the report.
        write_text(partial / REPORT, parts.report(manifest))
        manifest["files"][REPORT] = _entry(partial / REPORT)
    write_text(partial / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    folder = config.releases / str(version)
    partial.replace(folder)
    sync_folder(config.releases)
    return Release(folder, manifest)


def versions(config: Config) -> list[int]:
    """Returns the versions on disk, oldest first."""
    if not config.releases.is_dir():
        return []
    return sorted(int(path.name) for path in config.releases.iterdir() if path.name.isdecimal())


def current(config: Config) -> Release | None:
    """Returns the promoted release, or None before the first promotion."""
    link = config.releases / CURRENT
    return Release.open(link.resolve()) if link.is_symlink() else None


def find(config: Config, version: int | None) -> Release:
    """Returns a release by version, the newest for None. Raises UserError when there is none."""
    known = versions(config)
    if not known:
        raise UserError(f"there is no release of {config.build.name} yet; run: fanout run")
    if version is not None and version not in known:
        raise UserError(
            f"there is no release {version} of {config.build.name}; there are: "
            + ", ".join(map(str, known))
        )
    return Release.open(config.releases / str(version or known[-1]))


def promote(config: Config, release: Release) -> None:
    """Makes a release the current one.

    Raises:
        GateError: a required check of it did not pass, or a file is not what was checked. The
            release that was current before stays.
    """
    if release.stopped_by:
        raise GateError("Promotion", f"release {release.version}: {_reasons(release.stopped_by)}")
    damage = release.damage()
    if damage:
        raise GateError("Promotion", f"release {release.version}: {'; '.join(damage[:5])}")
    history = _history(config)
    if history[-1:] != [release.version]:
        write_text(config.releases / HISTORY, json.dumps([*history, release.version]))
    replace_link(config.releases / CURRENT, str(release.version))


def rollback(config: Config) -> Release:
    """Promotes the release that was current before, and returns it.

    Raises:
        UserError: no earlier release was ever promoted, or none is left.
    """
    now = current(config)
    history = _history(config)
    while now and history and history.pop() != now.version:
        pass
    on_disk = set(versions(config))
    while history and (history[-1] not in on_disk or (now and history[-1] == now.version)):
        history.pop()
    if not history:
        raise UserError(f"{config.build.name} has no earlier promoted release to go back to")
    release = find(config, history[-1])
    promote(config, release)
    write_text(config.releases / HISTORY, json.dumps(history))
    return release


def _reasons(checks: list[Check]) -> str:
    return "; ".join(
        f"{check.target} {check.variant} on {check.runtime} {check.status}: {check.reason}"
        for check in checks
    )


def _history(config: Config) -> list[int]:
    file = config.releases / HISTORY
    history: list[int] = json.loads(file.read_text()) if file.exists() else []
    return history


def _entry(file: Path) -> dict[str, str | int]:
    return {"sha256": sha256(file), "bytes": file.stat().st_size}


def _files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def _place_targets(config: Config, targets: dict[str, Path], folder: Path, version: int) -> None:
    for target, source in targets.items():
        # The layout that TensorFlow Serving's base path wants: <model>/<version>/saved_model.pb.
        inner = f"{config.spec.name}/{version}" if target == "serving" else ""
        copy_tree(source, folder / target / inner)


def _write_contract_and_golden(config: Config, golden: Golden, folder: Path, version: int) -> None:
    spec = config.spec
    texts = {
        "contract.json": json.dumps(contract(spec, version=version), indent=1) + "\n",
        "golden.json": golden.spread(spec.golden_examples).to_json(
            model=spec.name, output=spec.outputs[0].name, version=version
        ),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
        if (folder / "web").is_dir():
            write_text(folder / "web" / name, text)
