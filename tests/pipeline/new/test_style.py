"""The folders that ``fanout new`` writes are in the style that ``make check`` asks for."""

import subprocess
from pathlib import Path

from core.toolchain import ROOT
from pipeline.new import from_masks, from_pictures, from_table
from tests.models.tables import homes
from tests.pipeline.new.test_masks import discs
from tests.pipeline.new.test_pictures import pictures

LABELS = {
    "price": ["price (€)"],
    "sold": ["sold"],
    "kind": ["kind"],
    "all": ["price (€),sold,kind"],
}


def test_new_folders_need_no_formatting(tmp_path: Path) -> None:
    table = homes(tmp_path / "homes.csv")
    for name, labels in LABELS.items():
        from_table.create(f"a_{name}", table, labels, models=tmp_path / "models")
    from_pictures.create("of_kinds", pictures(tmp_path / "kinds"), tmp_path / "models")
    from_masks.create("of_masks", *discs(tmp_path), tmp_path / "models")
    # The data of this test is in the folder for temporary files.
    here = 'lint.isort.known-first-party=["models"]'
    for command in (
        ["check", "--config", here, "--ignore", "S108"],
        ["format", "--check"],
    ):
        done = subprocess.run(
            [ROOT / ".venv/bin/ruff", *command, "--config", ROOT / "pyproject.toml", "--no-cache"]
            + [tmp_path / "models"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
