"""What must not go out is stopped at its gate, by name, and the last good release stays."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RUN = """
import json, sys
from dataclasses import replace
import pipeline.run
from pipeline.config import Config
from pipeline.errors import FanoutError
config = Config.from_environment("fashion", "quick")
{change}
try:
    pipeline.run.run(config)
except FanoutError as error:
    sys.exit(f"error: {{error}}")
"""

UNTRAINED = """
profile = config.profile
untrained = {**profile.hyperparameters, "epochs": 1, "learning_rate": 1e-12}
profile = replace(profile, hyperparameters=untrained)
config = replace(config, spec=replace(config.spec, profiles={"quick": profile}))
"""

A_LABEL_THAT_THE_SCHEMA_DOES_NOT_KNOW = """
from models import examples
from pipeline import data
from pipeline.files import write_text
file = config.tfrecords / "train" / "train.tfrecord"
source = config.spec.module("data").examples(config.dataset, "train", 500)
examples.write(({**example, "label": 11} for example in source), file)
write_text(config.tfrecords / "made-from.json", json.dumps(data._state(config, config.tfrecords)))
pipeline.run._already_made = lambda *_: None
"""

OTHER_WEIGHTS = """
import numpy as np
from tensorflow.lite.tools import flatbuffer_utils
model = flatbuffer_utils.read_model({file!r})
FLOAT32 = 0
for tensor in model.subgraphs[0].tensors:
    buffer = model.buffers[tensor.buffer]
    if tensor.type == FLOAT32 and buffer.data is not None and len(buffer.data) > 1000:
        weights = np.frombuffer(bytes(buffer.data), np.float32)
        buffer.data = np.roll(weights, 7).view(np.uint8)
flatbuffer_utils.write_model(model, {file!r})
"""

CHECK_MOBILE_AGAIN = """
from pipeline.retries import mark_for_retry
mark_for_retry(config, ["mobile"])
pipeline.run._already_made = lambda *_: None
"""


def run_with(place: Any, change: str) -> str:
    """Returns what a run that must fail says."""
    error: str = place.python(RUN.format(change=change), expect=1).stderr
    assert "Traceback" not in error.rpartition("error: ")[2]
    return error.rpartition("error: ")[2]


def test_an_untrained_model_is_stopped_by_the_evaluator(deployed: Any) -> None:
    before = deployed.manifest["version"]
    error = run_with(deployed, UNTRAINED)
    assert error.startswith("gate Evaluator: ")
    assert "accuracy on all examples is 0." in error
    assert "at least 0.78 is required" in error
    assert deployed.manifest["version"] == before


def test_an_anomaly_is_stopped_by_the_data_gate(deployed: Any) -> None:
    before = deployed.manifest["version"]
    error = run_with(deployed, A_LABEL_THAT_THE_SCHEMA_DOES_NOT_KNOW)
    (deployed.build / "tfrecords" / "made-from.json").unlink()
    assert error.startswith("gate DataGate: split train, feature 'label': ")
    assert "11" in error
    assert deployed.manifest["version"] == before


def test_a_file_with_wrong_weights_is_stopped_by_its_check(deployed: Any) -> None:
    before = deployed.manifest["version"]
    converted = sorted((deployed.build / "artifacts").glob("Convert.mobile/converted/*"))[-1]
    file = converted / "Format-Serving" / "fashion.float32.tflite"
    contents = file.read_bytes()
    try:
        deployed.python(OTHER_WEIGHTS.format(file=str(file)))
        error = run_with(deployed, CHECK_MOBILE_AGAIN)
    finally:
        file.write_bytes(contents)
    assert "mobile float32 on tflite-runtime 2.14.0 failed: " in error
    assert "mobile float32 on LiteRT" in error
    assert "serving" not in error
    assert deployed.manifest["version"] == before

    refused = before + 1
    folder = deployed.build / "releases" / str(refused)
    assert not (folder / "mobile").exists()
    assert (folder / "web" / "index.html").is_file()
    assert "agreement" in deployed.fanout("promote", str(refused), expect=1).stderr
    assert deployed.manifest["version"] == before
    deployed.fanout("smoke")


def test_all_components_come_from_the_cache_when_nothing_changed(deployed: Any) -> None:
    said = deployed.python(RUN.format(change="pipeline.run._already_made = lambda *_: None")).stderr
    ran = [line for line in said.splitlines() if "✓" in line and "nothing changed" not in line]
    # The resolver has no cache, and the failed check above is due again.
    expected = {"LatestBlessedModel", "Check.mobile", "Pusher.mobile"}
    assert {line.split()[1] for line in ran if "examples" not in line} <= expected, said


def test_killed_at_any_moment_it_ends_as_if_undisturbed(
    deployed: Any, tmp_path: Path, make_place: Any
) -> None:
    place = make_place(tmp_path)
    for moment in ("✓ Transform", "✓ Check.serving"):
        _kill_after(place, moment)
        assert not (place.build / "releases" / "current").exists()
    place.fanout("run")
    assert place.manifest["version"] == 1
    assert set(place.manifest["files"]) == set(_first_manifest(deployed)["files"])
    assert all(row["status"] == "passed" for row in place.manifest["checks"])


def _first_manifest(place: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.build / "releases/1/manifest.json").read_text())
    return found


def _kill_after(place: Any, moment: str) -> None:
    process = subprocess.Popen(
        [place.command, "run"],
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    with process.stderr:
        seen = []
        for line in process.stderr:
            seen.append(line)
            if moment in line:
                break
        else:
            pytest.fail(f"{moment!r} never came: {''.join(seen)}")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
