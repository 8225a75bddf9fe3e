"""Yes or no, by a threshold: one such answer (binary), or several at once (multi-label)."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import TIE, Role, Score, size_of
from models.spec import Output


class Binary(Role):
    """One probability, of the shape (n,) or (n, 1). The same decision is the same side."""

    name: ClassVar[str] = "binary"
    score_of: ClassVar[Score | None] = Score("accuracy", share=True)

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        return same_side(outputs[0], answers, expected)

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        return np.asarray(_rows(outputs[0], answers)[:, 0] > outputs[0].threshold, np.int64)

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        return float(np.mean(self.truth(outputs, answers) == truth)) if len(truth) else None

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        area = area_under_curve(_rows(outputs[0], answers)[:, 0], truth)
        return {} if area is None else {"AUC": area}

    def summary(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        side = self.truth(outputs, answers)
        chance = _rows(outputs[0], answers)[:, 0].astype(np.float64)
        return side.astype(np.float64), np.where(side == 1, chance, 1 - chance)

    def groups(self, truth: Array) -> Array:
        return truth


class MultiLabel(Role):
    """Several probabilities, (n, labels), each with a threshold of its own meaning."""

    name: ClassVar[str] = "multi_label"
    score_of: ClassVar[Score | None] = Score("accuracy", share=True)

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        return same_side(outputs[0], answers, expected)

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        return np.asarray(answers[outputs[0].name] > outputs[0].threshold, np.int64)

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        return float(np.mean(self.truth(outputs, answers) == truth)) if truth.size else None

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        rows = _rows(outputs[0], answers)
        areas = [
            area_under_curve(rows[:, place], truth[:, place]) for place in range(rows.shape[1])
        ]
        known = [area for area in areas if area is not None]
        return {"mean AUC": float(np.mean(known))} if known else {}


def same_side(output: Output, answers: Mapping[str, Array], expected: Mapping[str, Array]) -> Array:
    """Returns the share of each example's values on the same side of the threshold, (n,).

    Values at the threshold do not count; an example with no other value gets NaN.
    """
    got, right = _rows(output, answers), _rows(output, expected)
    same = (got > output.threshold) == (right > output.threshold)
    away = np.abs(right.astype(np.float64) - output.threshold) > TIE * size_of(right)
    return share(same, away)


def share(same: Array, counted: Array) -> Array:
    """Returns the share of counted values that are true, by row; NaN where none is counted."""
    numbers = counted.sum(axis=1)
    return np.where(numbers > 0, (same & counted).sum(axis=1) / np.maximum(numbers, 1), np.nan)


def area_under_curve(values: Array, truth: Array) -> float | None:
    """Returns the area under the ROC curve, by ranks; None where there is only one true class.

    It is the chance that a positive example has a larger value than a negative one (Hanley and
    McNeil, 1982).
    """
    positive = truth.astype(bool)
    if positive.all() or not positive.any():
        return None
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    # Equal values share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    hits = int(positive.sum())
    misses = len(positive) - hits
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _rows(output: Output, answers: Mapping[str, Array]) -> Array:
    values = answers[output.name]
    return values.reshape(len(values), -1)
