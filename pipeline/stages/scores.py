"""Metrics for TFMA: a head's scores by the rules of its role, and whether answers are finite.

TFMA's own metrics do not look whether an answer is a number. Its accuracies count NaN as class 0 or
as a no, and its squared error leaves it out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma

from core.arrays import Array
from models.roles.role import Head
from models.roles.segmentation import Segmentation, added, mean_overlap, pixel_figures
from models.roles.table import heads
from models.spec import Output

FINITE = "finite_answers"
# The name of HeadScores where TFMA has a metric for the headline score.
FIGURES = "figures"


class FiniteAnswers(tfma.metrics.Metric):  # type: ignore[misc]
    """The share of examples with a finite answer, for each output that it is asked for.

    Args:
        name: of the metric.
        code: the fingerprint of this code, so that TFX's cache notices a change.
    """

    def __init__(self, name: str = FINITE, code: str = "") -> None:
        super().__init__(_finite_answers, name=name, code=code)


class HeadScores(tfma.metrics.Metric):  # type: ignore[misc]
    """The role's score of a head, if ``name`` is the score's, and the role's further figures.

    The score is NaN, which passes no threshold, where it is undefined.

    Args:
        name: the score's, or ``FIGURES``.
        outputs: the fields of the head's outputs.
        shape: the shape of a true answer.
        code: as in ``FiniteAnswers``.
    """

    def __init__(
        self,
        name: str = FIGURES,
        outputs: Iterable[Mapping[str, Any]] = (),
        shape: Iterable[int] = (),
        code: str = "",
    ) -> None:
        super().__init__(
            _head_scores, name=name, outputs=list(outputs), shape=list(shape), code=code
        )


def _finite_answers(
    name: str,
    code: str,  # noqa: ARG001 - only TFX's cache reads it
    model_names: list[str],
    output_names: list[str],
) -> list[Any]:
    keys = [
        tfma.metrics.MetricKey(name=name, model_name=model, output_name=output)
        for model in model_names
        for output in output_names
    ]
    return [tfma.metrics.MetricComputation([key], None, _FiniteShare(key)) for key in keys]


def _head_scores(
    name: str,
    outputs: list[dict[str, Any]],
    shape: list[int],
    code: str,  # noqa: ARG001 - only TFX's cache reads it
    model_names: list[str],
    output_names: list[str],
) -> list[Any]:
    (head,) = heads(Output(**entry) for entry in outputs)
    gather = _Pixels if isinstance(head.role, Segmentation) else _Rows
    keys = [
        tfma.metrics.MetricKey(name=name, model_name=model, output_name=output_names[0])
        for model in model_names
    ]
    return [
        tfma.metrics.MetricComputation([key], None, gather(key, head, tuple(shape))) for key in keys
    ]


class _FiniteShare(beam.CombineFn):
    """Counts the examples with a finite answer, and all examples."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def create_accumulator(self) -> tuple[int, int]:
        return 0, 0

    def add_input(self, counts: tuple[int, int], example: Any) -> tuple[int, int]:
        values = example.get_predictions(self._key.model_name, self._key.output_name)
        return counts[0] + _is_finite(np.asarray(values)), counts[1] + 1

    def merge_accumulators(self, counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
        finite, examples = zip(*counts, strict=True)
        return sum(finite), sum(examples)

    def extract_output(self, counts: tuple[int, int]) -> dict[Any, float]:
        finite, examples = counts
        return {self._key: finite / examples if examples else float("nan")}


class _Gathered(beam.CombineFn):
    """Gathers what a head's scores need of the examples of a slice."""

    def __init__(self, key: Any, head: Head, shape: tuple[int, ...]) -> None:
        self._key, self._head, self._shape = key, head, shape

    def _read(self, example: Any) -> tuple[dict[str, Array], Array]:
        """Returns an example's answers and its true answer, each as a batch of one."""
        given = example.get_predictions(self._key.model_name)
        # A model with one output has no dict.
        named = given if isinstance(given, Mapping) else {self._head.name: given}
        answers = {output.name: np.asarray(named[output.name])[None]
                   for output in self._head.outputs}  # fmt: skip
        truth = np.asarray(example.get_labels(self._key.model_name, self._head.name))
        return answers, truth.reshape(1, *self._shape)

    def _named(self, score: float | None, figures: Mapping[str, float]) -> dict[Any, float]:
        score_of = self._head.role.score_of
        found = {self._key._replace(name=name): value for name, value in figures.items()}
        if score_of and self._key.name == score_of.name:
            found[self._key] = float("nan") if score is None else score
        return found


class _Rows(_Gathered):
    """Keeps all answers of the head and the true ones."""

    def create_accumulator(self) -> list[Any]:
        return []

    def add_input(self, rows: list[Any], example: Any) -> list[Any]:
        rows.append(self._read(example))
        return rows

    def merge_accumulators(self, several: Iterable[list[Any]]) -> list[Any]:
        return [row for rows in several for row in rows]

    def extract_output(self, rows: list[Any]) -> dict[Any, float]:
        if not rows:
            return self._named(None, {})
        answers = {
            name: np.concatenate([said[name] for said, _ in rows]) for name, _ in rows[0][0].items()
        }
        truth = np.concatenate([right for _, right in rows])
        with np.errstate(invalid="ignore"):  # the metric FINITE counts what is not finite
            return self._named(self._head.score(answers, truth), self._head.figures(answers, truth))


class _Pixels(_Gathered):
    """Counts the pixels of a segmentation, whose answers are too large to keep."""

    def create_accumulator(self) -> Array:
        return np.zeros((0, 0), np.int64)

    def add_input(self, counts: Array, example: Any) -> Array:
        answers, truth = self._read(example)
        role = self._head.role
        assert isinstance(role, Segmentation)  # noqa: S101 - _head_scores chose by it
        return added(counts, role.counts(self._head.outputs, answers, truth))

    def merge_accumulators(self, several: Iterable[Array]) -> Array:
        total = self.create_accumulator()
        for counts in several:
            total = added(total, counts)
        return total

    def extract_output(self, counts: Array) -> dict[Any, float]:
        return self._named(mean_overlap(counts), pixel_figures(counts))


def _is_finite(values: Array) -> bool:
    return values.dtype.kind not in "fc" or bool(np.isfinite(values).all())
