from dataclasses import replace
from pathlib import Path

import numpy as np

from core.agreement.checks import FAILED, Check
from core.agreement.evidence import read_evidence, save_evidence
from models.spec import Limits
from tests.golden import classes_golden, compare_values

GOLDEN = classes_golden(
    {"x": np.zeros((3, 1), np.float32)},
    np.array([0, 1, 1]),
    np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32),
)
OUTPUTS = np.array([[0.9, 0.1], [0.3, 0.7], [0.4, 0.6]], np.float32)
ROW = Check("mobile", "int8", "LiteRT", FAILED)


def test_the_evidence_of_a_row_reads_back(tmp_path: Path) -> None:
    crashed = replace(ROW, variant="float16", reason="crashed")
    row = replace(ROW, runtime='a/b (1.0, "c") ü')
    save_evidence(
        tmp_path,
        [crashed, compare_values(OUTPUTS, GOLDEN, Limits(agreement=0.1, rms_diff=9.0), row=row)],
    )
    found = read_evidence(tmp_path, row.key)
    assert found
    np.testing.assert_allclose(found.difference, [0, 0.1, 0.2], atol=1e-6)
    assert found.predicted.tolist() == [0, 1, 1]
    np.testing.assert_allclose(found.confidence, [0.9, 0.7, 0.6], atol=1e-6)
    assert read_evidence(tmp_path, crashed.key) is None
    assert read_evidence(tmp_path, ROW.key) is None


def test_a_broken_file_is_not_evidence(tmp_path: Path) -> None:
    save_evidence(
        tmp_path, [compare_values(OUTPUTS, GOLDEN, Limits(agreement=0.1, rms_diff=9.0), row=ROW)]
    )
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert read_evidence(tmp_path, ROW.key) is None
    file.write_bytes(b"")
    assert read_evidence(tmp_path, ROW.key) is None


def test_evidence_is_not_part_of_the_row() -> None:
    row = compare_values(OUTPUTS, GOLDEN, Limits(agreement=0.1, rms_diff=9.0), row=ROW)
    assert row.evidence
    assert "evidence" not in row.to_json()
    assert Check.from_json(row.to_json()) == row


def test_a_targets_own_figures_are_among_the_fields_of_the_row() -> None:
    row = ROW.with_figures(load_ms=1.5).with_figures(threads=2)
    values = row.to_json()
    assert (values["variant"], values["load_ms"], values["threads"]) == ("int8", 1.5, 2)
    assert Check.from_json(values) == row
