"""The table of sizes and speeds, measured for real on a few examples."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.mobile import benchmark
from core.agreement.target import Artifacts
from core.errors import UserError
from mobile.conversion.variants import VARIANTS
from models.contract import contract
from tests.mobile.conftest import Sample


def test_a_row_for_each_variant_and_runtime(
    converted: Artifacts, sample: Sample, tmp_path: Path
) -> None:
    shutil.copytree(converted.folder, tmp_path / "mobile")
    shutil.copytree(sample.saved_model, tmp_path / "serving" / "fashion" / "1")
    (tmp_path / "contract.json").write_text(json.dumps(contract(sample.spec, version=1)))
    golden = sample.golden.head(4).to_json(model="fashion", version=1)
    (tmp_path / "golden.json").write_text(golden)
    header, *rows = "\n".join(benchmark(tmp_path, 2)).splitlines()
    assert header.count("|") == 11
    assert len(rows) == 1 + 2 * (len(VARIANTS) + 1)
    assert all(row.count("|") == 11 for row in rows), rows
    assert sum("open batch" in row for row in rows) == 2


def test_a_folder_that_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="pass the folder of a release"):
        list(benchmark(tmp_path, 1))
