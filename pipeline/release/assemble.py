"""Assembles a release: the checked artifacts, and the files that people and clients need."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.agreement.left_out import leave_out
from core.errors import GateError
from core.files import copy_tree, place_folder, write_text
from models.contract import contract_text
from pipeline.release import integrity, sbom, signature
from pipeline.release.integrity import MANIFEST, SIGNATURE
from pipeline.release.release import REPORT, Release, remove_leftovers, versions
from pipeline.settings.config import Config
from pipeline.targets import part, released_of, target_named


class ArtifactChanged(GateError):
    """A file that is about to ship differs from the one that was checked."""

    def __init__(self, target: str, names: list[str]) -> None:
        super().__init__(
            "Checksums",
            f"{target}: {', '.join(names[:5])}: not the file that was checked; run again "
            "to convert and check it again",
        )
        self.target = target


@dataclass(frozen=True)
class Parts:
    """The parts that a release is assembled from.

    Attributes:
        targets: for each target that was pushed, the folder with its artifacts.
        golden: the golden set on the whole test split.
        metrics: the Evaluator's metrics, and which examples it measured.
        checks: the rows of all targets.
        fingerprint: covers the data, code and configuration.
        checked: for each target, the SHA-256 of every file that its check ran. The shipped files
            must be the same, byte for byte. A target without an entry is exempt.
        beside: other folders of the release, by their name in it.
        report: makes the report's HTML from the manifest, which then lists all files except the
            report; None makes a release without one.
    """

    targets: dict[str, Path]
    golden: Golden
    metrics: dict[str, Any]
    checks: Sequence[Check]
    fingerprint: str
    checked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)
    report: Callable[[Mapping[str, Any]], str] | None = None


def assemble(config: Config, parts: Parts) -> Release:
    """Writes a release with the next free version and returns it; it is not promoted yet.

    Raises:
        ArtifactChanged: a file is not the one that was checked.
    """
    spec, releases = config.spec, config.build.releases
    releases.mkdir(parents=True, exist_ok=True)
    remove_leftovers(config.build)
    version = 1 + max(versions(config.build), default=0)
    partial = releases / f".{version}.partial"
    partial.mkdir()
    _place_targets(config, parts, partial, version)
    for name, source in parts.beside.items():
        copy_tree(source, partial / name)
    samples = parts.golden.samples(spec.golden_examples)
    write_text(partial / "contract.json", contract_text(spec, version=version))
    write_text(partial / "golden.json", samples.to_json(model=spec.name, version=version))
    for name, text in sbom.documents(spec.name).items():
        write_text(partial / name, text)
    manifest: dict[str, Any] = {
        "schema": 1,
        "model": spec.name,
        "version": version,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fingerprint": parts.fingerprint,
        "hyperparameters": dict(config.profile.hyperparameters),
        "tuned": dict(config.tuned.changes) if config.tuned else {},
        "metrics": parts.metrics,
        "files": {},
        "checks": [check.to_json() for check in parts.checks],
    }
    for target in parts.targets:
        released_of(target).finish(partial / target, spec=spec, samples=samples, manifest=manifest)
    manifest["files"] = integrity.entries(partial)
    if parts.report:
        # The report shows the manifest, and the manifest lists the report.
        write_text(partial / REPORT, parts.report(manifest))
        manifest["files"][REPORT] = integrity.entry(partial / REPORT)
    write_text(partial / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    if config.trust.signs:
        signature.sign(config.trust, partial, partial / SIGNATURE)
    integrity.write_sums(partial, manifest["files"])
    place_folder(partial, releases / str(version))
    return Release(releases / str(version), manifest)


def _place_targets(config: Config, parts: Parts, folder: Path, version: int) -> None:
    rows: dict[str, list[Check]] = {target: [] for target in parts.targets}
    for check in parts.checks:
        rows.setdefault(check.target, []).append(check)
    for target, source in parts.targets.items():
        placed = part(folder, target, model=config.spec.name, version=version)
        copy_tree(source, placed)
        if target in parts.checked:
            _require_as_checked(target, placed, parts.checked[target])
        # Only the target knows what its folder holds.
        artifacts = target_named(target).artifacts(placed, spec=config.spec)
        leave_out(artifacts, rows[target])


def _require_as_checked(target: str, placed: Path, checked: Mapping[str, str]) -> None:
    digests = {name: str(entry["sha256"]) for name, entry in integrity.entries(placed).items()}
    names = {*digests, *checked}
    changed = sorted(name for name in names if digests.get(name) != checked.get(name))
    if changed:
        raise ArtifactChanged(target, changed)
