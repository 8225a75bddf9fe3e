"""Numbers with a meaning of their own (regression), and any other numbers (tensor)."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.roles.role import Role, Score, spread_of
from models.spec import Output

# Two numbers are the same answer if they differ by at most this share of the answers' spread.
TOLERANCE = 0.05


class Tensor(Role):
    """Numbers of which nothing else is known; they agree within a share of their spread."""

    name: ClassVar[str] = "tensor"

    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        name = outputs[0].name
        got, right = (each[name].reshape(len(each[name]), -1) for each in (answers, expected))
        error = np.abs(got.astype(np.float64) - right)
        near = error <= TOLERANCE * spread_of(right)
        # A share: of hundreds of numbers in eight bits, one is always a little further away. The
        # variant's own limit says how far any may be.
        return np.asarray(near.mean(axis=1), np.float64)

    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        return answers[outputs[0].name]


class Regression(Tensor):
    """Numbers in a unit; the score is R², the share of the variance that is explained."""

    name: ClassVar[str] = "regression"
    score_of: ClassVar[Score | None] = Score("R²")

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        errors, right = _errors(outputs, answers, truth)
        variance = float(np.square(right - right.mean(axis=0)).sum()) if len(right) else 0.0
        if not variance:
            return None
        return 1.0 - float(np.square(errors).sum()) / variance

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        errors, _ = _errors(outputs, answers, truth)
        return {
            "MAE": float(np.abs(errors).mean()),
            "RMSE": float(np.sqrt(np.square(errors).mean())),
        }

    def summary(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        values = answers[outputs[0].name]
        rows = values.reshape(len(values), -1).astype(np.float64)
        unknown = np.full(len(rows), np.nan)
        return (rows[:, 0] if rows.shape[1] == 1 else unknown), unknown

    def groups(self, truth: Array) -> Array:
        """Returns the tenth of the range in which each true number lies."""
        numbers = truth.reshape(len(truth), -1)[:, 0].astype(np.float64)
        width = float(np.ptp(numbers)) or 1.0
        return np.asarray((numbers - numbers.min()) / width * 9.999, np.int64)


def _errors(
    outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
) -> tuple[Array, Array]:
    values = answers[outputs[0].name]
    right = truth.reshape(len(values), -1).astype(np.float64)
    return values.reshape(len(values), -1).astype(np.float64) - right, right
