"""TFX's own Evaluator, or its library, on models with predetermined answers."""

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.agreement.golden import Golden
from models import examples
from models.roles.table import heads
from models.spec import ModelSpec, Output, Profile, load
from pipeline.stages.evaluation import eval_config, read_evaluation
from tests.pipeline.stages.evaluated import evaluate, profile_of, spec_of

# TFX and Beam warn of themselves.
pytestmark = pytest.mark.filterwarnings("default")


def save(folder: Path, *, bad: int | None) -> Path:
    """Writes a SavedModel that reads the class from a picture's grey; it answers 0 for ``bad``."""
    import tensorflow as tf

    class GreyReader(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
        def answer(self, serialized: Any) -> Any:
            parsed = tf.io.parse_example(
                serialized, {"image": tf.io.FixedLenFeature([], tf.string)}
            )
            grey = tf.map_fn(
                lambda file: tf.reduce_mean(tf.cast(tf.io.decode_png(file), tf.float32)),
                parsed["image"],
                fn_output_signature=tf.float32,
            )
            number = tf.cast(tf.round(grey / 20), tf.int64)
            number = (
                number if bad is None else tf.where(number == bad, tf.zeros_like(number), number)
            )
            return {"probabilities": tf.one_hot(number, 10)}

    reader = GreyReader()
    tf.saved_model.save(reader, str(folder), signatures={"serving_examples": reader.answer})
    return folder


def records(file: Path) -> Path:
    rows = []
    for number in range(60):
        stream = io.BytesIO()
        Image.fromarray(np.full((4, 4), number % 10 * 20, np.uint8)).save(stream, "PNG")
        rows.append({"image": stream.getvalue(), "label": number % 10})
    examples.write(rows, file)
    return file


def failures_of(spec: ModelSpec, profile: Profile, folder: Path, *, bad: int) -> list[str]:
    """Returns why a model with a bad class is not blessed, compared with one without."""
    import tensorflow_model_analysis as tfma

    # The same steps as in TFX's Evaluator: tfx/components/evaluator/executor.py.
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config(spec, profile), has_baseline=True
    )
    models = [
        tfma.default_eval_shared_model(
            eval_saved_model_path=str(save(folder / name, bad=wrong)),
            model_name=name,
            eval_config=config,
        )
        for name, wrong in (("candidate", bad), ("baseline", None))
    ]
    tfma.run_model_analysis(
        eval_shared_model=models,
        eval_config=config,
        data_location=str(records(folder / "test.tfrecord")),
        output_path=str(folder / "evaluation"),
    )
    return read_evaluation(folder / "evaluation", spec).failures


def test_a_class_that_got_worse_is_named_where_all_else_is_allowed(tmp_path: Path) -> None:
    spec = load("fashion")
    lenient = replace(
        spec.profile("quick"),
        min_accuracy=0.5,
        min_slice_accuracy=0.0,
        max_accuracy_drop=0.2,
        max_slice_accuracy_drop=0.3,
    )
    assert failures_of(spec, lenient, tmp_path, bad=6) == [
        "accuracy on Shirt is 1.0000 below the previously released model's, at most 0.3 is allowed"
    ]


def test_every_role_is_measured_by_its_own_rules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Several heads at once, one of which got worse than in the release before."""
    outputs = (
        Output("kind", "float32", (3,), "", label_key="a kind"),
        Output("ill", "float32", (1,), "", role="binary", threshold=0.3, label_key="is ill"),
        Output("tags", "float32", (4,), "", role="multi_label", label_key="the tags"),
        Output("price", "float32", (1,), "", role="regression", unit="€", label_key="paid"),
        Output("map", "float32", (4, 5, 3), "", role="segmentation", label_key="a mask"),
        Output("corners", "float32", (2, 4), "", role="detection", part="boxes", label_key="seen"),
        Output("sure", "float32", (2,), "", role="detection", part="scores", label_key="seen"),
        Output("vector", "float32", (6,), "", role="embedding", label_key=""),
    )
    chance = np.random.default_rng(5)
    count = 30
    boxes = chance.random((count, 2, 2)).repeat(2, axis=2)[..., [0, 2, 1, 3]]
    boxes[..., 2:] += 1
    truths = {
        "a kind": chance.integers(0, 3, count),
        "is ill": chance.integers(0, 2, count),
        "the tags": chance.integers(0, 2, (count, 4)),
        "paid": chance.normal(1000, 5, count).astype(np.float32),
        "a mask": chance.integers(0, 3, (count, 4, 5)),
        "seen": np.concatenate([boxes, np.zeros((count, 2, 1))], axis=2).astype(np.float32),
        "place": np.array(["north", "south"])[np.arange(count) % 2],
    }
    near = truths["paid"][:, None] + chance.normal(0, 1, (count, 1)).astype(np.float32)
    answers = {
        "kind": chance.random((count, 3), np.float32),
        "ill": chance.random((count, 1), np.float32),
        "tags": chance.random((count, 4), np.float32),
        "price": near,
        "map": chance.random((count, 4, 5, 3), np.float32),
        "corners": np.where(np.arange(count)[:, None, None] < 20, boxes, 0).astype(np.float32),
        "sure": chance.uniform(0.6, 1, (count, 2)).astype(np.float32),
        "vector": chance.random((count, 6), np.float32),
    }
    spec = spec_of(monkeypatch, outputs, truths, slice_keys=("place", "paid"))
    before = {**answers, "price": (truths["paid"][:, None] + near) / 2}
    blessed, found = evaluate(
        spec, profile_of(-1.0, drop=0.01), tmp_path, truths, answers, before=before
    )

    given = Golden(
        {"any": np.zeros(count)},
        answers,
        {head.name: truths[head.label_key] for head in heads(outputs) if head.label_key},
        outputs,
    )
    expected = {}
    for head in given.heads[:-1]:
        assert head.role.score_of
        truth = given.truths[head.name]
        score = {head.role.score_of.name: head.score(answers, truth)}
        expected[head.name] = pytest.approx(score | head.figures(answers, truth), abs=1e-6)
    assert found.outputs == expected
    assert found.outputs["corners"] == {"mAP": pytest.approx(2 / 3, abs=0.2)}
    assert (found.score, found.metric) == (found.accuracy, "accuracy")
    assert found.examples == count
    # A slice for each price, or for each pixel, would tell nothing.
    assert list(found.slices) == ["place=north", "place=south"]
    assert blessed is False
    drop = found.outputs["price"]["R²"]
    assert 0.9 < drop < 0.98
    [reason] = found.failures
    assert re.fullmatch(
        r"R² of the output 'price' on all examples is 0.0\d+ below the previously released "
        r"model's, at most 0.01 is allowed",
        reason,
    )


def regression(monkeypatch: pytest.MonkeyPatch) -> tuple[ModelSpec, dict[str, np.ndarray]]:
    """Returns a model of one number, and true answers; all of those in the north are the same."""
    output = Output("price", "float32", (1,), "", role="regression", label_key="paid")
    truths = {
        "paid": np.array([5, 5, 5, 1, 2, 3], np.float32),
        "place": np.array(["north"] * 3 + ["south"] * 3),
    }
    return spec_of(monkeypatch, [output], truths, slice_keys=("place",)), truths


def test_a_slice_without_a_score_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec, truths = regression(monkeypatch)
    answers = {"price": truths["paid"][:, None] + np.float32(0.1)}
    blessed, found = evaluate(spec, profile_of(0.5, in_slices=-9.0), tmp_path, truths, answers)
    assert not blessed
    assert found.failures == ["R² on place=north has no value, at least -9 is required"]
    assert found.accuracy is None
    assert (found.score, found.metric) == (pytest.approx(1 - 0.06 / 15.5, abs=1e-4), "R²")
    assert found.slices == {"place=south": pytest.approx(1 - 0.03 / 2, abs=1e-4)}
    assert next(iter(found.outputs["price"])) == "R²"
    assert found.outputs["price"]["MAE"] == pytest.approx(0.1, abs=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_answers_that_are_not_finite_stop_the_model(
    bad: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec, truths = regression(monkeypatch)
    answers = {"price": np.array([[5], [bad], [5], [1], [2], [3]], np.float32)}
    blessed, found = evaluate(spec, profile_of(-9.0, in_slices=-9.0), tmp_path, truths, answers)
    assert not blessed
    assert found.failures[0] == "1 of 6 answers are NaN or infinite, none may be"


def test_a_model_without_a_score_needs_finite_answers_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outputs = (
        Output("vector", "float32", (2,), "", role="embedding"),
        Output("rest", "float32", (2,), "", role="tensor"),
    )
    rows = {"vector": np.ones((4, 2), np.float32), "rest": np.zeros((4, 2), np.float32)}
    place = {"place": np.array(["north"] * 4)}
    spec = spec_of(monkeypatch, outputs, {})
    blessed, found = evaluate(spec, profile_of(0.9), tmp_path / "finite", place, rows)
    assert (blessed, found.failures, found.score, found.metric) == (True, [], None, "")
    rows["rest"][3, 1] = np.nan
    blessed, found = evaluate(spec, profile_of(0.9), tmp_path / "not", place, rows)
    assert not blessed
    assert found.failures == [
        "1 of 4 answers of the output 'rest' are NaN or infinite, none may be"
    ]


def test_a_class_that_is_not_a_number_stops_the_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TFMA's accuracy takes NaN for class 0, which is right here."""
    output = Output("kind", "float32", (2,), "", label_key="a kind")
    truths = {"a kind": np.array([0, 1, 0, 1])}
    answers = {"kind": np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]}
    answers["kind"][2] = np.nan
    spec = spec_of(monkeypatch, [output], truths, slice_keys=("a kind",))
    blessed, found = evaluate(spec, profile_of(0.9), tmp_path, truths, answers)
    assert found.accuracy == 1.0
    assert not blessed
    assert found.failures == ["1 of 4 answers are NaN or infinite, none may be"]


def test_a_score_on_made_up_inputs_is_not_called_the_models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    output = Output("kind", "float32", (2,), "", label_key="a kind")
    truths = {"a kind": np.array([0, 1, 0, 1])}
    answers = {"kind": np.eye(2, dtype=np.float32)[[0, 1, 1, 1]]}
    spec = replace(spec_of(monkeypatch, [output], truths), made_up=True)
    _, found = evaluate(spec, profile_of(0.9), tmp_path, truths, answers)
    assert found.failures == [
        "accuracy against the SavedModel's own answers on all examples is 0.7500, "
        "at least 0.9 is required"
    ]
