"""Each role: what the same decision is, and how good a decision is."""

from collections.abc import Mapping

import numpy as np
import pytest

from core.arrays import Array
from models.roles.role import Head
from models.roles.table import ROLES, heads
from models.roles.thresholds import area_under_curve
from models.spec import Output

RANDOM = np.random.default_rng(0)


def head(role: str, shape: tuple[int, ...], **fields: object) -> Head:
    (found,) = heads([Output("y", "float32", shape, "", role=role, **fields)])  # type: ignore[arg-type]
    return found


def same(of: Head, answers: Array, expected: Array) -> list[float]:
    return of.same({"y": answers}, {"y": expected}).tolist()


@pytest.mark.parametrize(
    ("role", "shape"),
    [
        ("classification", (4,)),
        ("binary", (1,)),
        ("binary", ()),
        ("multi_label", (4,)),
        ("regression", (1,)),
        ("regression", (3,)),
        ("segmentation", (5, 6, 3)),
        ("segmentation", (5, 6, 1)),
        ("embedding", (8,)),
        ("tensor", (2, 3)),
    ],
)
def test_an_answer_is_the_same_decision_as_itself_and_its_own_truth(
    role: str, shape: tuple[int, ...]
) -> None:
    of = head(role, shape)
    values = RANDOM.random((20, *shape)).astype(np.float32)
    assert same(of, values, values) == [1.0] * 20
    truth = of.truth({"y": values})
    assert len(truth) == 20
    score = of.score({"y": values}, truth)
    assert score == (1.0 if of.role.score_of else None)
    others = same(of, values, values[::-1])
    assert min(others) < 1.0


def test_a_tie_shows_nothing() -> None:
    even = np.array([[0.5, 0.5, 0.0], [0.2, 0.7, 0.1]], np.float32)
    assert np.isnan(same(head("classification", (3,)), even, even)).tolist() == [True, False]
    half = np.array([[0.5], [0.9]], np.float32)
    assert np.isnan(same(head("binary", (1,)), half, half)).tolist() == [True, False]
    # Pixels and labels that are ties do not count; the others do.
    mask = np.zeros((1, 1, 2, 2), np.float32)
    mask[0, 0, 1] = [0.9, 0.1]
    assert same(head("segmentation", (1, 2, 2)), mask, mask) == [1.0]
    labels = np.array([[0.5, 0.9]], np.float32)
    assert same(head("multi_label", (2,)), labels, labels) == [1.0]


def test_the_side_of_the_threshold_decides() -> None:
    of = head("binary", (1,), threshold=0.3)
    assert same(of, np.array([[0.35], [0.2]]), np.array([[0.9], [0.4]])) == [1.0, 0.0]
    decided, sure = of.summary({"y": np.array([[0.35], [0.2]])})
    assert (decided.tolist(), sure.tolist()) == ([1.0, 0.0], [0.35, 0.8])
    labels = head("multi_label", (4,))
    assert same(labels, np.array([[0.9, 0.9, 0.1, 0.1]]), np.array([[0.8, 0.1, 0.1, 0.2]])) == [
        0.75
    ]


def test_numbers_agree_within_a_share_of_their_spread() -> None:
    of = head("regression", (1,), unit="kg")
    right = np.linspace(4000, 6000, 11)[:, None]
    assert same(of, right + 25, right) == [1.0] * 11
    assert same(of, right + 50, right) == [0.0] * 11
    # Of several numbers, the share counts.
    several = np.repeat(right, 4, axis=1)
    moved = several + np.array([0, 0, 0, 50])
    assert same(head("tensor", (4,)), moved, several) == [0.75] * 11
    truth = np.linspace(4000, 6000, 11)
    assert of.score({"y": np.full((11, 1), 5000.0)}, truth) == 0.0
    assert of.figures({"y": right + 10}, truth) == {"MAE": 10.0, "RMSE": 10.0}
    assert of.score({"y": np.ones((3, 1))}, np.ones(3)) is None, "nothing varies"
    assert of.role.groups(truth).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_the_mean_intersection_over_union_counts_each_class_alike() -> None:
    of = head("segmentation", (1, 4, 2))
    truth = np.array([[[0, 0, 0, 1]]])
    answers = np.eye(2)[[[[0, 0, 1, 1]]]]
    # Class 0: 2 of 3; class 1: 1 of 2.
    assert of.score({"y": answers}, truth) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert of.figures({"y": answers}, truth) == {"pixel accuracy": 0.75}


def test_an_embedding_is_the_same_in_the_same_direction() -> None:
    of = head("embedding", (3,))
    right = np.array([[1.0, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]])
    got = np.array([[5.0, 0, 0], [1, 0.5, 0], [0, 0, 0], [1, 0, 0]])
    assert same(of, got, right) == [1.0, 0.0, 1.0, 0.0]


def test_the_area_under_the_curve_is_that_of_ranks() -> None:
    assert area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])) == 0.75
    assert area_under_curve(np.array([0.5, 0.5]), np.array([0, 1])) == 0.5
    assert area_under_curve(np.array([0.5, 0.6]), np.array([1, 1])) is None


DETECTION = [
    Output("classes", "float32", (3,), "", role="detection", part="classes"),
    Output("found", "float32", (3, 4), "", role="detection", part="boxes"),
    Output("sure", "float32", (3,), "", role="detection", part="scores"),
]


def boxes(*shift: float) -> Mapping[str, Array]:
    corners = np.array([[0, 0, 10, 10], [20, 20, 40, 40], [50, 50, 60, 60]], np.float32)
    return {
        "found": np.stack([corners + each for each in shift]),
        "sure": np.tile(np.array([0.9, 0.8, 0.2], np.float32), (len(shift), 1)),
        "classes": np.tile(np.array([1, 2, 1], np.float32), (len(shift), 1)),
    }


def test_the_outputs_of_a_detection_are_one_head() -> None:
    (of,) = heads(DETECTION)
    assert of.name == "found"
    assert [output.part for output in of.outputs] == ["boxes", "classes", "scores"]
    # The third box is below the threshold; the second answer moved too far for the small box.
    assert of.same(boxes(0, 3), boxes(0, 0)).tolist() == [1.0, 0.5]
    truth = of.truth(boxes(0))
    assert truth.tolist() == [[[0, 0, 10, 10, 1], [20, 20, 40, 40, 2]]]
    assert of.score(boxes(0), truth) == 1.0
    # Class 1 is missed, class 2 is found.
    assert of.score(boxes(3), truth) == 0.5
    other = {**boxes(0), "classes": np.array([[2, 2, 1]], np.float32)}
    assert of.same(other, boxes(0)).tolist() == [0.5]
    nothing = {**boxes(0), "sure": np.zeros((1, 3), np.float32)}
    assert of.same(nothing, nothing).tolist() == [1.0]
    assert of.same(nothing, boxes(0)).tolist() == [0.0]


def test_scores_by_class_name_the_class() -> None:
    outputs = [
        Output("b", "float32", (2, 4), "", role="detection", part="boxes"),
        Output("s", "float32", (2, 3), "", role="detection", part="scores"),
    ]
    (of,) = heads(outputs)
    answers = {
        "b": np.array([[[0, 0, 1, 1], [0, 0, 2, 2]]], np.float32),
        "s": np.array([[[0.1, 0.2, 0.7], [0.6, 0.1, 0.1]]], np.float32),
    }
    assert of.truth(answers)[..., 4].tolist() == [[2, 0]]


def test_an_output_named_like_a_role_is_a_head_of_its_own() -> None:
    outputs = [*DETECTION, Output("detection", "float32", (1,), "", role="regression")]
    assert [found.name for found in heads(outputs)] == ["found", "detection"]
    assert set(ROLES) == {found for found in ROLES if ROLES[found].name == found}
