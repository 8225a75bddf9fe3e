"""The same data are imported in the same order and teach Transform the same numbers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from core.toolchain import ROOT

ROWS = 4_000
SCHEMA = (
    'feature { name: "value" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }'
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Numbers whose mean of float32 depends on how they are put together."""
    folder = tmp_path / "data"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "rows.tfrecord")) as file:
        for value in np.random.default_rng(3).normal(1e3, 1e4, ROWS):
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            features = tf.train.Features(feature={"value": feature})
            file.write(tf.train.Example(features=features).SerializeToString())
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)
    return tmp_path


def test_twice_the_same(data: Path) -> None:
    # A process of its own: TFX warns of its own imports.
    command = [sys.executable, "-m", "tests.pipeline.stages.repeatable_program", str(data)]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=1200
    )
    assert not done.returncode, done.stderr[-2000:]
    first, second = json.loads(done.stdout)
    assert len(first["order"]) == ROWS
    # Beam's own sizes, which are None here, may happen to be the same ones twice.
    assert set(first["batch_sizes"]) == {256}
    assert first == second
