"""Stratified splits of labelled examples: the same share of every class, in a fixed mixed order.

Examples whose answer is a number have no classes; a tenth of them with similar numbers counts as
one.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from models.spec import SPLITS


def rows_of(
    split: str, labels: Sequence[Hashable], *, test: float, watch: float, seed: int
) -> list[int]:
    """Returns the positions of a split's examples. Equal arguments give equal results.

    Args:
        split: ``train``, ``eval`` or ``test``.
        labels: the class of each example.
        test, watch: the share of each class in the test split and in the evaluation split.
        seed: chooses which examples these are.
    """
    random = np.random.default_rng(seed)
    parts: dict[str, list[int]] = {name: [] for name in SPLITS}
    for label in dict.fromkeys(labels):
        rows = random.permutation([place for place, each in enumerate(labels) if each == label])
        first = round(len(rows) * test)
        second = first + round(len(rows) * watch)
        parts["test"] += rows[:first].tolist()
        parts["eval"] += rows[first:second].tolist()
        parts["train"] += rows[second:].tolist()
    return [int(place) for place in random.permutation(parts[split])]


def tenths(numbers: Sequence[float]) -> list[int]:
    """Returns the tenth of the sorted numbers in which each one is, so that equal ones are alike.

    Of fewer than a hundred numbers there are fewer parts, each with at least ten, so that a tenth
    of a part is not nothing.
    """
    parts = max(1, min(10, len(numbers) // 10))
    if not numbers:
        return []
    limits = np.quantile(numbers, np.arange(1, parts) / parts)
    return [int(part) for part in np.searchsorted(limits, numbers, side="right")]
