"""What one target cannot do becomes a failed row, with the target's own reason."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.agreement.target import ConvertConfig
from core.errors import DataError
from models.spec import Limits, load
from pipeline.stages import fan_out
from tests.golden import classes_golden

GOLDEN = classes_golden({"x": np.zeros((2, 1))}, np.array([0, 1]), np.eye(2, dtype=np.float32))


def test_a_conversion_that_fails_is_a_failed_row_for_each_variant(tmp_path: Path) -> None:
    variants = {"float8": Limits(0.9), "float32": Limits(0.9, required=False)}
    spec = replace(load("penguins"), limits={"mobile": variants})
    out_dir = tmp_path / "out"
    config = ConvertConfig(tmp_path, tmp_path)
    fan_out.convert("mobile", tmp_path / "saved", out_dir, spec=spec, config=config)
    assert fan_out.has_refusals(out_dir)
    rows = fan_out.check("mobile", out_dir, GOLDEN, spec=spec)
    assert [(row.variant, row.status, row.required) for row in rows] == [
        ("float8", "failed", True),
        ("float32", "failed", False),
    ]
    for row in rows:
        assert row.reason.startswith("unknown mobile variant 'float8'; there are: float32, ")


def test_what_is_not_the_models_fault_stops_the_run(tmp_path: Path) -> None:
    spec = replace(load("penguins"), limits={"mobile": {"int8": Limits(0.9)}})
    (tmp_path / "examples").mkdir()
    config = ConvertConfig(tmp_path / "examples", tmp_path)
    with pytest.raises(DataError, match="no training example to calibrate with"):
        fan_out.convert("mobile", tmp_path, tmp_path / "out", spec=spec, config=config)


def test_a_damaged_saved_model_is_named_in_the_rows(tmp_path: Path) -> None:
    spec = replace(load("penguins"), limits={"mobile": {"float32": Limits(0.9)}})
    (tmp_path / "saved_model.pb").write_bytes(b"no SavedModel")
    config = ConvertConfig(tmp_path, tmp_path)
    fan_out.convert("mobile", tmp_path, tmp_path / "out", spec=spec, config=config)
    rows = fan_out.check("mobile", tmp_path / "out", GOLDEN, spec=spec)
    assert {row.status for row in rows} == {"failed"}
    for row in rows:
        assert "TensorFlow Lite's converter failed" in row.reason
        assert "saved_model.pb" in row.reason
