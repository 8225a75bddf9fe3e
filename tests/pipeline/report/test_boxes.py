import numpy as np
import pytest

from models.spec import Output
from pipeline.report.boxes import in_shares


@pytest.mark.parametrize(
    ("box_format", "corners"),
    [
        ("rel_yxyx", [0.1, 0.2, 0.5, 0.4]),
        ("rel_xyxy", [0.2, 0.1, 0.4, 0.5]),
        ("yxyx", [10, 40, 50, 80]),
        ("xyxy", [40, 10, 80, 50]),
        ("xyxy", [80, 50, 40, 10]),  # the other corner first
    ],
)
def test_boxes_are_placed_by_their_format(box_format: str, corners: list[float]) -> None:
    output = Output("boxes", "float32", (1, 4), "", part="boxes", box_format=box_format)
    placed = in_shares(output, (100, 200), np.array([corners]))
    assert placed.tolist() == [pytest.approx([0.2, 0.1, 0.4, 0.5])]


def test_a_box_ends_where_the_picture_does() -> None:
    output = Output("boxes", "float32", (1, 4), "", part="boxes")
    placed = in_shares(output, (100, 200), np.array([[-0.5, 0.25, 1.5, 0.75]]))
    assert placed.tolist() == [[0.25, 0, 0.75, 1]]
