"""The same data is imported in the same order, and Transform learns the same numbers from it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.warm import Warm, module

# It runs TFX.
pytestmark = pytest.mark.e2e

ROWS = 4_000
SCHEMA = (
    'feature { name: "value" type: FLOAT presence { min_fraction: 1 } shape { dim { size: 1 } } }'
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Writes numbers whose mean in float32 depends on the order in which they are added."""
    folder = tmp_path / "data"
    folder.mkdir()
    with tf.io.TFRecordWriter(str(folder / "rows.tfrecord")) as file:
        for value in np.random.default_rng(3).normal(1e3, 1e4, ROWS):
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            features = tf.train.Features(feature={"value": feature})
            file.write(tf.train.Example(features=features).SerializeToString())
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)
    return tmp_path


def test_two_runs_give_the_same(data: Path, warm: Warm) -> None:
    # In a separate process, because TFX's imports cause warnings.
    job = module("tests.pipeline.stages.repeatable_program", str(data))
    done = warm.run(job, os.environ)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert len(first["order"]) == ROWS
    # Beam's own sizes, which are None here, may happen to be the same ones twice.
    assert set(first["batch_sizes"]) == {256}
    assert first == second
