"""The Evaluator's own library on two models with predetermined answers."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models import examples
from models.spec import ModelSpec, Profile, load
from pipeline.stages.evaluation import eval_config, read_evaluation


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


def evaluate(spec: ModelSpec, profile: Profile, folder: Path, *, bad: int) -> list[str]:
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


@pytest.mark.filterwarnings("default")
def test_a_class_that_got_worse_is_named_where_all_else_is_allowed(tmp_path: Path) -> None:
    spec = load("fashion")
    lenient = replace(
        spec.profile("quick"),
        min_accuracy=0.5,
        min_slice_accuracy=0.0,
        max_accuracy_drop=0.2,
        max_slice_accuracy_drop=0.3,
    )
    assert evaluate(spec, lenient, tmp_path, bad=6) == [
        "accuracy on Shirt is 1.0000 below the previously released model's, at most 0.3 is allowed"
    ]
