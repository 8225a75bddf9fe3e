"""A release: all targets of one SavedModel in one folder, with a manifest and checksums.

``build/<model>/releases/<version>/`` is written aside and renamed, so it is there whole or not at
all. ``current`` points at the promoted one and is switched in one step.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import web.site.stamp
from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.agreement.left_out import leave_out
from core.console import CONSOLE
from core.errors import FanoutError, GateError, UserError
from core.files import copy_tree, place_folder, replace_link, write_text
from models.contract import contract
from pipeline.deployment import rollout
from pipeline.release import history, integrity, sbom, signature
from pipeline.release.integrity import MANIFEST, SIGNATURE
from pipeline.settings.config import Config
from pipeline.targets import target_named
from serving import examples

CURRENT = "current"
HISTORY = "promotions.json"
REPORT = "report.html"
_FIELDS = {"version": int, "created": str, "fingerprint": str, "metrics": dict, "files": dict}


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
        """Returns what differs from the checksums, one sentence a file; empty when whole."""
        return integrity.damage(self.folder, self.manifest["files"])


class ArtifactChanged(GateError):
    """What is about to ship is not what was checked."""

    def __init__(self, target: str, names: list[str]) -> None:
        super().__init__(
            "Checksums",
            f"{target}: {', '.join(names[:5])}: not the file that was checked; run again: "
            "it is converted and checked anew",
        )
        self.target = target


@dataclass(frozen=True)
class Parts:
    """What a release is put together from.

    Attributes:
        targets: for each target that was pushed, the folder with its artifacts.
        golden: the golden set on the whole test split.
        metrics: the Evaluator's.
        checks: the rows of all targets.
        fingerprint: of the data, code and configuration.
        checked: for each target, the SHA-256 of every file that its check ran; what ships must be
            that, byte for byte. A target without an entry is not held to it.
        beside: other folders that travel with the release, by their name in it.
        report: makes the report's HTML from the manifest, whose files are then all but the report;
            None makes a release without one.
    """

    targets: dict[str, Path]
    golden: Golden
    metrics: dict[str, Any]
    checks: list[Check]
    fingerprint: str
    checked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)
    report: Callable[[Mapping[str, Any]], str] | None = None


def assemble(config: Config, parts: Parts) -> Release:
    """Writes a release with the next free version and returns it; it is not promoted yet.

    Raises:
        ArtifactChanged: a file is not the one that was checked.
    """
    config.releases.mkdir(parents=True, exist_ok=True)
    remove_leftovers(config)
    version = 1 + max(versions(config), default=0)
    partial = config.releases / f".{version}.partial"
    partial.mkdir()
    _place_targets(config, parts, partial, version)
    for name, source in parts.beside.items():
        copy_tree(source, partial / name)
    _write_contract_and_golden(config, parts.golden, partial, version)
    if "serving" in parts.targets:
        few = parts.golden.spread(config.spec.golden_examples)
        examples.write(partial / "serving", spec=config.spec, golden=few, version=version)
    for name, text in sbom.documents(config.spec.name).items():
        write_text(partial / name, text)
    manifest: dict[str, Any] = {
        "schema": 1,
        "model": config.spec.name,
        "version": version,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fingerprint": parts.fingerprint,
        "hyperparameters": dict(config.profile.hyperparameters),
        "tuned": dict(config.tuned.changes) if config.tuned else {},
        "metrics": parts.metrics,
        "files": {},
        "checks": [check.to_json() for check in parts.checks],
    }
    if "web" in parts.targets:
        for name, text in web.site.stamp.released(partial / "web", manifest).items():
            write_text(partial / "web" / name, text)
    manifest["files"] = integrity.entries(partial)
    if parts.report:
        # The report shows the manifest, and the manifest lists the report.
        write_text(partial / REPORT, parts.report(manifest))
        manifest["files"][REPORT] = integrity.entry(partial / REPORT)
    write_text(partial / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    if config.trust.signs:
        signature.sign(config.trust, partial, partial / SIGNATURE)
    integrity.write_sums(partial, manifest["files"])
    folder = config.releases / str(version)
    place_folder(partial, folder)
    return Release(folder, manifest)


def versions(config: Config) -> list[int]:
    """Returns the versions on disk, oldest first."""
    if not config.releases.is_dir():
        return []
    folders = (path for path in config.releases.iterdir() if path.name.isdecimal())
    return sorted(int(folder.name) for folder in folders if folder.is_dir())


def current_version(config: Config) -> int | None:
    """Returns the promoted version, whatever is left of it, or None before the first promotion."""
    link = config.releases / CURRENT
    name = link.readlink().name if link.is_symlink() else ""
    return int(name) if name.isdecimal() else None


def current(config: Config) -> Release | None:
    """Returns the promoted release, or None before the first promotion.

    Raises:
        UserError: there is one and it cannot be read.
    """
    version = current_version(config)
    return None if version is None else Release.open(config.releases / str(version))


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
    return Release.open(config.releases / str(known[-1] if version is None else version))


def require_promotable(config: Config, release: Release) -> None:
    """Raises GateError, which names them, for checks that did not pass and files that changed."""
    # Files first: rows of a manifest that was changed prove nothing.
    signature.require_sound(config.trust, release, "Promotion")
    if not release.checks:
        raise GateError("Promotion", f"release {release.version}: nothing of it was checked")
    if release.stopped_by:
        raise GateError("Promotion", f"release {release.version}: {_reasons(release.stopped_by)}")


def promote(config: Config, release: Release) -> None:
    """Makes a release the current one.

    Raises:
        GateError: a required check of it did not pass, or a file is not what was checked. The
            release that was current before stays.
    """
    require_promotable(config, release)
    _switch(config, release.version)


def rollback(config: Config) -> Release:
    """Promotes the release that was current before, and returns it.

    Raises:
        UserError: no earlier release was ever promoted, none is left, or what was promoted is
            not known.
        GateError: the one before is not what was checked; the current one stays.
    """
    version = rollback_version(config)
    if version is None:
        raise UserError(f"{config.build.name} has no earlier promoted release to go back to")
    release = find(config, version)
    require_promotable(config, release)
    _switch(config, version, back=True)
    return release


def rollback_version(config: Config) -> int | None:
    """Returns the release that a rollback would go to. Raises UserError when it is not known."""
    on_disk = set(versions(config))
    switches = history.read(config.releases / HISTORY, current_version(config))
    return next((one for one in history.earlier(switches) if one in on_disk), None)


def held_canary(config: Config, stable: int) -> dict[str, int]:
    """Returns the label of a canary that is held beside a release, empty when there is none.

    One that is not what was checked any more is none; a line says why.
    """
    version = rollout.served(config).get(rollout.CANARY, stable)
    if version == stable:
        return {}
    try:
        require_promotable(config, find(config, version))
    except FanoutError as error:
        CONSOLE.print(f"  the canary cannot be kept: {error}", soft_wrap=True)
        return {}
    CONSOLE.print(f"  release {version} is kept as canary")
    return {rollout.CANARY: version}


def remove_leftovers(config: Config) -> None:
    """Removes what commands that were killed left beside the releases."""
    for name in ("partial", "removed", "signing"):
        for path in config.releases.glob(f".[0-9]*.{name}"):
            shutil.rmtree(path)


def _switch(config: Config, version: int, *, back: bool = False) -> None:
    remove_leftovers(config)
    now = current_version(config)
    canary = held_canary(config, version) if now == version else {}
    # First of all, as it is the step that may say no.
    rollout.switch(config, {rollout.STABLE: version, **canary})
    if now == version:
        return
    try:
        history.record(config.releases / HISTORY, now, version, back=back)
        replace_link(config.releases / CURRENT, str(version))
    except OSError:
        if now is not None:
            with suppress(OSError, FanoutError):
                rollout.switch(config, {rollout.STABLE: now})
        raise


def _reasons(checks: list[Check]) -> str:
    return "; ".join(
        f"{check.target} {check.variant} on {check.runtime} {check.status}: {check.reason}"
        for check in checks
    )


def _place_targets(config: Config, parts: Parts, folder: Path, version: int) -> None:
    for target, source in parts.targets.items():
        # The layout that TensorFlow Serving's base path wants: <model>/<version>/saved_model.pb.
        inner = f"{config.spec.name}/{version}" if target == "serving" else ""
        placed = folder / target / inner
        copy_tree(source, placed)
        if target in parts.checked:
            _require_as_checked(target, placed, parts.checked[target])
        # What a target's folder holds is known by the target alone.
        artifacts = target_named(target).artifacts(placed, spec=config.spec)
        leave_out(artifacts, [check for check in parts.checks if check.target == target])


def _require_as_checked(target: str, placed: Path, checked: Mapping[str, str]) -> None:
    found = {name: str(entry["sha256"]) for name, entry in integrity.entries(placed).items()}
    changed = sorted(name for name in {*found, *checked} if found.get(name) != checked.get(name))
    if changed:
        raise ArtifactChanged(target, changed)


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
