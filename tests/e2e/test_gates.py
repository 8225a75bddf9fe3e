"""What must not go out is stopped at its gate, by name, and the last good release stays."""

from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]

RUN = """
import json, sys
from dataclasses import replace
import pipeline.commands.run
from core.errors import FanoutError
from pipeline.settings.config import Config
config = Config.from_environment("fashion", "quick")
{change}
try:
    pipeline.commands.run.run(config)
except FanoutError as error:
    sys.exit(f"error: {{error}}")
"""

# Every bag is called a T-shirt while the model is trained; all other classes are as they were.
A_BAD_CLASS = """
import tensorflow as tf
from models import examples
read = examples.read
def spoiled(*arguments, **options):
    def change(inputs, labels):
        return inputs, tf.where(labels == 8, tf.zeros_like(labels), labels)
    return read(*arguments, **options).map(change)
examples.read = spoiled  # where TFX, which imports the training anew, finds it
profile = config.profile
other = {**profile.hyperparameters, "seed": 8, "epochs": 2}
profile = replace(profile, hyperparameters=other)
config = replace(config, spec=replace(config.spec, profiles={"quick": profile}))
"""

AN_UNKNOWN_LABEL_AND_A_MISSING_PICTURE = """
from models import examples
from core.files import write_text
from pipeline.stages import data
file = config.build.tfrecords / "train" / "train.tfrecord"
source = list(config.spec.module("data").examples(config.dataset, "train", 500))
changed = [{**source[0], "label": 11}, {**source[1], "image": None}, *source[2:]]
examples.write(changed, file)
tfrecords = config.build.tfrecords
write_text(tfrecords / "made-from.json", json.dumps(data._state(config, tfrecords)))
pipeline.commands.run._already_made = lambda *_: None
"""

OTHER_WEIGHTS = """
import numpy as np
from tensorflow.lite.tools import flatbuffer_utils
model = flatbuffer_utils.read_model({file!r})
INT8 = 9
for tensor in model.subgraphs[0].tensors:
    buffer = model.buffers[tensor.buffer]
    if tensor.type == INT8 and buffer.data is not None and len(buffer.data) > 1000:
        buffer.data = np.roll(np.frombuffer(bytes(buffer.data), np.uint8), 7)
flatbuffer_utils.write_model(model, {file!r})
"""

CHECK_MOBILE_AGAIN = """
from pipeline.stages.retries import mark_for_retry
mark_for_retry(config, ["mobile"])
pipeline.commands.run._already_made = lambda *_: None
"""


def run_with(place: Any, change: str) -> str:
    """Returns what a run that must fail says."""
    error: str = place.python(RUN.format(change=change), expect=1).stderr
    assert "Traceback" not in error.rpartition("error: ")[2]
    return error.rpartition("error: ")[2]


def test_a_model_with_one_bad_class_is_stopped_by_the_evaluator(deployed: Any) -> None:
    before = deployed.manifest["version"]
    error = run_with(deployed, A_BAD_CLASS)
    assert error.startswith("gate Evaluator: ")
    assert "accuracy on Bag is 0.0000, at least 0.3 is required" in error
    assert "below the previously released model's, at most 0.25 is allowed" in error
    # The overall accuracy fell by more than the spec allows, but no other class is named.
    assert "Trouser" not in error
    assert deployed.manifest["version"] == before


def test_an_anomaly_is_stopped_by_the_data_gate(deployed: Any) -> None:
    before = deployed.manifest["version"]
    error = run_with(deployed, AN_UNKNOWN_LABEL_AND_A_MISSING_PICTURE)
    (deployed.build / "tfrecords" / "made-from.json").unlink()
    assert error.startswith("gate DataGate: split train, feature 'image': ")
    assert "split train, feature 'label': " in error
    assert "11" in error
    assert deployed.manifest["version"] == before


def test_a_fine_model_with_a_bad_int8_file_is_stopped_by_its_check(deployed: Any) -> None:
    before = deployed.manifest["version"]
    converted = sorted((deployed.build / "artifacts").glob("Convert.mobile/converted/*"))[-1]
    file = converted / "Format-Serving" / "fashion.int8.tflite"
    contents = file.read_bytes()
    try:
        deployed.python(OTHER_WEIGHTS.format(file=str(file)))
        error = run_with(deployed, CHECK_MOBILE_AGAIN)
    finally:
        file.write_bytes(contents)
    assert "mobile int8 on tflite-runtime 2.14.0 failed: " in error
    assert "mobile int8 on LiteRT" in error
    assert "float32" not in error
    assert deployed.manifest["version"] == before

    refused = before + 1
    folder = deployed.build / "releases" / str(refused)
    assert not (folder / "mobile").exists()
    assert (folder / "web" / "index.html").is_file()
    report = (folder / "report.html").read_text()
    assert "required checks did not pass: not promoted" in report
    assert "mobile int8" in report
    assert "agreement" in deployed.fanout("promote", str(refused), expect=1).stderr
    assert deployed.manifest["version"] == before
    deployed.fanout("smoke")


def test_all_components_come_from_the_cache_when_nothing_changed(deployed: Any) -> None:
    said = deployed.python(
        RUN.format(change="pipeline.commands.run._already_made = lambda *_: None")
    ).stderr
    ran = [line for line in said.splitlines() if "✓" in line and "nothing changed" not in line]
    # The resolver has no cache, and the failed check above is due again.
    expected = {"PromotedModel", "Check.mobile", "Pusher.mobile"}
    assert {line.split()[1] for line in ran if "examples" not in line} <= expected, said
