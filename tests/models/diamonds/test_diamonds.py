"""A table with a number to predict: its data, and its path to the device and the server."""

from pathlib import Path

import numpy as np
import pytest

import mobile.target
import serving.target
from benchmarks.learnt import learnt
from core.agreement.golden import golden_set
from core.agreement.target import ConvertConfig
from core.errors import DataError
from core.toolchain import ROOT
from models import examples
from models.diamonds import data
from models.diamonds.columns import COLUMNS
from models.spec import SPLITS, load
from pipeline.training.export import export
from pipeline.training.held_out import score_name
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit
from tests.golden import score

CACHE = ROOT / "build" / "datasets" / "diamonds"
SPEC = load("diamonds")
STONES = {"train": 2000, "eval": 200, "test": 200}
pytestmark = pytest.mark.usefixtures("quick_servers")


@pytest.fixture(autouse=True, scope="module")
def fetched() -> None:
    data.fetch(CACHE)


def test_every_stone_is_in_one_split() -> None:
    splits = {split: list(data.examples(CACHE, split, None)) for split in SPLITS}
    counts = {split: len(rows) for split, rows in splits.items()}
    assert counts == {"train": 37_656, "eval": 5_380, "test": 10_758}
    stones = {tuple(row.items()) for rows in splits.values() for row in rows}
    assert len(stones) == pytest.approx(sum(counts.values()), abs=5)  # rows with a missing value
    prices = {split: [row["price"] for row in rows] for split, rows in splits.items()}
    means = [float(np.mean(each)) for each in prices.values()]  # type: ignore[arg-type]
    assert max(means) / min(means) < 1.02


def test_mistakes_in_measurements_are_missing() -> None:
    rows = [row for split in SPLITS for row in data.examples(CACHE, split, None)]
    missing = {name: sum(row[name] is None for row in rows) for name in data.MEASURED}
    assert missing == {"x": 7, "y": 8, "z": 20}


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / data.TABLE).write_bytes((CACHE / data.TABLE).read_bytes() + b"\n")
    with pytest.raises(DataError, match="is not the one in plotnine"):
        data.fetch(tmp_path)


def test_a_trained_network_agrees_on_the_device_and_in_the_server(tmp_path: Path) -> None:
    for split in SPLITS:
        rows = data.examples(CACHE, split, STONES[split])
        examples.write(rows, tmp_path / split / "stones.tfrecord")
    trained = fit(
        SPEC,
        {**SPEC.profile("quick").hyperparameters, "epochs": 8},
        train=str(tmp_path / "train" / "*"),
        evaluation=str(tmp_path / "eval" / "*"),
        statistics=learnt(COLUMNS, list(data.examples(CACHE, "train", STONES["train"]))),
        journal=Journal(tmp_path / "logs", 8),
    )
    assert score_name(SPEC) == "R²"
    saved_model = tmp_path / "saved_model"
    export(trained.model, SPEC, saved_model)
    golden = golden_set(saved_model, SPEC, str(tmp_path / "test" / "*"))
    assert score(golden) > 0.85
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path / "train", tmp_path / "golden")
    for target in (mobile.target, serving.target):
        made = target.convert(saved_model, tmp_path / target.TARGET, spec=SPEC, config=config)
        for check in target.check(made, golden, limits=SPEC.limits[target.TARGET]):
            assert check.status == "passed", check.reason
