from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.agreement.checks import FAILED, Check
from core.agreement.golden import Golden
from models.spec import Limits, load
from pipeline.report import Facts, gather
from pipeline.settings.config import Config
from tests.golden import classes_golden, compare_values


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(Config.from_environment("fashion", "quick"), builds=tmp_path)


@pytest.fixture
def golden() -> Golden:
    """Forty pictures; the SavedModel is right about nine in ten of them."""
    chance = np.random.default_rng(7)
    labels = np.arange(40) % 10
    outputs = np.full((40, 10), 0.04, np.float32)
    outputs[np.arange(40), np.where(np.arange(40) % 10 == 6, 0, labels)] = 0.64
    pictures = chance.integers(0, 256, (40, 28, 28, 1)).astype(np.float32)
    return classes_golden({"image": pictures}, labels, outputs, named=load("fashion").labels)


@pytest.fixture
def checks(golden: Golden) -> list[Check]:
    """Rows as targets make them: one agrees, one has two different answers, one crashed."""
    limits = Limits(agreement=0.9, rms_diff=0.5, accuracy_drop=0.5)
    quantised = golden.outputs["probabilities"] + np.float32(0.003)
    quantised[[3, 5]] = np.roll(golden.outputs["probabilities"][[3, 5]], 1, axis=1)
    return [
        compare_values(
            golden.outputs["probabilities"] + np.float32(3e-7),
            golden,
            limits,
            row=Check("mobile", "float32", "LiteRT 2.3.0", FAILED, bytes=380_000, p50_ms=0.1),
        ),
        compare_values(
            quantised,
            golden,
            limits,
            row=Check("mobile", "int8", "LiteRT 2.3.0", FAILED, bytes=107_000, p50_ms=0.2),
        ),
        Check("web", "float32", "TensorFlow.js wasm", FAILED, reason="<b>no</b> & never"),
    ]


@pytest.fixture
def bare(config: Config, checks: list[Check]) -> Facts:
    """The facts if only the manifest is left: no run and no release before."""
    slices = {f"label={number}": 0.9 for number in range(10)}
    manifest = {
        "version": 2,
        "created": "2026-01-02T03:04:05Z",
        "fingerprint": "sha256:1",
        "metrics": {
            "accuracy": 0.9,
            "examples": 40,
            "slices": slices,
            "score": 0.9,
            "metric": "accuracy",
            "outputs": {"probabilities": {"accuracy": 0.9}},
            "test_split": "sha256:2",
        },
        "files": {"mobile/m.tflite": {"sha256": "ab" * 32, "bytes": 5}},
        "checks": [check.to_json() for check in checks],
    }
    return gather(config, manifest)


@pytest.fixture
def full(bare: Facts, golden: Golden, checks: list[Check]) -> Facts:
    """The same facts with evidence, golden set and history."""
    history = {
        "epoch": [0.0, 1.0],
        "loss": [1.0, 0.5],
        "val_loss": [1.1, float("nan")],
        "accuracy": [0.6, 0.8],
    }
    evidence = {check.key: check.evidence for check in checks if check.evidence}
    return replace(bare, golden=golden, evidence=evidence, history=history, anomalies=[])
