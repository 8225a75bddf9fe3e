from pathlib import Path

import numpy as np
import pytest

from core.toolchain import ROOT
from models import examples
from models.fashion import data
from models.spec import load

CACHE = ROOT / "build" / "datasets" / "fashion"


def test_written_examples_read_back_as_raw_inputs(tmp_path: Path) -> None:
    data.fetch(CACHE)
    file = tmp_path / "test.tfrecord"
    assert examples.write(data.examples(CACHE, "test", 7), file) == 7
    assert examples.count(str(file)) == 7
    batches = list(examples.read(load("fashion"), str(file), batch_size=4).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [4, 3]
    images = np.concatenate([inputs["image"] for inputs, _ in batches])
    expected = data._images(CACHE / "t10k-images-idx3-ubyte.gz")[:7]
    np.testing.assert_array_equal(images[..., 0], expected)


def test_equal_examples_make_equal_files(tmp_path: Path) -> None:
    data.fetch(CACHE)
    for name in "abcd":
        examples.write(data.examples(CACHE, "eval", 50), tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in "abcd"}) == 1


def test_a_missing_value_is_left_out(tmp_path: Path) -> None:
    example = examples._example({"a": None, "b": 1, "c": 0.5, "d": "text"})
    assert sorted(example.features.feature) == ["b", "c", "d"]
    assert example.features.feature["d"].bytes_list.value[:] == [b"text"]


def test_no_file_is_an_error_not_an_empty_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no TFRecord files match"):
        examples.read(load("fashion"), str(tmp_path / "*"))


def test_arrays_are_stored_as_their_type_says() -> None:
    example = examples._example(
        {
            "ids": np.array([[1, 2], [3, 1 << 40]], np.int64),
            "flags": np.array([True, False]),
            "numbers": np.array([0.5, 2], np.float32),
            "texts": np.array(["a", "bé"]),
            "whole": [1, 2],
        }
    )
    feature = example.features.feature
    assert feature["ids"].int64_list.value[:] == [1, 2, 3, 1 << 40]
    assert feature["flags"].int64_list.value[:] == [1, 0]
    assert feature["numbers"].float_list.value[:] == [0.5, 2]
    assert feature["texts"].bytes_list.value[:] == [b"a", "bé".encode()]
    # A list has floats, as before arrays were taken.
    assert feature["whole"].float_list.value[:] == [1, 2]
