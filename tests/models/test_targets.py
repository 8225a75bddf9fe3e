"""Tables with a number, a yes or no, and several columns to predict, up to device and server."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobile.target
import models
import serving.target
from core.agreement.golden import golden_set
from core.agreement.target import ConvertConfig
from models.roles.table import heads
from models.splits import rows_of, tenths
from models.targets import BINARY, CLASSIFICATION, REGRESSION
from pipeline.new.from_table import HALF
from pipeline.training.epoch_lines import held_out
from pipeline.training.export import export
from pipeline.training.held_out import held_out_score, score_name
from pipeline.training.methods import TRAININGS
from tests.models import tables

pytestmark = pytest.mark.usefixtures("quick_servers")


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "__path__", list(models.__path__))


QUICK = {"epochs": 15, "batch_size": 32, "learning_rate": 0.01, "dropout": 0.0}


def test_several_outputs_agree_on_the_device_and_in_the_server(tmp_path: Path) -> None:
    labels = ["price (€)", "sold", "kind"]
    spec = tables.written("several", tables.homes(tmp_path / "t.csv"), labels, tmp_path / "m")
    assert [output.role for output in spec.outputs] == [REGRESSION, BINARY, CLASSIFICATION]
    splits = tables.write_splits(spec, tmp_path)
    results = [
        tables.trained(spec, splits, tmp_path / way, **QUICK, training=way) for way in TRAININGS
    ]
    for result in results:
        assert set(held_out(result.figures)) == {"price R²", "sold accuracy", "kind accuracy"}
        assert held_out_score(result.model, spec, splits["eval"], result.figures) > 0.85
    assert sorted(results[0].figures) == sorted(results[1].figures)
    assert score_name(spec) == "mean score"
    export(results[1].model, spec, tmp_path / "saved_model")
    golden = golden_set(tmp_path / "saved_model", spec, splits["test"])
    assert set(golden.truths) == {"price", "sold", "kind"}
    prices = golden.outputs["price"]
    assert prices.shape == (len(golden), 1)
    assert 200 < prices.mean() < 600, "in the label's unit"
    for head in heads(spec.outputs):
        score = head.score(golden.outputs, golden.truths[head.name])
        assert score is not None and score > 0.8, head.name
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path / "train", tmp_path / "golden")
    for target in (mobile.target, serving.target):
        folder = tmp_path / target.TARGET
        made = target.convert(tmp_path / "saved_model", folder, spec=spec, config=config)
        for check in target.check(made, golden, limits=spec.limits[target.TARGET]):
            assert check.status == "passed", check.reason


def test_yes_or_no_is_one_probability(tmp_path: Path) -> None:
    spec = tables.written("yes_or_no", tables.homes(tmp_path / "t.csv"), ["sold"], tmp_path / "m")
    [output] = spec.outputs
    assert (output.role, output.shape, output.labels) == (BINARY, (1,), ("no", "yes"))
    assert (score_name(spec), spec.slice_keys) == ("accuracy", ("label",))
    splits = tables.write_splits(spec, tmp_path)
    result = tables.trained(spec, splits, tmp_path / "logs", **QUICK, training="gradient_tape")
    score = held_out_score(result.model, spec, splits["eval"], result.figures)
    assert score == pytest.approx(result.figures["val_accuracy"], abs=1e-5)
    assert score > 0.9


@pytest.mark.parametrize(
    ("scale", "offset", "way"), [(1e-7, 0.0, "fit"), (1e3, 1e6, "gradient_tape")]
)
def test_training_does_not_depend_on_the_unit(
    scale: float, offset: float, way: str, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    values = np.random.default_rng(1).uniform(-1, 1, (200, 2)).tolist()
    rows = (f"{x:.4f},{y:.4f},{(x + y) * scale + offset}" for x, y in values)
    file.write_text("x,y,sum\n" + "\n".join(rows) + "\n")
    spec = tables.written(f"scaled_by_{way}", file, ["sum"], tmp_path / "m")
    assert (score_name(spec), spec.slice_keys) == ("R²", ())
    splits = tables.write_splits(spec, tmp_path)
    result = tables.trained(spec, splits, tmp_path / "logs", **QUICK, training=way)
    score = held_out_score(result.model, spec, splits["eval"], result.figures)
    assert held_out(result.figures)["R²"][1] == pytest.approx(score, abs=1e-3)
    assert score > 0.9


def test_float16_is_not_offered_for_numbers_that_it_cannot_hold(tmp_path: Path) -> None:
    for most in (30_000, 40_000):
        file = tmp_path / f"{most}.csv"
        file.write_text("x,y\n" + "".join(f"{n},{n * most / 99}\n" for n in range(100)))
        spec = tables.written(f"up_to_{most}", file, [], tmp_path / "m")
        assert ("float16" in spec.limits["mobile"]) == (most < HALF), most


def test_numbers_are_split_as_classes_are() -> None:
    numbers = np.random.default_rng(2).normal(size=333).tolist()
    rows: dict[str, Any] = {
        split: [
            numbers[row] for row in rows_of(split, tenths(numbers), test=0.2, watch=0.1, seed=7)
        ]
        for split in ("train", "eval", "test")
    }
    assert sum(map(len, rows.values())) == 333
    for part in rows.values():
        assert np.quantile(part, 0.25) == pytest.approx(np.quantile(numbers, 0.25), abs=0.25)
    assert {tenths([4.0] * 60)[0]} == set(tenths([4.0] * 60))
    assert tenths([]) == []
    assert len(rows_of("eval", tenths(numbers[:50]), test=0.2, watch=0.1, seed=7)) == 5
