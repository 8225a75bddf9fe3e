"""``fanout new --images``: inferred properties, and the errors for unsuitable folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import DataError, UserError
from models.pictures import PictureFolder, Size, digest_of
from pipeline.new import from_pictures
from pipeline.new.from_pictures import look


def pictures(folder: Path, *, sizes: tuple[int, ...] = (12,), mode: str = "L") -> Path:
    random = np.random.default_rng(1)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            side = sizes[number % len(sizes)]
            shape = (side, side) if mode == "L" else (side, side, 3)
            values = random.integers(0, 255, shape).astype(np.uint8)
            Image.fromarray(values).save(folder / name / f"{number}.png")
    return folder


def test_small_pictures_keep_their_size(tmp_path: Path) -> None:
    facts = look(pictures(tmp_path))
    assert (facts.labels, facts.counts, facts.size) == (("cat", "dog"), (12, 12), Size(12, 12, 1))


def test_mixed_sizes_are_scaled_and_reported(tmp_path: Path) -> None:
    source = pictures(tmp_path / "source", sizes=(20, 30, 700), mode="RGB")
    folder, told = from_pictures.create("mine", source, tmp_path / "models")
    assert "24 pictures of 3 sizes, all scaled to 64 × 64, colour" in told
    assert "SIZE = Size(height=64, width=64, channels=3)" in (folder / "pictures.py").read_text()


def test_broken_files_are_named(tmp_path: Path) -> None:
    source = pictures(tmp_path)
    (source / "cat" / "3.png").write_bytes((source / "cat" / "3.png").read_bytes()[:60])
    (source / "dog" / "x.jpg").write_text("a text")
    with pytest.raises(UserError, match=r"2 files .*cat/3\.png \(.+\); dog/x\.jpg \(.+\); fix or"):
        look(source)


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    pictures(tmp_path)
    with pytest.raises(UserError, match=r"two classes, got 0: none; if .* have masks, add --masks"):
        look(tmp_path / "cat")


def test_rare_classes_are_refused(tmp_path: Path) -> None:
    source = pictures(tmp_path)
    for number in range(5):
        (source / "dog" / f"{number}.png").unlink()
    with pytest.raises(UserError, match=r"at least 10 pictures, got dog \(7\)"):
        look(source)


def test_changed_pictures_are_reported(tmp_path: Path) -> None:
    source = pictures(tmp_path)
    labels = ("cat", "dog")
    kept = PictureFolder(source, digest_of(source, labels), labels)
    splits = {split: len(list(kept.examples(split, None))) for split in ("train", "eval", "test")}
    assert splits == {"train": 18, "eval": 2, "test": 4}
    (source / "cat" / "0.png").unlink()
    with pytest.raises(DataError, match="changed"):
        kept.verify()


def test_decoding_keeps_a_picture_of_the_right_size() -> None:
    import tensorflow as tf

    values = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    files = tf.stack([tf.io.encode_png(values[::-1]), tf.io.encode_png(values)])
    np.testing.assert_array_equal(Size(3, 4, 3).decoded(files)[1].numpy(), values)
