"""``fanout new --images --masks``: inferred properties, errors, and a network that learns."""

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import models
from core.errors import DataError, UserError
from models import examples, places
from models.masks import scaled
from models.pictures import Size
from models.spec import SPLITS, ModelSpec
from pipeline.commands import cli
from pipeline.new import from_masks
from pipeline.new.from_masks import look
from pipeline.training.held_out import held_out_score
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit
from tests.models.pictures import learnt

COUNT = 24


def discs(folder: Path, *, side: int = 16, white: int = 255, mode: str = "L") -> tuple[Path, Path]:
    """Writes bright discs on dark ground, and their masks; returns both folders."""
    source, masks = folder / "pictures", folder / "masks"
    source.mkdir(), masks.mkdir()
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[:side, :side]
    for number in range(COUNT):
        row, column = random.uniform(side * 0.3, side * 0.7, 2)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < (side * 0.25) ** 2
        picture = np.where(disc, 170, 60) + random.normal(0, 20, disc.shape)
        values = np.clip(picture, 0, 255).astype(np.uint8)
        Image.fromarray(values if mode == "L" else np.stack([values] * 3, -1)).save(
            source / f"{number}.png"
        )
        mask = Image.fromarray((disc * white).astype(np.uint8))
        if white < 255:
            mask = mask.convert("P")
        mask.save(masks / f"{number}.png")
    return source, masks


def test_masks_of_yes_and_no(tmp_path: Path) -> None:
    facts = look(*discs(tmp_path))
    assert (facts.values, facts.labels) == ((0, 255), ("background", "foreground"))
    assert (facts.size, facts.kept, facts.pictures) == (Size(16, 16, 1), True, COUNT)
    assert facts.shares[1] == pytest.approx(0.2, abs=0.05)


def test_palettes_and_other_values(tmp_path: Path) -> None:
    source, masks = discs(tmp_path, white=7, mode="RGB")
    facts = look(source, masks)
    assert (facts.values, facts.labels) == ((0, 7), ("class 0", "class 7"))
    assert facts.size.channels == 3


@pytest.mark.parametrize(("side", "size", "told"), [
    (18, 16, "all scaled to 16 × 16"), (200, 64, "all scaled to 64 × 64"), (20, 20, "used as 20")
])  # fmt: skip
def test_sizes_that_the_network_can_halve_twice(
    side: int, size: int, told: str, tmp_path: Path
) -> None:
    folder, summary = from_masks.create("mine", *discs(tmp_path, side=side), tmp_path / "models")
    assert f"{COUNT} pictures with masks {told}" in summary
    assert f"Size(height={size}, width={size}, channels=1)" in (folder / "pictures.py").read_text()


def test_a_scaled_mask_has_the_nearest_values(tmp_path: Path) -> None:
    file = tmp_path / "mask.png"
    Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8)[None], 6, 0)).save(file)
    assert scaled(file, Size(3, 8, 1)).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3]] * 3
    assert scaled(file, Size(2, 2, 1)).tolist() == [[1, 3]] * 2


def other_size(source: Path, masks: Path) -> None:
    with Image.open(masks / "3.png") as mask:
        mask.resize((8, 16)).save(masks / "3.png")


def no_mask(source: Path, masks: Path) -> None:
    (masks / "3.png").rename(masks / "3.jpg")


def colours(source: Path, masks: Path) -> None:
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(masks / "3.png")


def one_value(source: Path, masks: Path) -> None:
    for file in masks.iterdir():
        Image.fromarray(np.zeros((16, 16), np.uint8)).save(file)


def a_picture_as_mask(source: Path, masks: Path) -> None:
    for file in source.iterdir():
        (masks / file.name).write_bytes(file.read_bytes())


def a_rare_value(source: Path, masks: Path) -> None:
    with Image.open(masks / "3.png") as mask:
        mask.point(lambda value: 128 if value else 0).save(masks / "3.png")


def broken(source: Path, masks: Path) -> None:
    (masks / "3.png").write_bytes(b"not a picture")


def a_shared_name(source: Path, masks: Path) -> None:
    (source / "3.png").rename(source / "4.jpg")


def classes(source: Path, masks: Path) -> None:
    (source / "cat").mkdir()
    for file in source.glob("*.png"):
        file.rename(source / "cat" / file.name)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (other_size, r"1 masks in .* size of their pictures: 3\.png is 16 × 16, its mask 16 × 8;"),
        (no_mask, r"1 pictures in .* have no mask: 3\.png; a mask has the picture's name and"),
        (colours, r"cannot be used: 3\.png has 3 channels, not one: a grey value or an index"),
        (one_value, r"from 2 to 32 different values, one for each class, got 1: 0$"),
        (a_picture_as_mask, r"from 2 to 32 different values, .*, got \d+: [\d, ]+ …$"),
        (a_rare_value, r"at least 5 masks of .*, but 1 of 3 occur in fewer: 128 \(1\); replace"),
        (broken, r"cannot be used: 3\.png is not a picture; fix or delete them"),
        (a_shared_name, r"2 pictures in .* share a name, .*: 4\.jpg; 4\.png; rename them"),
        (classes, r"from 20 to 20,000 pictures .*, got 0; with --masks, they are in the folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    harm: Callable[[Path, Path], None], message: str, tmp_path: Path
) -> None:
    source, masks = discs(tmp_path)
    harm(source, masks)
    with pytest.raises(UserError, match=message) as error:
        from_masks.create("mine", source, masks, tmp_path / "models")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "models").exists()


def test_folders_that_are_not_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, _ = discs(tmp_path)
    words = ["new", "mine", "--masks", str(source)]
    assert cli.main([*words, "--images", str(source)]) == 2
    assert cli.main([*words, "--csv", str(tmp_path / "a.csv")]) == 2
    assert cli.main([*words, "--images", str(tmp_path / "none")]) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert "must be two folders" in first
    assert "it needs --images" in second
    assert "none is not a folder" in third


def test_a_new_network_learns_its_masks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "__path__", list(models.__path__))
    place = tmp_path / "models"
    place.mkdir()
    places.use(place)
    source, masks = discs(tmp_path)
    from_masks.create("of_discs", source, masks, place)
    spec: ModelSpec = importlib.import_module("models.of_discs.spec").SPEC
    data = spec.module("data")
    for split in SPLITS:
        examples.write(data.examples(tmp_path, split, None), tmp_path / split / "x.tfrecord")
    result = fit(
        spec,
        {**spec.profile("quick").hyperparameters, "epochs": 12, "batch_size": 8},
        train=str(tmp_path / "train" / "*"),
        evaluation=str(tmp_path / "eval" / "*"),
        statistics=learnt(data.examples(tmp_path, "train", None)),
        journal=Journal(tmp_path / "logs", 12),
    )
    score = held_out_score(result.model, spec, str(tmp_path / "train" / "*"), result.figures)
    assert score > 0.85 > 2 * spec.profile("quick").min_accuracy
    (masks / "0.png").write_bytes((masks / "1.png").read_bytes())
    with pytest.raises(DataError, match="or their masks changed"):
        data.fetch(tmp_path)
