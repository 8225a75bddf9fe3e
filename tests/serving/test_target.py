"""The target's two verbs, with the real server: what is right passes, what is wrong does not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from models import spec as specs
from models.spec import Limits, ModelSpec
from serving import target
from serving.server.dataplane import warmup
from tests.golden import classes_golden
from tests.serving import fixture_models

LIMITS = {"float32": Limits(agreement=0.9999, max_diff=1e-5)}


@pytest.fixture(scope="module")
def golden(weights: np.ndarray) -> Golden:
    images = np.random.default_rng(1).integers(0, 256, (300, 4, 4, 1)).astype(np.float32)
    logits = (images.reshape(-1, 16) / 255) @ weights
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    outputs = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return classes_golden({"image": images}, outputs.argmax(axis=1), outputs)


@pytest.fixture
def spec() -> ModelSpec:
    return specs.load("fashion")


@pytest.fixture
def convert(tmp_path: Path, golden: Golden, spec: ModelSpec) -> Callable[[Path], Artifacts]:
    golden.save(tmp_path / "golden")

    def run(saved_model: Path) -> Artifacts:
        config = ConvertConfig(examples=tmp_path, golden=tmp_path / "golden")
        return target.convert(saved_model, tmp_path / "out", spec=spec, config=config)

    return run


def test_convert_adds_warm_up_requests(
    classifier: Path, convert: Callable[[Path], Artifacts]
) -> None:
    artifacts = convert(classifier)
    assert (artifacts.folder / "saved_model.pb").is_file()
    assert (artifacts.folder / warmup.FILE).stat().st_size > 0
    assert artifacts.variants == {"float32": artifacts.folder}


def test_artifacts_of_a_release(tmp_path: Path, spec: ModelSpec) -> None:
    for version in ("9", "10"):
        folder = tmp_path / spec.name / version
        folder.mkdir(parents=True)
        (folder / "saved_model.pb").touch()
    found = target.artifacts(tmp_path, spec=spec)
    assert found.variants == {"float32": tmp_path / spec.name / "10"}


def test_what_is_right_passes(
    classifier: Path, convert: Callable[[Path], Artifacts], golden: Golden
) -> None:
    rows = target.check(convert(classifier), golden, limits=LIMITS)
    assert [row.status for row in rows] == ["passed", "passed"], rows
    assert [row.runtime.split(" ")[0] for row in rows] == ["REST", "gRPC"]
    for row in rows:
        assert row.examples == 300 and row.agreement == 1.0 and row.variant == "float32"
        assert row.max_abs_diff is not None and row.max_abs_diff < 1e-6
        assert row.p50_ms is not None and row.p50_ms > 0 and row.bytes


def test_wrong_weights_are_caught(
    tmp_path: Path, weights: np.ndarray, convert: Callable[[Path], Artifacts], golden: Golden
) -> None:
    wrong = fixture_models.write_classifier(tmp_path / "wrong", weights=weights[::-1])
    rows = target.check(convert(wrong), golden, limits=LIMITS)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert all("difference" in row.reason and row.stops_release for row in rows)


def test_pictures_that_are_read_otherwise_are_caught(
    tmp_path: Path, weights: np.ndarray, convert: Callable[[Path], Artifacts], golden: Golden
) -> None:
    wrong = fixture_models.write_classifier(tmp_path / "w", weights=weights, upside_down=True)
    rows = target.check(convert(wrong), golden, limits=LIMITS)
    assert [row.status for row in rows] == ["failed", "failed"]
    for row in rows:
        assert "serving_bytes: difference relative to the largest output" in row.reason
        assert "serving_examples: difference relative to the largest output" in row.reason
        assert row.max_abs_diff is not None and row.max_abs_diff < 1e-6


def test_a_model_that_does_not_load_is_a_row(
    classifier: Path, convert: Callable[[Path], Artifacts], golden: Golden
) -> None:
    artifacts = convert(classifier)
    (artifacts.folder / "saved_model.pb").write_bytes(b"broken")
    rows = target.check(artifacts, golden, limits=LIMITS)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert all("does not load as a SavedModel" in row.reason for row in rows)


def test_a_model_with_other_inputs_is_a_row(
    half_plus_two: Path, spec: ModelSpec, golden: Golden
) -> None:
    artifacts = Artifacts(spec.name, half_plus_two, {"float32": half_plus_two / "00000123"})
    rows = target.check(artifacts, golden, limits=LIMITS)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert all("takes the inputs ['x'], got ['image']" in row.reason for row in rows)
