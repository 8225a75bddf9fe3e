from dataclasses import replace

import numpy as np

from core.agreement.golden import Golden
from pipeline.report import Facts
from pipeline.report.quality import confusion, matrix
from tests.golden import classes_golden


def test_rows_are_true_and_columns_predicted(golden: Golden) -> None:
    predicted = golden.outputs["probabilities"].argmax(axis=1)
    counts = matrix(predicted, golden.truths["probabilities"], 10)
    assert counts.sum() == len(golden)
    # Shirts (6) are taken for T-shirts (0).
    assert counts[6, 0] == 4
    assert counts[0, 6] == 0


def test_many_classes_become_a_list_of_confusions(full: Facts) -> None:
    outputs = np.eye(30, dtype=np.float32)[[1, 1, 2]]
    many = classes_golden({"image": np.zeros((3, 28, 28, 1))}, np.array([1, 4, 2]), outputs)
    shown = confusion(replace(full, golden=many))
    assert "30 classes are too many" in shown
    assert ">Coat</th><td>Trouser</td>" in shown
