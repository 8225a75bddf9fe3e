"""The data gate, behind TFX's own StatisticsGen and ExampleValidator."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.spec import known_models, load
from pipeline.new.schema import tensor
from pipeline.stages.data_gate import read_anomalies
from tests.pipeline.stages.evaluated import Arrays, artifact, beam_context, write_examples

# TFX and Beam warn of themselves.
pytestmark = pytest.mark.filterwarnings("default")
# As the schemas of the models that come with the project say it.
CURATED = """feature {
  name: "bill" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 2 } }
  float_domain { min: 0.0 max: 80.0 disallow_nan: true disallow_inf: true }
}"""


def anomalies(schema: str, rows: Arrays, folder: Path) -> list[str]:
    """Returns what the data gate says of examples with these features."""
    from tfx.components.example_validator import executor as validating
    from tfx.components.statistics_gen import executor as describing
    from tfx.types.standard_artifacts import (
        ExampleAnomalies,
        Examples,
        ExampleStatistics,
        Schema,
    )

    data = artifact(Examples, folder / "examples")
    data.split_names = '["train"]'
    data.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    write_examples(rows, folder / "examples" / "Split-train" / "part.gz")
    statistics = artifact(ExampleStatistics, folder / "statistics")
    describing.Executor(beam_context(folder)).Do(
        {"examples": [data]}, {"statistics": [statistics]}, {}
    )
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.pbtxt").write_text(schema)
    validating.Executor(beam_context(folder)).Do(
        {"statistics": [statistics], "schema": [artifact(Schema, folder / "schema")]},
        {"anomalies": [artifact(ExampleAnomalies, folder / "anomalies")]},
        {},
    )
    return read_anomalies(folder / "anomalies")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    "schema",
    [tensor("bill", (2,), "FLOAT"), tensor("bill", (2,), "FLOAT", (0.0, 9.0)), CURATED],
    ids=["new", "new with a range", "curated"],
)
def test_a_number_that_is_not_finite_is_stopped(schema: str, bad: float, tmp_path: Path) -> None:
    rows = {"bill": np.array([[1, 2], [2, 1], [1, 1]], np.float32)}
    assert anomalies(schema, rows, tmp_path / "finite") == []
    rows["bill"][1, 0] = bad
    [sentence] = anomalies(schema, rows, tmp_path / "not")
    assert sentence.startswith("split train, feature 'bill': ")


@pytest.mark.parametrize("model", known_models())
def test_every_number_of_a_curated_schema_must_be_finite(model: str) -> None:
    schema: Any = parsed(load(model).schema.read_text())
    floats = [feature for feature in schema.feature if feature.type == schema_pb2().FLOAT]
    assert [each.name for each in floats if not each.float_domain.disallow_nan] == []
    assert [each.name for each in floats if not each.float_domain.disallow_inf] == []


def parsed(text: str) -> Any:
    from google.protobuf import text_format

    return text_format.Parse(text, schema_pb2().Schema())


def schema_pb2() -> Any:
    from tensorflow_metadata.proto.v0 import schema_pb2

    return schema_pb2
