"""The pipeline's own TFX components: the data gate, the golden set, convert, check, and more.

Each is a thin wrapper: the work is in plain functions that do not depend on TFX. TFX reads the
annotations of these signatures, so they must be real: no ``from __future__ import annotations``.
"""

# ruff: noqa: ARG001 - only TFX's cache reads the fingerprints

import json
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    InferenceResult,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
)

from core.agreement import extremes
from core.agreement.checks import PASSED, Check
from core.agreement.evidence import save_evidence
from core.agreement.golden import Golden, golden_set
from core.agreement.target import ConvertConfig
from core.errors import GateError
from core.files import sync_tree, write_text
from models.spec import load
from pipeline.monitor.baseline import write_baseline
from pipeline.release import integrity
from pipeline.stages import fan_out
from pipeline.stages.data_gate import read_anomalies
from pipeline.stages.evaluation import read_evaluation

CHECKS_FILE = "checks.json"
DIGESTS_FILE = "checked-files.json"


@component
def DataGate(  # noqa: N802 - a component reads as a class
    anomalies: InputArtifact[ExampleAnomalies], fingerprint: Parameter[str]
) -> None:
    """Stops the pipeline when ExampleValidator found an anomaly in any split."""
    anomalies_found = read_anomalies(Path(anomalies.uri))
    if anomalies_found:
        raise GateError("DataGate", "; ".join(anomalies_found))


@component
def GoldenSet(  # noqa: N802
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    blessing: InputArtifact[ModelBlessing],
    evaluation: InputArtifact[ModelEvaluation],
    golden: OutputArtifact[InferenceResult],
    spec_name: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Records the blessed SavedModel's answers to the test split; stops if it was not blessed."""
    if blessing.get_int_custom_property("blessed") != 1:
        reasons = read_evaluation(Path(evaluation.uri), load(spec_name)).failures
        raise GateError("Evaluator", "; ".join(reasons) or "the model was not blessed")
    pattern = f"{examples.uri}/Split-test/*"
    golden_set(_saved_model(model), load(spec_name), pattern).save(Path(golden.uri))
    extremes.save(extremes.of_saved_model(_saved_model(model), load(spec_name)), Path(golden.uri))
    sync_tree(Path(golden.uri))


@component
def MonitoringBaseline(  # noqa: N802
    examples: InputArtifact[Examples],
    golden: InputArtifact[InferenceResult],
    statistics: OutputArtifact[ExampleStatistics],
    spec_name: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Describes the training data and the model's answers for ``fanout monitor``."""
    pattern = f"{examples.uri}/Split-train/*"
    answers = Golden.load(Path(golden.uri))
    write_baseline(Path(statistics.uri), load(spec_name), pattern, answers)


@component
def Convert(  # noqa: N802
    model: InputArtifact[Model],
    blessing: InputArtifact[ModelBlessing],
    examples: InputArtifact[Examples],
    golden: InputArtifact[InferenceResult],
    converted: OutputArtifact[Model],
    target: Parameter[str],
    spec_name: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Makes one target's artifacts from the blessed SavedModel, or records why it cannot."""
    # TFX does not stop a custom component that follows a model that was not blessed.
    if blessing.get_int_custom_property("blessed") != 1:
        raise GateError("Evaluator", "the model was not blessed")
    config = ConvertConfig(Path(examples.uri) / "Split-train", Path(golden.uri))
    out_dir = converted_folder(converted.uri)
    fan_out.convert(target, _saved_model(model), out_dir, spec=load(spec_name), config=config)
    sync_tree(out_dir)


@component
def CheckTarget(  # noqa: N802
    converted: InputArtifact[Model],
    golden: InputArtifact[InferenceResult],
    blessing: OutputArtifact[InfraBlessing],
    target: Parameter[str],
    spec_name: Parameter[str],
    examples: Parameter[int],
    fingerprint: Parameter[str],
) -> None:
    """Runs the target's artifacts on the golden set; blesses them when all required rows pass.

    ``examples`` limits the number of examples; 0 runs all.
    """
    folder, recorded = converted_folder(converted.uri), Path(golden.uri)
    answers = Golden.load(recorded).head(examples or None).with_extremes(extremes.load(recorded))
    checks = fan_out.check(target, folder, answers, spec=load(spec_name))
    entries = integrity.entries(folder)
    _bless(blessing, checks, {name: str(entry["sha256"]) for name, entry in entries.items()})


def converted_folder(uri: str | Path) -> Path:
    """Returns the folder in a Convert's output where the standard Pusher looks for the model."""
    return Path(uri) / "Format-Serving"


def read_checks(blessing_folder: Path) -> list[Check]:
    """Returns the rows that a CheckTarget wrote."""
    rows = json.loads((blessing_folder / CHECKS_FILE).read_text())
    return [Check.from_json(row) for row in rows]


def read_digests(blessing_folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file that a CheckTarget ran; empty if it recorded none."""
    file = blessing_folder / DIGESTS_FILE
    digests: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
    return digests


def _bless(blessing: Any, checks: list[Check], digests: dict[str, str]) -> None:
    folder = Path(blessing.uri)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / DIGESTS_FILE, json.dumps(digests, indent=1))
    write_text(folder / CHECKS_FILE, json.dumps([check.to_json() for check in checks], indent=1))
    save_evidence(folder, checks)
    # Where no row passed there is nothing to ship, even if nothing is required.
    passed = any(check.status == PASSED for check in checks)
    blessed = passed and not any(check.stops_release for check in checks)
    word = "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"
    sync_tree(folder)
    write_text(folder / word, "")
    # tfx.components.util.model_utils.is_infra_validated reads these.
    blessing.set_string_custom_property("blessing_status", word)
    blessing.set_int_custom_property("blessed", int(blessed))


def _saved_model(model: Any) -> Path:
    return Path(model.uri) / "Format-Serving"
