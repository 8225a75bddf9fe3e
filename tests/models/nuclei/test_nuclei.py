"""A segmentation: its data, and its path to the device and the server at a small size."""

import gzip
from pathlib import Path

import numpy as np
import pytest

import mobile.target
import serving.target
from core.agreement.golden import golden_set
from core.agreement.target import ConvertConfig
from core.toolchain import ROOT
from models import examples
from models.nuclei import data, network
from models.spec import SPLITS, load
from pipeline.training.export import export
from pipeline.training.held_out import held_out_score, score_name
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit
from tests.golden import score
from tests.models.pictures import learnt, pixels

CACHE = ROOT / "build" / "datasets" / "nuclei"
SPEC = load("nuclei")
TILES = {"train": 64, "eval": 8, "test": 16}
pytestmark = pytest.mark.usefixtures("quick_servers")


@pytest.fixture(autouse=True, scope="module")
def fetched() -> None:
    data.fetch(CACHE)


def test_no_pixel_is_in_two_splits() -> None:
    rows = sorted(data.ROWS.values())
    assert [first for first, _ in rows] == [0, *(last for _, last in rows[:-1])]
    assert rows[-1][1] == 512
    counts = {split: len(list(data.examples(CACHE, split, None))) for split in SPLITS}
    assert counts == {"train": 493, "eval": 15, "test": 45}


def test_the_masks_are_of_their_tiles() -> None:
    rows = list(data.examples(CACHE, "train", 50))
    pictures = np.stack([pixels(row["image"]) for row in rows])  # type: ignore[arg-type]
    masks = np.stack([row["mask"] for row in rows])  # type: ignore[misc]
    assert set(np.unique(masks)) == {0, 1}
    assert pictures[masks == 1].mean() > 2 * pictures[masks == 0].mean()


def test_pictures_and_masks_are_mirrored_alike() -> None:
    import tensorflow as tf

    masks = tf.random.stateless_uniform((16, 64, 64), (1, 2), 0, 2, tf.int64)
    images = tf.cast(masks[..., None], tf.float32)
    inputs, mirrored = network.augment_both({"image": images}, masks, tf.constant([3, 4]))
    np.testing.assert_array_equal(inputs["image"][..., 0], tf.cast(mirrored, tf.float32))
    changed = (mirrored.numpy() != masks.numpy()).any(axis=(1, 2))
    assert 0 < changed.sum() < len(changed)


def test_a_trained_network_agrees_on_the_device_and_in_the_server(tmp_path: Path) -> None:
    for split in SPLITS:
        examples.write(
            data.examples(CACHE, split, TILES[split]), tmp_path / split / "tiles.tfrecord"
        )
    compressed = tmp_path / "calibration" / "tiles.gz"
    compressed.parent.mkdir()
    compressed.write_bytes(gzip.compress((tmp_path / "train" / "tiles.tfrecord").read_bytes()))
    hyperparameters = {**SPEC.profile("quick").hyperparameters, "epochs": 5}
    trained = fit(
        SPEC,
        hyperparameters,
        train=str(tmp_path / "train" / "*"),
        evaluation=str(tmp_path / "eval" / "*"),
        statistics=learnt(data.examples(CACHE, "train", TILES["train"])),  # type: ignore[arg-type]
        journal=Journal(tmp_path / "logs", 5),
    )
    assert score_name(SPEC) == "mean IoU"
    held_out = held_out_score(trained.model, SPEC, str(tmp_path / "eval" / "*"), trained.figures)
    assert held_out == pytest.approx(trained.figures["val_mean_iou"], abs=1e-4)
    saved_model = tmp_path / "saved_model"
    export(trained.model, SPEC, saved_model)
    golden = golden_set(saved_model, SPEC, str(tmp_path / "test" / "*"))
    assert score(golden) > 0.6
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path / "calibration", tmp_path / "golden")
    for target in (mobile.target, serving.target):
        made = target.convert(saved_model, tmp_path / target.TARGET, spec=SPEC, config=config)
        for check in target.check(made, golden, limits=SPEC.limits[target.TARGET]):
            assert check.status == "passed", check.reason
