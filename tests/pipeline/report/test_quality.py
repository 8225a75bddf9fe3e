import numpy as np

from core.agreement.golden import Golden
from models.spec import load
from pipeline.report.classes import ROC_POINTS, confusion, matrix, roc
from tests.golden import classes_golden


def test_rows_are_true_and_columns_predicted(golden: Golden) -> None:
    predicted = golden.outputs["probabilities"].argmax(axis=1)
    counts = matrix(predicted, golden.truths["probabilities"], 10)
    assert counts.sum() == len(golden)
    # Shirts (6) are taken for T-shirts (0).
    assert counts[6, 0] == 4
    assert counts[0, 6] == 0


def test_many_classes_become_a_list_of_confusions() -> None:
    outputs, names = np.eye(30, dtype=np.float32)[[1, 1, 2]], load("fashion").labels
    pictures = {"image": np.zeros((3, 28, 28, 1))}
    many = classes_golden(pictures, np.array([1, 4, 2]), outputs, named=names)
    shown = confusion(many, many.heads[0])
    assert "30 classes are too many" in shown
    assert ">Coat</th><td>Trouser</td>" in shown


def test_equal_values_fall_below_the_threshold_together() -> None:
    values, truth = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1, 1, 0, 0])
    assert roc(values, truth) == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]


def test_a_long_roc_curve_is_thinned_and_keeps_its_ends() -> None:
    chance = np.random.default_rng(1)
    truth = chance.integers(0, 2, 5000)
    points = roc(chance.random(5000), truth)
    assert len(points) == ROC_POINTS + 1
    assert points[-1] == (1, 1)
