from pathlib import Path

import pytest

from core.errors import DataError
from core.toolchain import ROOT
from models.penguins import data
from models.penguins.columns import LABELS

CACHE = ROOT / "build" / "datasets" / "penguins"


@pytest.fixture(autouse=True, scope="module")
def fetched() -> None:
    data.fetch(CACHE)


def test_every_penguin_is_in_one_split() -> None:
    splits = {split: list(data.examples(CACHE, split, None)) for split in ("train", "eval", "test")}
    assert {split: len(rows) for split, rows in splits.items()} == {
        "train": 172,
        "eval": 57,
        "test": 115,
    }
    species = [row["label"] for rows in splits.values() for row in rows]
    assert [species.count(label) for label in range(len(LABELS))] == [152, 68, 124]
    assert sum(None in row.values() for rows in splits.values() for row in rows) == 11


def test_a_limit_takes_the_first() -> None:
    rows = list(data.examples(CACHE, "eval", None))
    assert list(data.examples(CACHE, "eval", 5)) == rows[:5]


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / data.TABLE).write_bytes((CACHE / data.TABLE).read_bytes() + b"\n")
    with pytest.raises(DataError, match="is not the one in palmerpenguins"):
        data.fetch(tmp_path)
