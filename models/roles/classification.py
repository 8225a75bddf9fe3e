"""One class of several: an output of the shape (n, classes), whose largest value wins."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import TIE, Role, Score, size_of
from models.spec import Output


class Classification(Role):
    """The same decision is the same top class; the score is the accuracy."""

    name: ClassVar[str] = "classification"
    score_of: ClassVar[Score | None] = Score("accuracy", share=True)

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        right = expected[outputs[0].name]
        same = answers[outputs[0].name].argmax(axis=1) == right.argmax(axis=1)
        if right.shape[1] < 2:
            return np.asarray(same, np.float64)
        second, first = np.partition(right.astype(np.float64), -2, axis=1)[:, -2:].T
        return np.where(first - second > TIE * size_of(right), same, np.nan)

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        return np.asarray(answers[outputs[0].name].argmax(axis=1), np.int64)

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        return float(np.mean(self.truth(outputs, answers) == truth)) if len(truth) else None

    def summary(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        values = answers[outputs[0].name]
        return values.argmax(axis=1).astype(np.float64), values.max(axis=1).astype(np.float64)

    def groups(self, truth: Array) -> Array:
        return truth
