"""Boxes around things: outputs for boxes, scores and classes, which are one answer together.

Boxes have the shape (n, boxes, 4), as (top, left, bottom, right) or (left, top, right, bottom):
their overlap is the same in both. Scores have the shape (n, boxes), or (n, boxes, classes), whose
largest value is the box's class. Classes have the shape (n, boxes); models with one class of
things may leave them out.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import TIE, Role, Score, size_of
from models.spec import Output

# Two boxes are the same if they overlap by this share of their union (Pascal VOC's rule).
OVERLAP = 0.5
BOXES, SCORES, CLASSES = "boxes", "scores", "classes"


class Detection(Role):
    """The same decision is the same set of boxes above the threshold; the score is the mAP."""

    name: ClassVar[str] = "detection"
    score_of: ClassVar[Score | None] = Score("mAP")

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        """Returns the share of boxes with a partner: 2 x pairs / boxes of both; 1 without boxes."""
        got, right = (self.found(outputs, each) for each in (answers, expected))
        return np.array([_alike(one, other) for one, other in zip(got, right, strict=True)])

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        """Returns rows (four corners, class) of the boxes above the threshold, (n, boxes, 5).

        Rows of the class -1 fill the end.
        """
        found = self.found(outputs, answers)
        most = max((len(boxes) for boxes, _, _ in found), default=0)
        rows = np.zeros((len(found), most, 5), np.float32)
        rows[..., 4] = -1
        for place, (boxes, _, classes) in enumerate(found):
            rows[place, : len(boxes), :4], rows[place, : len(boxes), 4] = boxes, classes
        return rows

    def found(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array]
    ) -> list[tuple[Array, Array, Array]]:
        """Returns each example's boxes (k, 4), scores (k,) and classes (k,), best scores first."""
        named = {output.part: answers[output.name] for output in outputs}
        scores, boxes = named[SCORES].astype(np.float64), named[BOXES].astype(np.float64)
        if scores.ndim == 3:
            classes, scores = scores.argmax(axis=2), scores.max(axis=2)
        else:
            classes = named.get(CLASSES, np.zeros(scores.shape)).round().astype(np.int64)
        threshold = next(output.threshold for output in outputs if output.part == SCORES)
        found = []
        for row in range(len(scores)):
            order = np.argsort(-scores[row], kind="stable")
            kept = order[scores[row][order] > threshold]
            found.append((boxes[row][kept], scores[row][kept], classes[row][kept]))
        return found

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        """Returns the mean over the classes of the average precision at an overlap of 0.5."""
        found = self.found(outputs, answers)
        present = [rows[rows[:, 4] >= 0] for rows in truth]
        classes = sorted({int(each) for rows in present for each in rows[:, 4]})
        precisions = [_average_precision(found, present, each) for each in classes]
        return float(np.mean(precisions)) if precisions else None


def overlap(one: Array, other: Array) -> Array:
    """Returns the intersection over union of all pairs of boxes, (k, 4) and (m, 4) to (k, m).

    A box lies between its two corners, whichever comes first: an untrained network gives the
    bottom above the top as often as below it.
    """
    lows = [np.minimum(each[:, :2], each[:, 2:]) for each in (one, other)]
    highs = [np.maximum(each[:, :2], each[:, 2:]) for each in (one, other)]
    low = np.maximum(lows[0][:, None], lows[1][None])
    high = np.minimum(highs[0][:, None], highs[1][None])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(high - low, axis=1) for low, high in zip(lows, highs, strict=True)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0.0)


def _alike(one: tuple[Array, Array, Array], other: tuple[Array, Array, Array]) -> float:
    total = len(one[0]) + len(other[0])
    if not total:
        return 1.0
    near = overlap(one[0], other[0])
    # Boxes without area, or of nearly none, never overlap; the same corners are the same box.
    limit = TIE * size_of(other[0])
    near = np.maximum(near, (np.abs(one[0][:, None] - other[0][None]) <= limit).all(axis=2))
    near = np.where(one[2][:, None] == other[2][None], near, 0.0)
    pairs = 0
    for row in range(len(near)):
        column = int(near[row].argmax()) if near.shape[1] else 0
        if near.shape[1] and near[row, column] >= OVERLAP:
            pairs += 1
            near[:, column] = 0.0
    return 2 * pairs / total


def _average_precision(
    found: list[tuple[Array, Array, Array]], present: list[Array], kind: int
) -> float:
    """Returns the area under the curve of precision over recall (Pascal VOC 2010's rule)."""
    total = sum(int((rows[:, 4] == kind).sum()) for rows in present)
    marks: list[tuple[float, bool]] = []
    for (boxes, scores, classes), rows in zip(found, present, strict=True):
        right = rows[rows[:, 4] == kind][:, :4]
        taken: set[int] = set()
        for box, score in zip(boxes[classes == kind], scores[classes == kind], strict=True):
            overlaps = overlap(box[None], right)[0] if len(right) else np.zeros(0)
            best = int(overlaps.argmax()) if len(overlaps) else -1
            hit = best >= 0 and overlaps[best] >= OVERLAP and best not in taken
            taken |= {best} if hit else set()
            marks.append((float(score), hit))
    hits = np.cumsum([hit for _, hit in sorted(marks, key=lambda mark: -mark[0])])
    if not len(hits):
        return 0.0
    precision = hits / np.arange(1, len(hits) + 1)
    # The precision at a recall is the best at that recall or above.
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0], hits / total])
    return float((np.diff(recall) * precision).sum())
