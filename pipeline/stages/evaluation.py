"""The Evaluator's thresholds, from the spec, and its verdict as sentences."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.contract import SIGNATURE_EXAMPLES
from models.spec import ModelSpec, Profile

ACCURACY = "sparse_categorical_accuracy"


@dataclass(frozen=True)
class Evaluation:
    """TFMA's measurements on the test split.

    Attributes:
        accuracy: over all examples.
        examples: the number of examples.
        slices: accuracy by ``key=value``.
        failures: the reasons why the model was not blessed, one sentence each; empty if it was.
    """

    accuracy: float
    examples: int
    slices: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"accuracy": self.accuracy, "examples": self.examples, "slices": self.slices}


def eval_config(spec: ModelSpec, profile: Profile) -> Any:
    """Returns TFMA's EvalConfig: accuracy overall and by slice, each also against the baseline.

    Without a baseline, as before the first release, TFX leaves out the change thresholds.
    """
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
        for key in spec.slice_keys
    ]
    accuracy = tfma.MetricConfig(
        class_name="SparseCategoricalAccuracy", per_slice_thresholds=[overall, *by_slice]
    )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name=SIGNATURE_EXAMPLES,
                label_key=spec.label_key,
                prediction_key=spec.outputs[0].name,
            )
        ],
        slicing_specs=[
            tfma.SlicingSpec(),
            *(tfma.SlicingSpec(feature_keys=[key]) for key in spec.slice_keys),
        ],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name="ExampleCount"), accuracy])
        ],
    )


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

    accuracy, examples, slices = 0.0, 0, {}
    for metrics in tfma.load_metrics(str(folder)):
        key = ",".join(_slice_name(part) for part in metrics.slice_key.single_slice_keys)
        for item in metrics.metric_keys_and_values:
            value = item.value.double_value.value
            if item.key.is_diff or item.key.model_name == "baseline":
                continue
            if item.key.name == ACCURACY and key:
                slices[key] = float(value)
            elif item.key.name == ACCURACY:
                accuracy = float(value)
            elif item.key.name == "example_count" and not key:
                examples = int(value)
    return Evaluation(accuracy, examples, dict(sorted(slices.items())), _failures(folder, spec))


def _failures(folder: Path, spec: ModelSpec) -> list[str]:
    import tensorflow_model_analysis as tfma

    result = tfma.load_validation_result(str(folder))
    if result.validation_ok:
        return []
    sentences = [
        _failure(validation.slice_key, failure, spec)
        for validation in result.metric_validations_per_slice
        for failure in validation.failures
    ]
    return sentences or ["TFMA found no metric to compare with its threshold"]


def _failure(slice_key: Any, failure: Any, spec: ModelSpec) -> str:
    parts = [spec.slice_name(_slice_name(part)) for part in slice_key.single_slice_keys]
    where = " and ".join(parts) or "all examples"
    value = failure.metric_value.double_value.value
    name = failure.metric_key.name.replace("sparse_categorical_", "")
    if failure.metric_key.is_diff:
        limit = failure.metric_threshold.change_threshold.absolute.value
        return (
            f"{name} on {where} is {-value:.4f} below the previously released model's, "
            f"at most {-limit:g} is allowed"
        )
    limit = failure.metric_threshold.value_threshold.lower_bound.value
    return f"{name} on {where} is {value:.4f}, at least {limit:g} is required"


def _slice_name(part: Any) -> str:
    value = getattr(part, part.WhichOneof("kind"))
    return f"{part.column}={value.decode() if isinstance(value, bytes) else value}"
