import numpy as np
import pytest

from models.roles.segmentation import Segmentation, added, mean_overlap, overlaps, pixel_figures
from models.spec import Output

OUTPUTS = (Output("map", "float32", (2, 2, 3), "", role="segmentation"),)
ROLE = Segmentation()


def answers(*masks: list[list[int]]) -> dict[str, np.ndarray]:
    return {"map": np.eye(3, dtype=np.float32)[np.array(masks)]}


def test_counts_of_parts_add_up_to_the_scores_of_all() -> None:
    first, second = [[0, 0], [1, 1]], [[2, 2], [0, 1]]
    truth = np.array([[[0, 1], [1, 1]], [[2, 0], [0, 5]]])
    parts = [
        ROLE.counts(OUTPUTS, answers(mask), truth[[row]])
        for row, mask in enumerate((first, second))
    ]
    # The first part knows no class above 1, the second no class above the true 5.
    assert [len(part) for part in parts] == [2, 6]
    whole = answers(first, second)
    total = added(*parts)
    assert total.tolist() == ROLE.counts(OUTPUTS, whole, truth).tolist()
    assert overlaps(total) == [(0, 2 / 4), (1, 2 / 4), (2, 1 / 2), (5, 0.0)]
    assert ROLE.score(OUTPUTS, whole, truth) == mean_overlap(total) == pytest.approx(1.5 / 4)
    assert ROLE.figures(OUTPUTS, whole, truth) == pixel_figures(total)
    assert pixel_figures(total) == {"pixel accuracy": 5 / 8}


def test_no_pixels_have_no_score() -> None:
    nothing = np.zeros((0, 0), np.int64)
    assert mean_overlap(nothing) is None
    assert pixel_figures(nothing) == {}
