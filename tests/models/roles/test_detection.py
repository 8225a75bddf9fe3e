"""Boxes as networks give them: with corners in any order, and with hardly any area."""

import numpy as np
import pytest

from core.arrays import Array
from models.roles.detection import Detection, overlap
from models.spec import Output

OUTPUTS = (
    Output("boxes", "float32", (1, 4), "", role="detection", part="boxes"),
    Output("scores", "float32", (1,), "", role="detection", part="scores"),
)


def same(box: list[float], other: list[float]) -> float:
    def answers(corners: list[float]) -> dict[str, Array]:
        return {"boxes": np.array([[corners]]), "scores": np.array([[0.9]])}

    return float(Detection().same(OUTPUTS, answers(box), answers(other))[0])


def test_corners_in_another_order_are_the_same_box() -> None:
    box, swapped = np.array([[0.1, 0.2, 0.5, 0.8]]), np.array([[0.5, 0.2, 0.1, 0.8]])
    assert overlap(box, swapped) == pytest.approx(1)
    assert overlap(swapped, box + 0.1) == pytest.approx(overlap(box, box + 0.1))


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        ([0.5, 0.2, 0.1, 0.8], [0.5, 0.2000001, 0.1, 0.8], 1),  # corners in the other order
        ([0.1, 0.2, 0.1, 0.8], [0.1, 0.2, 0.1000001, 0.8], 1),  # no height
        ([0.1, 0.2, 0.1, 0.8], [0.3, 0.2, 0.3, 0.8], 0),
        ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], 1),
    ],
)
def test_rounding_makes_no_other_box(box: list[float], other: list[float], expected: float) -> None:
    assert same(box, other) == expected
