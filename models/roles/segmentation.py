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
        return mean_overlap(self.counts(outputs, answers, truth))

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        return pixel_figures(self.counts(outputs, answers, truth))

    def counts(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> Array:
        """Returns the number of pixels by true class and class, int64, of the shape (k, k).

        They add up (``added``), and the scores follow from them.
        """
        masks = self.truth(outputs, answers).ravel()
        right = truth.ravel().astype(np.int64)
        classes = int(max(masks.max(initial=0), right.max(initial=0))) + 1
        pairs = np.bincount(right * classes + masks, minlength=classes**2)
        return pairs.reshape(classes, classes)


def added(one: Array, other: Array) -> Array:
    """Returns the sum of two counts of pixels; one may know fewer classes than the other."""
    classes = max(len(one), len(other))
    one, other = (np.pad(counts, (0, classes - len(counts))) for counts in (one, other))
    return one + other


def overlaps(counts: Array) -> list[tuple[int, float]]:
    """Returns each class that occurs, and its intersection over union over all pixels."""
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    return [(int(each), float(counts[each, each] / union[each])) for each in np.flatnonzero(union)]


def mean_overlap(counts: Array) -> float | None:
    """Returns the mean IoU of the classes that occur; None without pixels."""
    shares = [share for _, share in overlaps(counts)]
    return float(np.mean(shares)) if shares else None


def pixel_figures(counts: Array) -> dict[str, float]:
    """Returns the share of pixels with the true class; nothing without pixels."""
    total = int(counts.sum())
    return {"pixel accuracy": float(counts.trace() / total)} if total else {}
