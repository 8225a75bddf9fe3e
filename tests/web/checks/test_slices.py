"""Parts of tensors on WebAssembly, whose kernel web/bundle/patches.ts corrects."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import ConvertConfig
from models.spec import Limits, ModelSpec, Output, Tensor
from web import target

pytestmark = pytest.mark.browser

SHAPE = (2, 3, 4, 5)
SPEC = ModelSpec(
    name="slices",
    title="Slices",
    description="One value of each kind of part.",
    inputs=(Tensor("x", "float32", SHAPE, "Numbers.", -9.0, 9.0),),
    outputs=(Output("values", "float32", (7,), "One of each kind.", role="tensor"),),
    profiles={},
    limits={"web": {"float32": Limits(agreement=0.99, max_abs_diff=1e-3)}},
    golden_examples=4,
)


def parts(x: Any) -> dict[str, Any]:
    """Returns sums of parts of tensors of two to five dimensions, and of each type."""
    import tensorflow as tf

    rows, numbers = tf.reshape(x, [-1, 120]), tf.cast(x, tf.int32)
    cut = (
        rows[:, 7:90],
        tf.reshape(x, [-1, 6, 20])[:, 1:5, 3:],
        tf.reshape(x, [-1, 6, 4, 5])[:, 2:, 1:3, 2:4],
        x[:, 1:, :2, 1:3, 2:],
        tf.concat(tf.split(rows, 40, 1)[::-3], 1) * rows[:, :42],
        tf.cast(numbers[:, 1, 1:, :, :3], tf.float32),
        tf.cast((x > 0)[:, :, 1:, 2:, 1:], tf.float32),
    )
    weighed = [
        tf.reshape(each, [-1, size]) @ np.arange(size, dtype=np.float32)[:, None] / size
        for each in cut
        for size in [int(np.prod(each.shape[1:]))]
    ]
    return {"values": tf.concat(weighed, 1)}


def test_parts_agree_on_every_backend(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    signature = [tf.TensorSpec((None, *SHAPE), tf.float32, name="x")]
    module.serve = tf.function(parts, input_signature=signature)
    tf.saved_model.save(module, str(tmp_path / "saved_model"), {"serving_default": module.serve})
    x = np.random.default_rng(5).uniform(-9, 9, (32, *SHAPE)).astype(np.float32)
    values = module.serve(x)["values"].numpy()
    golden = Golden({"x": x}, {"values": values}, {}, SPEC.outputs)
    golden.save(tmp_path / "golden")
    config = ConvertConfig(tmp_path, tmp_path / "golden")
    site = target.convert(tmp_path / "saved_model", tmp_path / "web", spec=SPEC, config=config)
    rows = target.check(site, golden, limits=SPEC.limits["web"])
    assert [(row.status, row.reason) for row in rows] == [("passed", "")] * len(rows)
    assert "wasm" in rows[0].runtime
