"""A vector whose direction says what the input is like: (n, numbers)."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import Role
from models.spec import Output

# Two vectors are the same answer from this cosine on.
COSINE = 0.99


class Embedding(Role):
    """The same answer is nearly the same direction. No score is defined without pairs."""

    name: ClassVar[str] = "embedding"

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        cosines = cosine(answers[outputs[0].name], expected[outputs[0].name])
        return np.asarray(cosines >= COSINE, np.float64)

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        return answers[outputs[0].name]


def cosine(one: Array, other: Array) -> Array:
    """Returns the cosine of each pair of rows, (n,); 1 for two zeros, 0 for one zero."""
    left, right = (values.reshape(len(values), -1).astype(np.float64) for values in (one, other))
    lengths = np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1)
    product = lengths[0] * lengths[1]
    both_zero = (lengths[0] == 0) & (lengths[1] == 0)
    alike = (left * right).sum(axis=1) / np.where(product > 0, product, 1)
    return np.asarray(np.where(product > 0, alike, both_zero), np.float64)
