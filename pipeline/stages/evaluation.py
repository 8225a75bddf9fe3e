"""The Evaluator's thresholds, from the spec, and its verdict as sentences."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from models.contract import SIGNATURE_EXAMPLES
from models.roles.role import Head
from models.roles.table import heads
from models.spec import ModelSpec, Profile

# TFMA's names of its metrics for a headline score, by the roles that have one there.
TFMA_SCORES = {
    "classification": "sparse_categorical_accuracy",
    "binary": "binary_accuracy",
    "multi_label": "binary_accuracy",
}


@dataclass(frozen=True)
class Evaluation:
    """TFMA's measurements on the test split.

    Attributes:
        accuracy: the score over all examples, if it is a share of examples; else None.
        examples: the number of examples.
        slices: the score by ``key=value``.
        failures: the reasons why the model was not blessed, one sentence each; empty if it was.
        score: the score of the first head that has one; None if none has.
        metric: the name of that score, such as ``accuracy`` or ``R²``; empty if there is none.
        outputs: for each head with scores, by the head's name, its scores over all examples.
    """

    accuracy: float | None
    examples: int
    slices: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    score: float | None = None
    metric: str = ""
    outputs: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "failures"}


def eval_config(spec: ModelSpec, profile: Profile, *, code: str = "") -> Any:
    """Returns TFMA's EvalConfig: each head's score overall and by slice, and finite answers.

    Scores are compared with the spec's limits and with the baseline's. Without a baseline, as
    before the first release, TFX leaves out the change thresholds.

    Args:
        code: the fingerprint of pipeline/stages/scores.py, which TFX's cache would not see.
    """
    from tensorflow_model_analysis.proto import config_pb2 as tfma

    several = len(spec.outputs) > 1
    if several:
        keys = {head.name: head.label_key for head in _scored(spec)}
        answers = tfma.ModelSpec(signature_name=SIGNATURE_EXAMPLES, label_keys=keys)
    else:
        answers = tfma.ModelSpec(
            signature_name=SIGNATURE_EXAMPLES,
            label_key=spec.outputs[0].label_key,
            prediction_key=spec.outputs[0].name,
        )
    return tfma.EvalConfig(
        model_specs=[answers],
        slicing_specs=[
            tfma.SlicingSpec(),
            *(tfma.SlicingSpec(feature_keys=[key]) for key in slice_keys(spec)),
        ],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name="ExampleCount")]),
            tfma.MetricsSpec(
                metrics=[_finite_answers(code)],
                output_names=[output.name for output in spec.outputs] if several else [],
            ),
            *(
                tfma.MetricsSpec(
                    metrics=list(_metrics(head, spec, profile, code)),
                    output_names=[head.name] if several else [],
                )
                for head in _scored(spec)
            ),
        ],
    )


def slice_keys(spec: ModelSpec) -> tuple[str, ...]:
    """Returns the spec's slice keys without true answers that are not a class."""
    numbers = {
        head.label_key
        for head in heads(spec.outputs)
        if head.role.name not in ("classification", "binary")
    }
    return tuple(key for key in spec.slice_keys if key not in numbers)


def _scored(spec: ModelSpec) -> list[Head]:
    return [head for head in heads(spec.outputs) if head.label_key and head.role.score_of]


def _metrics(head: Head, spec: ModelSpec, profile: Profile, code: str) -> Iterator[Any]:
    """Yields the metrics of a head; the first is its headline score, which has the thresholds."""
    from tensorflow_model_analysis.proto import config_pb2 as tfma

    from pipeline.stages.scores import FIGURES, HeadScores

    thresholds = _thresholds(spec, profile)
    if head.role.name == "classification":
        yield tfma.MetricConfig(
            class_name="SparseCategoricalAccuracy", per_slice_thresholds=thresholds
        )
        return
    by_tfma = head.role.name in TFMA_SCORES
    if by_tfma:
        yield tfma.MetricConfig(
            class_name="BinaryAccuracy",
            config=json.dumps({"threshold": head.outputs[0].threshold}),
            per_slice_thresholds=thresholds,
        )
    score = head.role.score_of
    settings = {
        "name": score.name if score and not by_tfma else FIGURES,
        "outputs": [asdict(output) for output in head.outputs],
        "shape": list(spec.module("features").FEATURES[head.label_key].shape),
        "code": code,
    }
    yield tfma.MetricConfig(
        class_name=HeadScores.__name__,
        module=HeadScores.__module__,
        config=json.dumps(settings),
        per_slice_thresholds=[] if by_tfma else thresholds,
    )


def _finite_answers(code: str) -> Any:
    from tensorflow_model_analysis.proto import config_pb2 as tfma

    from pipeline.stages.scores import FiniteAnswers

    every = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 1.0})
    )
    return tfma.MetricConfig(
        class_name=FiniteAnswers.__name__,
        module=FiniteAnswers.__module__,
        config=json.dumps({"code": code}),
        per_slice_thresholds=[
            tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=every)
        ],
    )


def _thresholds(spec: ModelSpec, profile: Profile) -> list[Any]:
    from tensorflow_model_analysis.proto import config_pb2 as tfma

    # A threshold without slicing specs would apply to every slice as well.
    overall = tfma.PerSliceMetricThreshold(
        slicing_specs=[tfma.SlicingSpec()],
        threshold=_threshold(profile.min_accuracy, profile.max_accuracy_drop),
    )
    by_slice = [
        tfma.PerSliceMetricThreshold(
            slicing_specs=[tfma.SlicingSpec(feature_keys=[key])],
            threshold=_threshold(profile.min_slice_accuracy, profile.max_slice_accuracy_drop),
        )
        for key in slice_keys(spec)
    ]
    return [overall, *by_slice]


def _threshold(least: float, drop: float) -> Any:
    from tensorflow_model_analysis.proto import config_pb2 as tfma

    return tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": least}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -drop}
        ),
    )


def read_evaluation(folder: Path, spec: ModelSpec) -> Evaluation:
    """Returns the results that the Evaluator wrote into its artifact's folder."""
    import tensorflow_model_analysis as tfma

    scored = _scored(spec)
    first = scored[0] if scored else None
    examples, slices = 0, {}
    outputs: dict[str, dict[str, float]] = {head.name: {} for head in scored}
    for metrics in tfma.load_metrics(str(folder)):
        where = ",".join(_slice_name(part) for part in metrics.slice_key.single_slice_keys)
        for item in metrics.metric_keys_and_values:
            value = item.value.double_value.value
            if item.key.is_diff or item.key.model_name == "baseline" or not isfinite(value):
                continue
            if item.key.name == "example_count":
                examples = examples if where else int(value)
                continue
            head = _head_of(item.key, scored)
            if head is None:
                continue
            name = _shown(item.key, head)
            if not where:
                outputs[head.name][name] = float(value)
            elif head is first and name == _score(head):
                slices[where] = float(value)
    score = outputs[first.name].get(_score(first)) if first else None
    return Evaluation(
        accuracy=score if first and first.role.score_of and first.role.score_of.share else None,
        examples=examples,
        slices=dict(sorted(slices.items())),
        failures=_failures(folder, spec, examples),
        score=score,
        metric=_score(first) if first else "",
        outputs={
            # The headline score comes first; TFMA has no order.
            head.name: dict(
                sorted(outputs[head.name].items(), key=lambda item: item[0] != _score(head))
            )
            for head in scored
        },
    )


def _head_of(key: Any, scored: list[Head]) -> Head | None:
    """Returns the head that a metric describes; None for a metric of the whole model."""
    from pipeline.stages.scores import FINITE

    if key.name == FINITE:
        return None
    # A model with one output has no names of outputs.
    named = [head for head in scored if head.name == key.output_name or not key.output_name]
    return named[0] if named else None


def _score(head: Head) -> str:
    return head.role.score_of.name if head.role.score_of else ""


def _shown(key: Any, head: Head) -> str:
    """Returns the field's name of a metric: TFMA has names of its own for some."""
    name: str = key.name
    return _score(head) if name == TFMA_SCORES.get(head.role.name) else name


def _failures(folder: Path, spec: ModelSpec, examples: int) -> list[str]:
    import tensorflow_model_analysis as tfma

    from pipeline.stages.scores import FINITE

    result = tfma.load_validation_result(str(folder))
    if result.validation_ok:
        return []
    failures = [
        (validation.slice_key, failure)
        for validation in result.metric_validations_per_slice
        for failure in validation.failures
    ]
    not_finite = [
        _not_finite(failure, spec, examples)
        for _, failure in failures
        if failure.metric_key.name == FINITE
    ]
    sentences = [
        _failure(slice_key, failure, spec)
        for slice_key, failure in failures
        if failure.metric_key.name != FINITE
        # Without finite answers there is no score: that is one fault, not two.
        and (not not_finite or isfinite(failure.metric_value.double_value.value))
    ]
    return [*not_finite, *sentences] or ["TFMA found no metric to compare with its threshold"]


def _not_finite(failure: Any, spec: ModelSpec, examples: int) -> str:
    count = round((1 - failure.metric_value.double_value.value) * examples)
    where = _of_output(failure.metric_key, len(spec.outputs))
    return f"{count:,} of {examples:,} answers{where} are NaN or infinite, none may be"


def _failure(slice_key: Any, failure: Any, spec: ModelSpec) -> str:
    scored = _scored(spec)
    parts = [spec.slice_name(_slice_name(part)) for part in slice_key.single_slice_keys]
    where = " and ".join(parts) or "all examples"
    value, key = failure.metric_value.double_value.value, failure.metric_key
    head = _head_of(key, scored)
    name = f"{_shown(key, head) if head else key.name}{_of_output(key, len(scored))}"
    name += " against the SavedModel's own answers" if spec.made_up else ""
    if failure.metric_key.is_diff:
        limit = -failure.metric_threshold.change_threshold.absolute.value
        if not isfinite(value):
            return f"{name} on {where} has no value for this model or the previously released one"
        return (
            f"{name} on {where} is {-value:.4f} below the previously released model's, "
            f"at most {limit:g} is allowed"
        )
    limit = failure.metric_threshold.value_threshold.lower_bound.value
    if not isfinite(value):
        return f"{name} on {where} has no value, at least {limit:g} is required"
    return f"{name} on {where} is {value:.4f}, at least {limit:g} is required"


def _of_output(key: Any, several: int) -> str:
    return f" of the output {key.output_name!r}" if several > 1 and key.output_name else ""


def _slice_name(part: Any) -> str:
    value = getattr(part, part.WhichOneof("kind"))
    return f"{part.column}={value.decode() if isinstance(value, bytes) else value}"
