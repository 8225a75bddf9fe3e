"""A model of time series: its data, and its path to the device and the server at a small size."""

from pathlib import Path

import numpy as np
import pytest

import mobile.target
import serving.target
from core.agreement.golden import golden_set
from core.agreement.target import ConvertConfig
from core.toolchain import ROOT
from models import examples
from models.motions import data
from models.spec import load
from pipeline.training.export import export
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit
from tests.golden import score

CACHE = ROOT / "build" / "datasets" / "motions"
SPEC = load("motions")
pytestmark = pytest.mark.usefixtures("quick_servers")


@pytest.fixture(autouse=True, scope="module")
def fetched() -> None:
    data.fetch(CACHE)


def test_windows_of_every_activity() -> None:
    counts = {}
    for split in ("train", "eval", "test"):
        rows = list(data.examples(CACHE, split, None))
        labels = [row["label"] for row in rows]
        assert len({labels.count(label) for label in range(4)}) == 1
        counts[split] = len(rows)
    assert counts == {"train": 480, "eval": 120, "test": 600}


def test_no_recording_is_in_two_splits() -> None:
    starts = [
        {tuple(row["motion"][:12]) for row in data.examples(CACHE, split, None)}  # type: ignore[index]
        for split in ("train", "eval", "test")
    ]
    assert not starts[0] & starts[1] and not starts[1] & starts[2] and not starts[0] & starts[2]


def test_a_trained_network_agrees_on_the_device_and_in_the_server(tmp_path: Path) -> None:
    for split in ("train", "eval", "test"):
        name = f"{split}/{split}.{'gz' if split == 'train' else 'tfrecord'}"
        examples.write(data.examples(CACHE, split, 200), tmp_path / name)
    (tmp_path / "plain").mkdir()
    examples.write(data.examples(CACHE, "train", None), tmp_path / "plain" / "train.tfrecord")
    values = np.array([row["motion"] for row in data.examples(CACHE, "train", None)])
    channels = values.reshape(-1, 6)
    hyperparameters = {**SPEC.profile("quick").hyperparameters, "epochs": 6}
    trained = fit(
        SPEC,
        hyperparameters,
        train=str(tmp_path / "plain" / "*"),
        evaluation=str(tmp_path / "eval" / "*"),
        statistics={"mean": channels.mean(axis=0), "variance": channels.var(axis=0)},
        journal=Journal(tmp_path / "logs", 6),
    )
    saved_model = tmp_path / "saved_model"
    export(trained.model, SPEC, saved_model)
    golden = golden_set(saved_model, SPEC, str(tmp_path / "test" / "*"))
    assert score(golden) > 0.8
    golden.save(tmp_path / "golden")
    compressed(tmp_path / "train" / "train.gz")
    config = ConvertConfig(tmp_path / "train", tmp_path / "golden")
    for target in (mobile.target, serving.target):
        made = target.convert(saved_model, tmp_path / target.TARGET, spec=SPEC, config=config)
        for check in target.check(made, golden, limits=SPEC.limits[target.TARGET]):
            assert check.status == "passed", check


def compressed(file: Path) -> None:
    import gzip

    file.write_bytes(gzip.compress(file.read_bytes()))
