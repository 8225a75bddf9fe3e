from dataclasses import replace

import numpy as np
import pytest

from core.agreement.checks import FAILED, PASSED, Check, compare, failure, for_few
from core.agreement.golden import Golden
from models.spec import Limits, Output
from tests.golden import OUTPUT, classes_golden, compare_values

LIMITS = Limits(agreement=0.99, max_diff=2e-3, accuracy_drop=0.01)
UNBOUNDED = replace(LIMITS, max_diff=None, max_abs_diff=1e9)
ROW = Check("mobile", "float32", "LiteRT", FAILED)


@pytest.fixture
def golden() -> Golden:
    outputs = np.full((200, 4), 0.1, np.float32)
    labels = np.arange(200) % 4
    outputs[np.arange(200), labels] = 0.7
    return classes_golden({"x": np.zeros((200, 2), np.float32)}, labels, outputs)


def test_equal_outputs_pass(golden: Golden) -> None:
    check = compare_values(golden.outputs["probabilities"].copy(), golden, LIMITS, row=ROW)
    assert (check.status, check.agreement, check.max_abs_diff) == (PASSED, 1.0, 0.0)
    assert check.examples == 200
    assert not check.stops_release


def test_a_difference_above_the_limit_is_named(golden: Golden) -> None:
    outputs = golden.outputs["probabilities"].copy()
    outputs[7, 0] += 0.01
    check = compare_values(outputs, golden, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "difference relative to the largest output 0.014 is above 0.002" in check.reason
    assert check.stops_release


def test_disagreement_and_lost_accuracy_are_both_named(golden: Golden) -> None:
    outputs = golden.outputs["probabilities"].copy()
    outputs[:10] = outputs[1:11]
    limits = UNBOUNDED
    check = compare_values(outputs, golden, limits, row=ROW)
    assert "agreement 0.95000 is below 0.99" in check.reason
    assert "0.0500 below the SavedModel's" in check.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_fails_closed(golden: Golden, bad: float) -> None:
    outputs = golden.outputs["probabilities"].copy()
    outputs[3, 1] = bad
    check = compare_values(outputs, golden, UNBOUNDED, row=ROW)
    assert check.status == FAILED
    assert "NaN or infinite" in check.reason


def test_too_few_answers_fail(golden: Golden) -> None:
    check = compare_values(golden.outputs["probabilities"][:-1], golden, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "(199, 4), expected (200, 4)" in check.reason


def test_an_optional_row_does_not_stop_a_release(golden: Golden) -> None:
    check = failure(ROW, "no such file", limits=replace(LIMITS, required=False))
    assert check.status == FAILED
    assert not check.stops_release


def test_json_round_trip(golden: Golden) -> None:
    check = compare_values(golden.outputs["probabilities"], golden, LIMITS, row=ROW)
    assert Check.from_json(check.to_json()) == check


def test_few_examples_may_differ_by_what_the_share_rounds_up_to() -> None:
    quantised = for_few(Limits(agreement=0.97, accuracy_drop=0.005), 16)
    assert quantised.agreement == pytest.approx(15 / 16)
    assert quantised.accuracy_drop == pytest.approx(1 / 16)
    exact = for_few(LIMITS, 16)
    assert exact.agreement == 0.99


def test_chance_is_allowed_for_only_where_few_are_expected_to_differ() -> None:
    limits = Limits(agreement=0.999, accuracy_drop=0.001)
    assert for_few(limits, 1000).agreement == pytest.approx(0.997)
    assert for_few(limits, 10_000).agreement == pytest.approx(0.999)
    bounded = for_few(replace(limits, max_diff=1e-4), 1000)
    assert (bounded.agreement, bounded.accuracy_drop) == (0.999, pytest.approx(0.001))


def test_a_class_that_lost_too_much_is_named_whatever_the_others_gained(golden: Golden) -> None:
    limits = replace(UNBOUNDED, agreement=0.5, accuracy_drop=1.0, class_drop=0.02)
    outputs = golden.outputs["probabilities"].copy()
    of_class_2 = np.flatnonzero(golden.truths["probabilities"] == 2)
    outputs[of_class_2[:5]] = outputs[0]
    check = compare_values(outputs, golden, limits, row=ROW)
    # Five of 50 examples are too few to judge by.
    assert (check.status, check.worst_class_drop) == (PASSED, 0.1)
    outputs[of_class_2[5]] = outputs[0]
    check = compare_values(outputs, golden, limits, row=ROW)
    assert check.status == FAILED
    assert check.reason == (
        "class 2 lost 0.1200 accuracy (6 of 50 examples), at most 0.02 is allowed"
    )


def test_large_outputs_are_held_to_their_own_size(golden: Golden) -> None:
    large = replace(golden, outputs={OUTPUT: golden.outputs["probabilities"] * 5000})
    assert (
        compare_values(large.outputs["probabilities"] + 2.0, large, LIMITS, row=ROW).status
        == PASSED
    )
    small = replace(golden, outputs={OUTPUT: golden.outputs["probabilities"] * 1e-4})
    check = compare_values(small.outputs["probabilities"] + 1e-6, small, LIMITS, row=ROW)
    assert (check.status, check.max_rel_diff) == (FAILED, pytest.approx(1e-6 / 7e-5, rel=1e-3))


def test_a_bound_in_the_outputs_unit_still_holds(golden: Golden) -> None:
    limits = replace(LIMITS, max_diff=None, max_abs_diff=1e-3)
    check = compare_values(golden.outputs["probabilities"] + 0.002, golden, limits, row=ROW)
    assert "difference 0.002 is above 0.001" in check.reason


@pytest.mark.parametrize(
    ("variant", "difference", "status"),
    [
        ("float32", 2e-4, FAILED),
        ("float16", 5e-3, PASSED),
        ("float16", 0.18, FAILED),
        ("int8", 0.05, PASSED),
        ("int8", 0.18, FAILED),
    ],
)
def test_every_variant_has_a_bound(
    golden: Golden, variant: str, difference: float, status: str
) -> None:
    limits = Limits(agreement=0.5, accuracy_drop=1.0)
    row = replace(ROW, variant=variant)
    assert (
        compare_values(golden.outputs["probabilities"] + difference, golden, limits, row=row).status
        == status
    )


def test_a_tie_of_the_saved_model_may_fall_either_way(golden: Golden) -> None:
    outputs = golden.outputs["probabilities"].copy()
    outputs[:40, :2] = 0.5
    tied = replace(golden, outputs={OUTPUT: outputs})
    answers = outputs.copy()
    answers[:40, 1] += 1e-6
    check = compare_values(answers, tied, replace(LIMITS, accuracy_drop=1.0), row=ROW)
    assert (check.status, check.agreement) == (PASSED, 1.0)


def test_examples_that_the_model_does_not_tell_apart_prove_nothing(golden: Golden) -> None:
    flat = replace(golden, outputs={OUTPUT: np.full_like(golden.outputs["probabilities"], 0.25)})
    check = compare_values(flat.outputs["probabilities"], flat, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "cannot show whether a runtime agrees" in check.reason


def test_extreme_inputs_count_for_nothing_but_their_own_verdict(golden: Golden) -> None:
    extremes = classes_golden(
        {"x": np.array([[1e-40, 1e-40], [-100.0, 100.0]], np.float32)},
        np.full(2, -1),
        np.array([[0.5, 0.2, 0.2, 0.1], [400.0, 0.0, 0.0, -400.0]], np.float32),
    )
    both = golden.with_extremes(extremes)
    check = compare_values(both.outputs["probabilities"], both, LIMITS, row=ROW)
    assert (check.status, check.examples, check.accuracy) == (PASSED, 200, 1.0)
    assert check.max_abs_diff == 0.0
    outputs = both.outputs["probabilities"].copy()
    outputs[-1, 0] = np.inf
    check = compare_values(outputs, both, LIMITS, row=ROW)
    assert check.reason == (
        "NaN or infinite at an extreme input (x = -100.0 to 100.0), to which the SavedModel has a "
        "finite answer"
    )
    outputs[-1, 0] = 350.0
    check = compare_values(outputs, both, LIMITS, row=ROW)
    assert "difference 0.12 of the largest output at an extreme input" in check.reason
    int8 = compare_values(
        outputs, both, replace(LIMITS, max_diff=None), row=replace(ROW, variant="int8")
    )
    assert int8.status == PASSED, "the ranges of int8 come from ordinary inputs"


def two_heads() -> Golden:
    random = np.random.default_rng(1)
    outputs = {
        "kind": random.random((50, 3)).astype(np.float32),
        "grams": (random.random((50, 1)) * 4000).astype(np.float32),
    }
    described = (
        Output("kind", "float32", (3,), "", labels=("a", "b", "c")),
        Output("grams", "float32", (1,), "", role="regression", unit="g", label_key="mass"),
    )
    truths = {"kind": outputs["kind"].argmax(axis=1), "grams": outputs["grams"][:, 0] + 1}
    return Golden({"x": np.zeros((50, 1))}, outputs, truths, described)


def test_each_head_is_held_to_the_limits() -> None:
    golden = two_heads()
    right = dict(golden.outputs)
    check = compare(right, golden, LIMITS, row=ROW)
    assert (check.status, check.agreement, check.accuracy) == (PASSED, 1.0, 1.0)
    assert (check.score, check.metric) == (1.0, "accuracy")
    check = compare({**right, "grams": right["grams"] + 500}, golden, LIMITS, row=ROW)
    assert check.status == FAILED
    assert check.agreement == 0.0, "the least of the heads"
    assert "agreement of the output 'grams' 0.00000 is below" in check.reason
    assert "R² of the output 'grams'" in check.reason
    check = compare({"kind": right["kind"]}, golden, LIMITS, row=ROW)
    assert check.reason == "answered without the output 'grams'; it has ['kind']"


def test_a_score_that_is_no_share_is_not_called_accuracy() -> None:
    golden = two_heads()
    one = Golden(
        golden.inputs,
        {"grams": golden.outputs["grams"]},
        {"grams": golden.truths["grams"]},
        golden.described[1:],
    )
    check = compare(one.outputs, one, LIMITS, row=ROW)
    assert (check.status, check.accuracy, check.metric) == (PASSED, None, "R²")
    assert check.score == pytest.approx(1.0, abs=1e-5)
    assert check.worst_class_drop is None


def test_one_answer_to_all_examples_proves_nothing(golden: Golden) -> None:
    same = np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float32), (200, 1))
    constant = replace(golden, outputs={OUTPUT: same})
    check = compare_values(same, constant, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "the same answer to all 200 examples" in check.reason
    one = constant.head(1)
    assert compare_values(same[:1], one, LIMITS, row=ROW).status == PASSED
