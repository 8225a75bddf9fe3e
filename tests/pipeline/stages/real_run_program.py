"""python -m tests.pipeline.stages.real_run_program FOLDER: runs a small pipeline with TFX's runner.

The second run comes from the cache. Prints as JSON what the product reads from these runs.
"""

import io
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.components.evaluator import constants
from tfx.components.tuner import executor as tuning
from tfx.components.util import model_utils
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import (
    Examples,
    HyperParameters,
    InfraBlessing,
    Model,
    TunerResults,
)

from core.agreement.checks import PASSED, Check
from core.console import CONSOLE
from models.spec import load
from pipeline.report.splits import splits
from pipeline.stages import in_process
from pipeline.stages.component_lines import component_lines
from pipeline.stages.components import _bless, converted_folder
from pipeline.stages.data_gate import read_anomalies
from pipeline.stages.lineage import run_before
from pipeline.stages.local_tfx import tfx
from pipeline.training import search

SCHEMA = """feature {
  name: "value" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } }
  float_domain { min: 0 max: 9 }
}"""


@component
def Made(  # noqa: N802 - a component reads as a class
    examples: InputArtifact[Examples], converted: OutputArtifact[Model], fingerprint: Parameter[str]
) -> None:
    """Copies the files of a split into a model's folder."""
    folder = converted_folder(converted.uri)
    folder.mkdir(parents=True)
    for file in Path(examples.uri, "Split-train").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


@component
def Checked(converted: InputArtifact[Model], blessing: OutputArtifact[InfraBlessing]) -> None:  # noqa: N802
    """Blesses."""
    _bless(blessing, [Check("target", "variant", "runtime", PASSED)], {})
    if not model_utils.is_infra_validated(blessing):
        raise ValueError("TFX does not take it for a blessing")


def pipeline(folder: Path) -> tfx.dsl.Pipeline:
    kinds = [tfx.proto.Input.Split(name=name, pattern=f"{name}/*") for name in ("train", "test")]
    examples = tfx.components.ImportExampleGen(
        str(folder / "data"), input_config=tfx.proto.Input(splits=kinds)
    )
    statistics = tfx.components.StatisticsGen(examples=examples.outputs["examples"])
    schema = tfx.components.ImportSchemaGen(str(folder / "schema.pbtxt"))
    validator = tfx.components.ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"]
    )
    made = Made(examples=examples.outputs["examples"], fingerprint="of the code")
    checked = Checked(converted=made.outputs["converted"]).with_id("Check.one")
    place = tfx.proto.PushDestination.Filesystem(base_directory=str(folder / "pushed"))
    pusher = tfx.components.Pusher(
        model=made.outputs["converted"],
        infra_blessing=checked.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(filesystem=place),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="small",
        pipeline_root=str(folder / "artifacts"),
        components=[examples, statistics, schema, validator, made, checked, pusher],
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.db")
        ),
        enable_cache=True,
        beam_pipeline_args=["--direct_running_mode=in_memory"],
    )


def write_data(folder: Path) -> None:
    """Writes two splits, the second with a value that the schema does not allow."""
    for name, values in (("train", (1.0, 2.0, 3.0)), ("test", (4.0, 10.0))):
        file = folder / "data" / name / "part.tfrecord"
        file.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(file)) as writer:
            for value in values:
                example = tf.train.Example()
                example.features.feature["value"].float_list.value.append(value)
                writer.write(example.SerializeToString())
    (folder / "schema.pbtxt").write_text(SCHEMA)


def read(folder: Path) -> dict[str, Any]:
    run = run_before(folder / "metadata.db", datetime.now(UTC))
    if run is None:
        raise LookupError("no run is recorded")
    pushed = run["Pusher"]["pushed_model"]
    tuned = tfx.components.Transform(
        examples=tfx.dsl.Channel(type=Examples),
        schema=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Schema),
        preprocessing_fn="none",
        custom_config={"fingerprint": "of the settings"},
    )
    return {
        "steps": {
            name: {
                "cached": step.cached,
                "fingerprint": step.fingerprint,
                "inputs": [found.key for found in step.inputs],
                "outputs": [found.key for found in step.outputs],
            }
            for name, step in run.steps.items()
        },
        "anomalies": read_anomalies(run["ExampleValidator"]["anomalies"].folder),
        "splits": [
            [found.name, found.examples, [feature.name for feature in found.features]]
            for found in splits(run["StatisticsGen"]["statistics"].folder)
        ],
        "record of the input": run["ImportExampleGen"]["examples"].properties["input_fingerprint"],
        "pushed": [pushed.properties["pushed"], [file.name for file in pushed.folder.iterdir()]],
        "custom_config": json.loads(tuned.exec_properties["custom_config"]),
        # These components take longer, so only parts of their executors run.
        "Evaluator": [
            constants.ARTIFACT_PROPERTY_BLESSED_KEY,
            constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY,
        ],
        "Tuner": trials(folder),
    }


def trials(folder: Path) -> list[dict[str, Any]]:
    """Returns the trials of a search, as read from the file that TFX's Tuner writes."""
    spec = load("penguins")
    own = dict(spec.profile("quick").hyperparameters)
    oracle = search.Oracle(search.space(spec.search, own), own, 2, 60)
    place = {"directory": str(folder), "project_name": "search"}
    tuner = search.Tuner(oracle, lambda *_: 0.5, own, **place)
    tuner.search(verbose=0)
    best, results = HyperParameters(), TunerResults()
    best.uri, results.uri = str(folder / "best"), str(folder / "results")
    tuning.write_best_hyperparameters(
        tuner, {"best_hyperparameters": [best], "tuner_results": [results]}
    )
    return search.results(Path(results.uri, "tuner_results.json").read_text())


def main(folder: Path) -> None:
    write_data(folder)
    lines, seconds = [], []
    for turn in ("first", "second"):
        CONSOLE.file = shown = io.StringIO()
        begun = time.monotonic()
        with component_lines(folder / f"{turn}.log"):
            in_process.run(pipeline(folder))
        seconds.append(time.monotonic() - begun)
        lines.append(shown.getvalue().splitlines())
    print(json.dumps({"lines": lines, "seconds": seconds, **read(folder)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
