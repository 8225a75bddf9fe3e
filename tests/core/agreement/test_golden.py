import json
from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden
from models.spec import Output
from tests.golden import classes_golden


@pytest.fixture
def golden() -> Golden:
    random = np.random.default_rng(0)
    return classes_golden(
        {"image": random.random((30, 2, 2), np.float32), "n": np.arange(30)},
        np.repeat(np.arange(3), 10),
        random.random((30, 3), np.float32),
    )


def test_a_loaded_set_equals_the_saved_one(golden: Golden, tmp_path: Path) -> None:
    golden.save(tmp_path)
    loaded = Golden.load(tmp_path)
    assert set(loaded.inputs) == {"image", "n"}
    np.testing.assert_array_equal(loaded.inputs["image"], golden.inputs["image"])
    np.testing.assert_array_equal(loaded.outputs["probabilities"], golden.outputs["probabilities"])


def test_spread_takes_the_classes_in_turn(golden: Golden) -> None:
    assert golden.spread(7).truths["probabilities"].tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert len(golden.spread(1000)) == 30


def test_json_reads_back_to_the_same_float32(golden: Golden) -> None:
    document = json.loads(golden.head(4).to_json(model="m", version=3))
    assert document["version"] == 3
    read = np.array([e["outputs"]["probabilities"] for e in document["examples"]], np.float32)
    np.testing.assert_array_equal(read, golden.outputs["probabilities"][:4])


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one example"):
        classes_golden({"x": np.zeros((0, 1))}, np.zeros(0), np.zeros((0, 2)))


def test_a_missing_file_is_an_error(golden: Golden, tmp_path: Path) -> None:
    golden.save(tmp_path)
    (tmp_path / "output.probabilities.npy").unlink()
    with pytest.raises(FileNotFoundError):
        Golden.load(tmp_path)


def test_extreme_inputs_stay_behind_the_examples(golden: Golden) -> None:
    both = golden.with_extremes(golden.head(2))
    assert (len(both), both.extremes, len(both.examples)) == (32, 2, 30)
    few = both.head(5)
    assert (len(few), few.extremes) == (7, 2)
    np.testing.assert_array_equal(few.inputs["n"], [0, 1, 2, 3, 4, 0, 1])
    assert golden.with_extremes(None) is golden


def test_all_outputs_and_true_answers_are_saved_and_released(tmp_path: Path) -> None:
    described = (
        Output("kind", "float32", (2,), "", labels=("a", "b")),
        Output("mask", "int32", (2, 2), "", role="tensor", label_key=""),
    )
    golden = Golden(
        {"x": np.arange(3, dtype=np.float32)},
        {"kind": np.eye(2, dtype=np.float32)[[0, 1, 0]], "mask": np.ones((3, 2, 2), np.int32)},
        {"kind": np.array([0, 1, 1])},
        described,
    )
    golden.save(tmp_path / "golden")
    loaded = Golden.load(tmp_path / "golden")
    assert loaded.described == described
    for name, values in golden.outputs.items():
        np.testing.assert_array_equal(loaded.outputs[name], values)
    assert loaded.truths["kind"].tolist() == [0, 1, 1]
    example = json.loads(golden.to_json(model="m", version=1))["examples"][1]
    assert example["outputs"] == {"kind": [0.0, 1.0], "mask": [[1, 1], [1, 1]]}
    assert (example["label"], example["labels"]) == (1, {"kind": 1})


def test_a_release_carries_fewer_examples_of_large_inputs(golden: Golden) -> None:
    assert len(golden.samples(16)) == 16
    large = classes_golden(
        {"image": np.zeros((12, 224, 224, 3), np.float32)}, np.arange(12) % 3, np.eye(12)[:, :3]
    )
    assert large.values == 224 * 224 * 3 + 3
    assert large.samples(16).truths["probabilities"].tolist() == [0, 1, 2]
