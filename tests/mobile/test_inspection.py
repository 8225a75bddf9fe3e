"""What ``inspect`` prints of good files and says of bad ones."""

import json
import re
from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from mobile.inspection import describe, inspect, main
from tests.mobile.conftest import Sample
from tests.mobile.roles import Release


def test_a_person_sees_signature_versions_and_labels(converted: Artifacts, sample: Sample) -> None:
    text = describe(converted.variants["int8_uint8"])
    assert sample.spec.title in text
    assert re.search(r"in   image: uint8 \[1, 28, 28, 1\], \(value - 0\) × (1|0\.9\d+)\n", text)
    assert "out  probabilities: uint8 [1, 10], (value - 0) × 0.00390625" in text
    assert re.search(r"needs TensorFlow Lite \d\.\d+, for [A-Z_0-9]+ version \d", text)
    assert "1 × FULLY_CONNECTED version" in text
    assert ", ".join(sample.spec.labels) in text


def test_a_program_gets_json(converted: Artifacts, sample: Sample) -> None:
    values = json.loads(json.dumps(inspect(converted.variants["float32"])))
    assert values["signatures"][0]["inputs"][0]["shape"] == [1, 28, 28, 1]
    assert values["min_runtime"]["release"] == "1.5"
    assert values["labels"] == list(sample.spec.labels)
    assert values["metadata"]["name"] == sample.spec.title


def test_a_bad_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.tflite").write_bytes(b"not a model")
    assert main([str(tmp_path / "bad.tflite")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_output_is_described(all_roles: Release) -> None:
    text = describe(all_roles.file("int8_uint8"))
    assert re.search(r"out  warmth: uint8 \[1, 1\], \(value - \d+\) × [\d.e-]+\n", text)
    assert "       How warm it is. (regression, in °C)\n" in text
    assert "labels of ground  grass, sky\n" in text
    labels = inspect(all_roles.file("float32"))["output_labels"]
    assert labels["certainty"] == ["ball", "kite"] and "warmth" not in labels
