"""The undocumented names, files and log lines of TFX, read from a small run of its own runner."""

import json
import os
from typing import Any

import pytest

from tests.warm import Warm, module

# It runs TFX.
pytestmark = pytest.mark.e2e

COMPONENTS = {
    "ImportExampleGen": ([], ["examples"]),
    "ImportSchemaGen": ([], ["schema"]),
    "StatisticsGen": (["examples"], ["statistics"]),
    "ExampleValidator": (["schema", "statistics"], ["anomalies"]),
    "Made": (["examples"], ["converted"]),
    "Check.one": (["converted"], ["blessing"]),
    "Pusher": (["infra_blessing", "model"], ["pushed_model"]),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Any:
    folder = tmp_path_factory.mktemp("real")
    # A process of its own: TFX warns of its own imports.
    done = warm.run(module("tests.pipeline.stages.real_run_program", str(folder)), os.environ)
    assert not done.returncode, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_log_records_become_one_line_a_component(run: Any) -> None:
    first, second = run["lines"]
    for lines in (first, second):
        assert sorted(line.split()[1] for line in lines) == sorted(COMPONENTS)
    # Rounded to a tenth. If its start is not recognised, a component seems to take hours.
    took = [float(line.split()[2]) for line in first]
    assert sum(took) <= run["seconds"][0] + 0.05 * len(took)
    assert {" ".join(line.split()[2:]) for line in second} == {"nothing changed"}


def test_ml_metadata_has_every_component_with_its_artifacts(run: Any) -> None:
    found = {
        name: (sorted(step["inputs"]), sorted(step["outputs"]))
        for name, step in run["steps"].items()
    }
    assert found == COMPONENTS
    assert all(step["cached"] for step in run["steps"].values())
    assert run["steps"]["Made"]["fingerprint"] == "of the code"
    assert run["custom_config"] == {"fingerprint": "of the settings"}


def test_files_are_found_below_the_artifacts(run: Any) -> None:
    assert run["splits"] == [["train", 3, ["value"]], ["test", 2, ["value"]]]
    [anomaly] = run["anomalies"]
    assert anomaly.startswith("split test, feature 'value': ")
    assert run["pushed"] == [1, ["data_tfrecord-00000-of-00001.gz"]]
    assert [(trial["trial"], trial["accuracy"]) for trial in run["Tuner"]] == [(1, 0.5), (2, 0.5)]
    assert all("learning_rate" in trial["values"] for trial in run["Tuner"])


def test_properties_have_the_names_that_are_asked_for(run: Any) -> None:
    assert run["record of the input"].startswith("split:train,num_files:1,")
    assert run["Evaluator"] == ["blessed", "current_model_id"]
