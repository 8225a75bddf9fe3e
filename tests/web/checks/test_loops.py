"""Loops of recurrent layers, and a causal mask: TensorFlow.js needs web/bundle/patches.ts."""

from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import ConvertConfig
from models.spec import Limits, ModelSpec, Tensor
from tests.golden import classes_golden
from tests.web.app.test_app import node
from web import target
from web.server.site_server import serving

pytestmark = pytest.mark.browser

STEPS, WIDTH, WORDS = 5, 4, 9
SPEC = ModelSpec(
    name="loops",
    title="Loops",
    description="One value of each kind of loop, and one of a causal mask.",
    inputs=(
        Tensor("steps", "float32", (STEPS, WIDTH), "A sequence.", -1.0, 1.0),
        Tensor("ids", "int32", (STEPS,), "Ids of words; 0 is none.", 0, WORDS - 1),
    ),
    outputs=(Tensor("values", "float32", (5,), "One a label.", -100.0, 100.0),),
    labels=("LSTM", "stacked", "masked", "scan", "causal"),
    profiles={},
    limits={"web": {"float32": Limits(agreement=0.99, max_abs_diff=1e-5)}},
    golden_examples=4,
)


def export(folder: Path) -> None:
    import keras

    class Scanned(keras.layers.Layer):  # type: ignore[misc]
        """Adds up the steps in a loop that keeps every sum in a list."""

        def call(self, steps: object) -> object:
            by_time = keras.ops.transpose(steps, (1, 0, 2))
            start = keras.ops.zeros_like(by_time[0])
            total, sums = keras.ops.scan(lambda sum_, x: (sum_ + x, sum_ * x), start, by_time)
            return keras.ops.mean(sums, axis=0) + total

    class Causal(keras.layers.Layer):  # type: ignore[misc]
        """Weighs each step with the steps before it."""

        def call(self, steps: object) -> object:
            scores = keras.ops.matmul(steps, keras.ops.transpose(steps, (0, 2, 1)))
            return keras.ops.mean(keras.ops.matmul(keras.ops.tril(scores), steps), axis=1)

    keras.utils.set_random_seed(3)
    steps = keras.Input((STEPS, WIDTH), name="steps")
    ids = keras.Input((STEPS,), dtype="int32", name="ids")
    layers = keras.layers
    branches = [
        layers.LSTM(6)(steps),
        layers.GRU(5)(layers.LSTM(6, return_sequences=True)(steps)),
        layers.GRU(5)(layers.Embedding(WORDS, 3, mask_zero=True)(ids)),
        Scanned()(steps),
        Causal()(steps),
    ]
    values = layers.Concatenate()([layers.Dense(1)(branch) for branch in branches])
    archive = keras.export.ExportArchive()
    model = keras.Model({"steps": steps, "ids": ids}, {"values": values})
    archive.track(model)
    signature = {
        "steps": keras.InputSpec(shape=(None, STEPS, WIDTH), dtype="float32", name="steps"),
        "ids": keras.InputSpec(shape=(None, STEPS), dtype="int32", name="ids"),
    }
    archive.add_endpoint("serving_default", model, [signature])
    archive.write_out(str(folder), verbose=False)


def golden_set(saved_model: Path) -> Golden:
    import tensorflow as tf

    random = np.random.default_rng(4)
    steps = random.uniform(-1, 1, (32, STEPS, WIDTH)).astype(np.float32)
    ids = random.integers(0, WORDS, (32, STEPS)).astype(np.int32)
    answer = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    values = answer(steps=tf.constant(steps), ids=tf.constant(ids))["values"].numpy()
    return classes_golden({"steps": steps, "ids": ids}, values.argmax(axis=1), values, "values")


def test_loops_and_causal_masks_agree_on_every_backend(tmp_path: Path) -> None:
    export(tmp_path / "saved_model")
    golden = golden_set(tmp_path / "saved_model")
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    site = target.convert(tmp_path / "saved_model", tmp_path / "web", spec=SPEC, config=config)
    graph = (site.folder / "model" / "model.json").read_text()
    # Otherwise this test would check nothing.
    assert all(name in graph for name in ("While", "TensorListSetItem", "MatrixBandPart"))
    rows = target.check(site, golden, limits=SPEC.limits["web"])
    # A row also fails if tensors leak or if the page has a kernel that does not run.
    assert [(row.runtime.split()[2], row.status, row.reason) for row in rows] == [
        (engine, "passed", "") for engine in ("wasm", "cpu", "webgl")
    ]
    assert all(row.max_abs_diff < 1e-5 for row in rows)
    with serving(site.folder) as url:
        node("--test", "browser/sequences.test.ts", SITE=url)
