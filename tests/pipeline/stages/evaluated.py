"""Runs TFX's own Evaluator on a model whose answers are given."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.arrays import Array
from models.spec import ModelSpec, Output, Profile
from pipeline.stages.evaluation import Evaluation, eval_config, read_evaluation

Arrays = Mapping[str, Array]


def spec_of(
    monkeypatch: pytest.MonkeyPatch,
    outputs: Sequence[Output],
    truths: Arrays,
    slice_keys: tuple[str, ...] = (),
) -> ModelSpec:
    """Returns the spec of a model that has only what the Evaluator needs.

    Args:
        truths: the true answers by feature, (n, …).
    """
    import tensorflow as tf

    module = ModuleType("models.given.features")
    module.FEATURES = {  # type: ignore[attr-defined]
        name: tf.io.FixedLenFeature(
            values.shape[1:], tf.int64 if values.dtype.kind == "i" else tf.float32
        )
        for name, values in truths.items()
    }
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return ModelSpec("given", "", "", (), tuple(outputs), {}, {}, slice_keys=slice_keys)


def profile_of(least: float, drop: float = 1.0, in_slices: float = -1.0) -> Profile:
    return Profile({}, {}, least, in_slices, drop, max_slice_accuracy_drop=2.0)


def evaluate(
    spec: ModelSpec,
    profile: Profile,
    folder: Path,
    truths: Arrays,
    answers: Arrays,
    *,
    before: Arrays | None = None,
) -> tuple[bool, Evaluation]:
    """Returns whether TFX blesses a model with these answers, and what it measured.

    Args:
        truths: features by name, (n, …): true answers and values to slice by.
        answers: the answers by output, (n, …), float32.
        before: the answers of the model that was released before.
    """
    from google.protobuf import json_format
    from tfx.components.evaluator import executor
    from tfx.types.standard_artifacts import (
        Examples,
        Model,
        ModelBlessing,
        ModelEvaluation,
        Schema,
    )

    said = {"model": answers} | ({"baseline_model": before} if before else {})
    rows = {
        **truths,
        **{f"{name}.{by}": v for by, each in said.items() for name, v in each.items()},
    }
    write_examples(rows, folder / "examples" / "Split-test" / "part.gz")
    data = artifact(Examples, folder / "examples")
    data.split_names = '["test"]'
    data.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(
        "".join(_feature(*each) for each in rows.items())
    )
    inputs = {"examples": [data], "schema": [artifact(Schema, folder / "schema")]}
    for by, each in said.items():
        save(folder / by / "Format-Serving", by, each)
        inputs[by] = [artifact(Model, folder / by)]
    blessing = artifact(ModelBlessing, folder / "blessing")
    config = eval_config(spec, profile, code="as it is")
    executor.Executor(beam_context(folder)).Do(
        inputs,
        {"evaluation": [artifact(ModelEvaluation, folder / "evaluation")], "blessing": [blessing]},
        {
            "eval_config": json_format.MessageToJson(config, preserving_proto_field_name=True),
            "example_splits": '["test"]',
            "fairness_indicator_thresholds": "null",
        },
    )
    blessed = blessing.get_int_custom_property("blessed") == 1
    return blessed, read_evaluation(folder / "evaluation", spec)


def save(folder: Path, by: str, answers: Arrays) -> None:
    """Writes a SavedModel that answers with features of its examples."""
    import tensorflow as tf

    class Given(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])  # type: ignore[untyped-decorator]
        def answer(self, serialized: Any) -> Any:
            wanted = {
                f"{name}.{by}": tf.io.FixedLenFeature(values.shape[1:], tf.float32)
                for name, values in answers.items()
            }
            parsed = tf.io.parse_example(serialized, wanted)
            return {name: parsed[f"{name}.{by}"] for name in answers}

    given = Given()
    tf.saved_model.save(given, str(folder), signatures={"serving_examples": given.answer})


def write_examples(rows: Arrays, file: Path) -> None:
    """Writes features by name, (n, …), as TFX's ExampleGen writes examples."""
    import tensorflow as tf

    file.parent.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for row in range(len(next(iter(rows.values())))):
            example = tf.train.Example()
            for name, values in rows.items():
                feature, flat = example.features.feature[name], values[row].ravel().tolist()
                if values.dtype.kind == "U":
                    feature.bytes_list.value.extend(text.encode() for text in flat)
                elif values.dtype.kind == "i":
                    feature.int64_list.value.extend(flat)
                else:
                    feature.float_list.value.extend(flat)
            writer.write(example.SerializeToString())


def _feature(name: str, values: Array) -> str:
    kind = {"i": "INT", "U": "BYTES"}.get(values.dtype.kind, "FLOAT")
    dims = " ".join(f"dim {{ size: {size} }}" for size in values.shape[1:])
    always = f"presence {{ min_fraction: 1 }} shape {{ {dims} }}"
    return f'feature {{ name: "{name}" type: {kind} {always} }}\n'


def artifact(kind: Any, folder: Path) -> Any:
    """Returns one of TFX's artifacts in a folder."""
    made = kind()
    made.uri, made.id = str(folder), 1
    return made


def beam_context(folder: Path) -> Any:
    """Returns what TFX's executors need to run Beam in this process."""
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor

    return BaseBeamExecutor.Context(
        beam_pipeline_args=["--direct_running_mode=in_memory"],
        tmp_dir=str(folder / "temporary"),
        unique_id="1",
    )
