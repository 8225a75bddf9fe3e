"""What a role of outputs defines: what the same decision is, and how good a decision is."""

# ruff: noqa: ARG002 - a role that has no score uses none of its arguments

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.arrays import Array
from models.spec import Output

# Values that differ by less, relative to the largest output, are a tie: rounding decides.
TIE = 1e-5


@dataclass(frozen=True)
class Score:
    """The headline score of a role, from its best value, 1, downwards.

    Attributes:
        name: the field's name for it, such as ``accuracy``.
        share: whether it is a share of examples, which is read as per cent.
    """

    name: str
    share: bool = False


class Role(ABC):
    """The answers of one head; arrays have one row per example.

    ``answers`` and ``expected`` hold an array for each output of the head, by the output's name.
    Their shapes are (n, …) and their values are finite.
    """

    name: ClassVar[str]
    # None where no score is defined without further data, as for an embedding.
    score_of: ClassVar[Score | None] = None

    @abstractmethod
    def same(
        self,
        outputs: tuple[Output, ...],
        answers: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> Array:
        """Returns how far each answer is the same decision as the expected one, from 0 to 1.

        The result has the shape (n,). It is NaN for an example whose expected answer is a tie, so
        that it cannot show whether a runtime agrees.
        """

    @abstractmethod
    def truth(self, outputs: tuple[Output, ...], answers: Mapping[str, Array]) -> Array:
        """Returns the decisions in the form in which a data set has true answers, (n, …)."""

    def score(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> float | None:
        """Returns the headline score; None where it is undefined, as for no examples."""
        return None

    def figures(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array], truth: Array
    ) -> dict[str, float]:
        """Returns further scores by the field's names, without the headline score."""
        return {}

    def summary(
        self, outputs: tuple[Output, ...], answers: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        """Returns each decision as one number, and how sure it is; NaN where there is none."""
        rows = len(next(iter(answers.values())))
        return np.full(rows, np.nan), np.full(rows, np.nan)

    def groups(self, truth: Array) -> Array:
        """Returns a number for each example; examples with the same number are alike, (n,)."""
        return np.zeros(len(truth), np.int64)


@dataclass(frozen=True)
class Head:
    """Outputs that are one answer together: one output, or boxes with their scores and classes."""

    role: Role
    outputs: tuple[Output, ...]

    @property
    def name(self) -> str:
        """Returns the name of its first output, which names the head."""
        return self.outputs[0].name

    @property
    def label_key(self) -> str:
        """Returns the feature that holds the true answer; empty where there is none."""
        return self.outputs[0].label_key

    def same(self, answers: Mapping[str, Array], expected: Mapping[str, Array]) -> Array:
        """Returns ``Role.same`` of this head's outputs."""
        return self.role.same(self.outputs, answers, expected)

    def truth(self, answers: Mapping[str, Array]) -> Array:
        """Returns ``Role.truth`` of this head's outputs."""
        return self.role.truth(self.outputs, answers)

    def score(self, answers: Mapping[str, Array], truth: Array) -> float | None:
        """Returns ``Role.score`` of this head's outputs."""
        return self.role.score(self.outputs, answers, truth)

    def figures(self, answers: Mapping[str, Array], truth: Array) -> dict[str, float]:
        """Returns ``Role.figures`` of this head's outputs."""
        return self.role.figures(self.outputs, answers, truth)

    def groups(self, truth: Array) -> Array:
        """Returns ``Role.groups`` of true answers."""
        return self.role.groups(truth)

    def summary(self, answers: Mapping[str, Array]) -> tuple[Array, Array]:
        """Returns ``Role.summary`` of this head's outputs."""
        return self.role.summary(self.outputs, answers)


def size_of(values: Array) -> float:
    """Returns the largest absolute value; 1 where all are 0, so that it can be divided by."""
    return float(np.abs(values.astype(np.float64)).max(initial=0.0)) or 1.0


def spread_of(values: Array) -> float:
    """Returns the standard deviation over all examples, averaged over the positions of an answer.

    It is the largest absolute value where all examples have the same answer.
    """
    rows = values.reshape(len(values), -1).astype(np.float64)
    return float(np.sqrt(np.mean(rows.var(axis=0)))) or size_of(values)
