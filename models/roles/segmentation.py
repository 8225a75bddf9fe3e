"""A class for each pixel: (n, height, width, classes), or one probability for each pixel."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import TIE, Role, Score, size_of
from models.roles.thresholds import share
from models.spec import Output


class Segmentation(Role):
    """The same decision is the same class, pixel by pixel; the score is the mean IoU."""

    name: ClassVar[str] = "segmentation"
    score_of: ClassVar[Score | None] = Score("mean IoU")

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        right = expected[outputs[0].name].astype(np.float64)
        same = self.truth(outputs, answers) == self.truth(outputs, expected)
        limit = TIE * size_of(right)
        if right.shape[-1] == 1:
            apart = np.abs(right[..., 0] - outputs[0].threshold) > limit
        else:
            ordered = np.partition(right, -2, axis=-1)
            apart = ordered[..., -1] - ordered[..., -2] > limit
        return share(same.reshape(len(right), -1), apart.reshape(len(right), -1))

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        """Returns the class of each pixel, int64, of the shape (n, height, width)."""
        values = answers[outputs[0].name]
        if values.shape[-1] == 1:
            return np.asarray(values[..., 0] > outputs[0].threshold, np.int64)
        return np.asarray(values.argmax(axis=-1), np.int64)

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        masks = self.truth(outputs, answers)
        shares = [value for _, value in intersections(masks, truth)]
        return float(np.mean(shares)) if shares else None

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        return {"pixel accuracy": float(np.mean(self.truth(outputs, answers) == truth))}


def intersections(masks: Array, truth: Array) -> list[tuple[int, float]]:
    """Returns each class that occurs, and its intersection over union over all pixels."""
    classes = np.union1d(np.unique(masks), np.unique(truth))
    return [
        (int(each), float(((masks == each) & (truth == each)).sum())
         / float(((masks == each) | (truth == each)).sum()))
        for each in classes
    ]  # fmt: skip
