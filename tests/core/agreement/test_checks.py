from dataclasses import replace

import numpy as np
import pytest

from core.agreement.checks import FAILED, PASSED, Check, compare, failure, for_few
from core.agreement.golden import Golden
from models.spec import Limits

LIMITS = Limits(agreement=0.99, max_abs_diff=1e-3, accuracy_drop=0.01)
ROW = Check("mobile", "float32", "LiteRT", FAILED)


@pytest.fixture
def golden() -> Golden:
    outputs = np.full((200, 4), 0.1, np.float32)
    labels = np.arange(200) % 4
    outputs[np.arange(200), labels] = 0.7
    return Golden({"x": np.zeros((200, 2), np.float32)}, labels, outputs)


def test_equal_outputs_pass(golden: Golden) -> None:
    check = compare(golden.outputs.copy(), golden, LIMITS, row=ROW)
    assert (check.status, check.agreement, check.max_abs_diff) == (PASSED, 1.0, 0.0)
    assert check.examples == 200
    assert not check.stops_release


def test_a_difference_above_the_limit_is_named(golden: Golden) -> None:
    outputs = golden.outputs.copy()
    outputs[7, 0] += 0.01
    check = compare(outputs, golden, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "difference 0.01 is above 0.001" in check.reason
    assert check.stops_release


def test_disagreement_and_lost_accuracy_are_both_named(golden: Golden) -> None:
    outputs = golden.outputs.copy()
    outputs[:10] = outputs[1:11]
    limits = replace(LIMITS, max_abs_diff=None)
    check = compare(outputs, golden, limits, row=ROW)
    assert "agreement 0.95000 is below 0.99" in check.reason
    assert "0.0500 below the SavedModel's" in check.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_a_number_fails_closed(golden: Golden, bad: float) -> None:
    outputs = golden.outputs.copy()
    outputs[3, 1] = bad
    check = compare(outputs, golden, replace(LIMITS, max_abs_diff=None), row=ROW)
    assert check.status == FAILED
    assert "NaN or infinite" in check.reason


def test_too_few_answers_fail(golden: Golden) -> None:
    check = compare(golden.outputs[:-1], golden, LIMITS, row=ROW)
    assert check.status == FAILED
    assert "(199, 4), expected (200, 4)" in check.reason


def test_an_optional_row_does_not_stop_a_release(golden: Golden) -> None:
    check = failure(ROW, "no such file", limits=replace(LIMITS, required=False))
    assert check.status == FAILED
    assert not check.stops_release


def test_json_round_trip(golden: Golden) -> None:
    check = compare(golden.outputs, golden, LIMITS, row=ROW)
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
    bounded = for_few(replace(limits, max_abs_diff=1e-4), 1000)
    assert (bounded.agreement, bounded.accuracy_drop) == (0.999, pytest.approx(0.001))


def test_a_class_that_lost_too_much_is_named_whatever_the_others_gained(golden: Golden) -> None:
    limits = replace(LIMITS, agreement=0.5, max_abs_diff=None, accuracy_drop=1.0, class_drop=0.02)
    outputs = golden.outputs.copy()
    of_class_2 = np.flatnonzero(golden.labels == 2)
    outputs[of_class_2[:5]] = outputs[0]
    check = compare(outputs, golden, limits, row=ROW)
    # Five of 50 examples are too few to judge by.
    assert (check.status, check.worst_class_drop) == (PASSED, 0.1)
    outputs[of_class_2[5]] = outputs[0]
    check = compare(outputs, golden, limits, row=ROW)
    assert check.status == FAILED
    assert check.reason == (
        "class 2 lost 0.1200 accuracy (6 of 50 examples), at most 0.02 is allowed"
    )
