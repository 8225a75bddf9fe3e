from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.agreement.checks import PASSED, Check
from pipeline.release.assemble import Parts
from pipeline.settings.config import Config
from tests.golden import classes_golden


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(Config.from_environment("fashion", "quick"), builds=tmp_path)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Small stand-ins for converted files: a release does not look inside them."""
    targets = {}
    for target, name in (
        ("serving", "saved_model.pb"),
        ("mobile", "m.tflite"),
        ("web", "index.html"),
    ):
        folder = tmp_path / "made" / target
        (folder / "inner").mkdir(parents=True)
        (folder / name).write_text(target)
        (folder / "inner" / "weights").write_bytes(b"\0" * 100)
        targets[target] = folder
    (targets["web"] / "package.json").write_text('{"version": "0.0.0"}')
    golden = classes_golden(
        {"image": np.zeros((20, 28, 28, 1), np.float32)},
        np.arange(20) % 10,
        np.full((20, 10), 0.1, np.float32),
    )
    checks = [Check(target, "float32", "runtime", PASSED) for target in targets]
    return Parts(
        targets, golden, {"accuracy": 0.9, "examples": 20, "slices": {}}, checks, "sha256:1"
    )
