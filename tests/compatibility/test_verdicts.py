"""Verdicts on answers: what agrees, and what does not although no number is far off."""

import numpy as np

from tests.compatibility.verdicts import (
    AGREES,
    CLOSE,
    DIFFERS,
    EIGHT_BITS,
    Limit,
    compared,
)

EXPECTED = {"output": np.linspace(-4.0, 4.0, 32, dtype=np.float32).reshape(8, 4)}


def verdict(change: float, limit: Limit = CLOSE, *, classes: bool = False) -> str:
    values = {"output": EXPECTED["output"] + np.float32(change)}
    return compared(values, EXPECTED, limit, classes=classes).verdict


def test_differences_are_relative_to_the_largest_output() -> None:
    assert verdict(3e-5) == AGREES
    assert verdict(6e-5) == DIFFERS


def test_in_eight_bits_one_output_may_be_farther_off_than_all() -> None:
    values = EXPECTED["output"].copy()
    values[0, 0] += 0.35
    assert compared({"output": values}, EXPECTED, EIGHT_BITS, classes=False).verdict == AGREES
    assert verdict(0.35, EIGHT_BITS) == DIFFERS
    assert verdict(0.35, EIGHT_BITS, classes=True) == AGREES


def test_the_same_classes_are_not_enough_where_there_are_none() -> None:
    reversed_values = {"output": EXPECTED["output"][:, ::-1]}
    assert compared(reversed_values, EXPECTED, EIGHT_BITS, classes=True).verdict == DIFFERS


def test_names_and_shapes_count() -> None:
    other = {"other": EXPECTED["output"]}
    assert compared(other, EXPECTED, CLOSE, classes=False).verdict == DIFFERS
    flat = {"output": EXPECTED["output"].ravel()}
    assert compared(flat, EXPECTED, CLOSE, classes=False).verdict == DIFFERS


def test_nan_and_infinity_must_be_in_the_same_places() -> None:
    special = EXPECTED["output"].copy()
    special[0, :2] = np.nan, np.inf
    assert compared({"output": special}, EXPECTED, CLOSE, classes=False).verdict == DIFFERS
    same = {"output": special}
    assert compared(same, same, CLOSE, classes=False).verdict == AGREES
    negative = {"output": np.where(np.isinf(special), -np.inf, special)}
    assert compared(negative, same, CLOSE, classes=False).verdict == DIFFERS


def test_texts_are_equal_or_not() -> None:
    words = {"output": np.array([["a", "b"]])}
    assert compared(words, words, CLOSE, classes=False).verdict == AGREES
    assert (
        compared({"output": np.array([["a", "c"]])}, words, CLOSE, classes=False).verdict == DIFFERS
    )
