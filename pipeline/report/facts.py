"""All data of a report, gathered once; missing data is None or empty."""

import csv
import importlib.metadata
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from core.agreement.checks import Check, Evidence, Key
from core.agreement.evidence import read_evidence
from core.agreement.golden import Golden
from core.errors import UserError
from models.spec import Limits, ModelSpec, Profile
from pipeline.monitor.baseline import FOLDER, read_statistics
from pipeline.monitor.statistics import Comparison
from pipeline.release import history
from pipeline.release.headline import MADE_UP, Headline
from pipeline.release.release import Release, current_version
from pipeline.report.splits import Split, anomalies, splits
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import Fingerprints
from pipeline.stages.lineage import Run, model_of, run_before

LIBRARIES = ("tfx", "tensorflow", "keras", "tensorflow-model-analysis", "ml-metadata", "numpy")


@dataclass(frozen=True)
class Facts:
    """All that is known about a release.

    Attributes:
        spec, profile_name, profile: the configured model and profile.
        manifest: the release's manifest, whose files do not include the report yet.
        evidence: the evidence of the rows of ``checks`` by their keys, if it was recorded.
        parent: the release that was promoted before.
        parent_model: the id in ML Metadata of that release's model.
        shift: the training data of that release against this one's; None if either is unknown.
        run: the pipeline run that made the release.
        history: the columns of the Trainer's history.csv, one value per epoch.
        golden: the SavedModel's answers to the whole test split.
        splits: statistics of the data, by split.
        anomalies: ExampleValidator's anomalies, in words; None if they are gone.
        versions: the versions of Python and of the libraries.
        unchanged: whether data, code and settings are still those of the release.
    """

    spec: ModelSpec
    profile_name: str
    profile: Profile
    manifest: Mapping[str, Any]
    evidence: Mapping[Key, Evidence] = field(default_factory=dict)
    parent: Release | None = None
    parent_model: int | None = None
    shift: Comparison | None = None
    run: Run | None = None
    history: Mapping[str, list[float]] = field(default_factory=dict)
    golden: Golden | None = None
    splits: tuple[Split, ...] = ()
    anomalies: list[str] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    unchanged: bool = True

    @property
    def checks(self) -> list[Check]:
        return checks_of(self.manifest)

    @property
    def version(self) -> int:
        return int(self.manifest["version"])

    def limits(self, check: Check) -> Limits | None:
        """Returns the spec's limits for a row; None if the spec no longer names its variant."""
        return self.spec.limits.get(check.target, {}).get(check.variant)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Returns the manifest's metrics, which are the Evaluator's."""
        metrics: Mapping[str, Any] = self.manifest["metrics"]
        return metrics

    @property
    def headline(self) -> Headline:
        return Headline.of(self.metrics)

    @property
    def examples_word(self) -> str:
        """Returns what the examples are that everything was measured on."""
        return MADE_UP if self.headline.made_up else "test examples"

    @property
    def other_examples(self) -> str:
        """Returns why the previous release's figures come from other examples than this one's.

        It is empty if they come from the same examples, or if there is no previous release.
        """
        if self.parent is None:
            return ""
        old, before = f"release {self.parent.version}", self.parent.manifest["metrics"]
        if not before.get("test_split"):
            return f"{old} does not say which test examples it was measured on"
        same = before["test_split"] == self.metrics.get("test_split")
        return "" if same else f"{old} was measured on other test examples"

    @property
    def not_compared(self) -> str:
        """Returns why the previous release's score tells nothing beside this one's.

        It is empty if both were measured on the same test examples by the same score, or if there
        is no previous release.
        """
        if self.parent is None:
            return ""
        now, then = self.headline, Headline.of(self.parent.manifest["metrics"])
        if now.made_up or then.made_up:
            return "made-up inputs tell nothing of how good a model is"
        if now.value is None:
            return "this model's answers have no score"
        if now.name != then.name:
            had = f"has the score {then.name}" if then.name else "has no score"
            return f"release {self.parent.version} {had}, this one has {now.name}"
        return self.other_examples

    @property
    def before(self) -> Mapping[str, Any] | None:
        """Returns the previous release's metrics, if these can be compared with them."""
        comparable = self.parent is not None and not self.not_compared
        return self.parent.manifest["metrics"] if self.parent and comparable else None


def checks_of(manifest: Mapping[str, Any]) -> list[Check]:
    """Returns the rows of a manifest."""
    return [Check.from_json(row) for row in manifest["checks"]]


def gather(config: Config, manifest: Mapping[str, Any]) -> Facts:
    """Returns all that the build folder holds about a release.

    Args:
        manifest: the release's; its ``files`` need not be complete.
    """
    run = run_before(config.build.metadata, _created(manifest))
    parent = _parent(config, int(manifest["version"]))
    examined = run.folder("ExampleValidator", "anomalies") if run else None
    statistics = run.folder("StatisticsGen", "statistics") if run else None
    return Facts(
        spec=config.spec,
        profile_name=config.profile_name,
        profile=config.profile,
        manifest=manifest,
        evidence=_evidence(run, checks_of(manifest)),
        parent=parent,
        parent_model=model_of(config.build.metadata, _created(parent.manifest)) if parent else None,
        shift=_shift(config, run, parent),
        run=run,
        history=_history(run.folder("Trainer", "model_run") if run else None),
        golden=_golden(run),
        splits=splits(statistics) if statistics else (),
        anomalies=anomalies(examined) if examined else None,
        versions=_versions(),
        unchanged=Fingerprints.of(config).whole() == manifest["fingerprint"],
    )


def _created(manifest: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(manifest["created"])


def _evidence(run: Run | None, checks: Sequence[Check]) -> dict[Key, Evidence]:
    recorded = {}
    for check in checks:
        folder = run.folder(f"Check.{check.target}", "blessing") if run else None
        evidence = read_evidence(folder, check.key) if folder else None
        if evidence is not None and len(evidence.predicted) == check.examples:
            recorded[check.key] = evidence
    return recorded


def _parent(config: Config, version: int) -> Release | None:
    try:
        switches = history.read(config.build.promotions, current_version(config.build))
    except UserError:
        return None
    promoted = [switch.version for switch in switches]
    # Releases promoted after it are newer, or rollbacks.
    earlier = promoted[: promoted.index(version)] if version in promoted else promoted
    for candidate in reversed(earlier):
        if candidate < version:
            try:
                return Release.open(config.build.releases / str(candidate))
            except UserError:
                continue
    return None


def _shift(config: Config, run: Run | None, parent: Release | None) -> Comparison | None:
    # When a release is assembled, the report is written before the release's folder exists.
    now = run.folder("MonitoringBaseline", "statistics") if run else None
    if now is None or parent is None:
        return None
    try:
        before, after = read_statistics(parent.folder / FOLDER), read_statistics(now)
    except UserError:
        return None
    return Comparison.of(before, after, config.spec.monitoring)


def _history(folder: Path | None) -> dict[str, list[float]]:
    file = folder / "history.csv" if folder else None
    if file is None or not file.is_file():
        return {}
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [_number(row[name]) for row in rows] for name in rows[0]} if rows else {}


def _number(text: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _golden(run: Run | None) -> Golden | None:
    folder = run.folder("GoldenSet", "golden") if run else None
    try:
        return Golden.load(folder) if folder else None
    except (OSError, ValueError):
        return None


def _versions() -> dict[str, str]:
    versions = {"python": sys.version.partition(" ")[0]}
    for library in LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
