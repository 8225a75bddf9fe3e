"""Calibration examples are balanced, seeded and the training split's own."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError
from models.calibration import balanced, calibration_inputs
from tests.mobile.conftest import Sample, bars


def test_classes_take_turns_until_they_run_out() -> None:
    labels = np.array([0] * 100 + [1] * 3 + [2] * 50)
    chosen = labels[balanced(labels, 23, seed=1)]
    assert np.bincount(chosen).tolist() == [10, 3, 10]


def test_fewer_examples_than_asked_for_are_all_taken() -> None:
    assert balanced(np.array([1, 0, 1]), 300, seed=1).tolist() == [0, 1, 2]


def test_the_same_seed_chooses_the_same_and_another_others() -> None:
    labels = np.arange(1000) % 10
    assert (balanced(labels, 50, seed=3) == balanced(labels, 50, seed=3)).all()
    assert (balanced(labels, 50, seed=3) != balanced(labels, 50, seed=4)).any()


def test_inputs_are_the_training_pictures(sample: Sample) -> None:
    images, labels = bars(600, seed=1)
    inputs = calibration_inputs(sample.spec, sample.config.examples, count=40)
    chosen = balanced(labels, 40, seed=7)
    assert inputs["image"].shape == (40, 28, 28, 1)
    np.testing.assert_array_equal(inputs["image"], images[chosen])


def test_batches_do_not_change_the_choice(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = calibration_inputs(sample.spec, sample.config.examples, count=30)
    monkeypatch.setattr("models.calibration._BATCH", 64)
    pieces = calibration_inputs(sample.spec, sample.config.examples, count=30)
    np.testing.assert_array_equal(whole["image"], pieces["image"])


def test_no_examples_is_an_error(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training example"):
        calibration_inputs(sample.spec, tmp_path)
