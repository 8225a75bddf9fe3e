"""Models with several outputs, and of all types that a page can take: the same on every engine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement import extremes
from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from core.arrays import Array
from models.spec import Limits, ModelSpec, Output, Tensor
from web import target
from web.checks.smoke import smoke
from web.server.site_server import serving

pytestmark = pytest.mark.browser

LIMITS = Limits(agreement=0.999, max_diff=1e-4)
BOXES = 5
# Neither the order of the outputs nor that of their names is the order in which they are computed.
HEADS = ModelSpec(
    name="heads",
    title="Heads",
    description="Says what is in a picture, and where.",
    inputs=(Tensor("image", "float32", (6, 6, 1), "Grey values.", 0.0, 1.0, "image"),),
    outputs=(
        Output("scores", "float32", (BOXES,), "", 0.0, 1.0, role="detection", part="scores"),
        Output("kind", "float32", (3,), "", 0.0, 1.0, labels=("a", "b", "c"), label_key="kind"),
        Output("a box.es", "float32", (BOXES, 4), "", role="detection", part="boxes"),
    ),
    profiles={},
    limits={"web": {"float32": LIMITS}},
    golden_examples=3,
)
TYPES = ModelSpec(
    name="types",
    title="Types",
    description="Every type of input and output.",
    inputs=(
        Tensor("picture", "uint8", (4, 4, 3), "", 0, 255, "image"),
        Tensor("ids", "int64", (3,), "", 0, 9),
        Tensor("step", "int8", (), "", -100, 100),
        Tensor("flag", "bool", (2,), ""),
        Tensor("half", "float16", (2,), "", -2.0, 2.0),
        Tensor("double", "float64", (), "", -2.0, 2.0),
    ),
    outputs=(
        Output("best", "int64", (), "", role="tensor"),
        Output("above", "bool", (3,), "", role="tensor"),
        Output("values", "float16", (3,), "", role="tensor"),
    ),
    profiles={},
    limits={"web": {"float32": Limits(agreement=0.95, max_diff=2e-3)}},
    golden_examples=3,
)


def export_heads(folder: Path) -> None:
    import tensorflow as tf

    random = np.random.default_rng(3)

    def weights(*shape: int) -> Any:
        return tf.constant(random.normal(size=shape).astype(np.float32))

    kernel, for_boxes, for_scores = weights(3, 3, 1, 4), weights(36, BOXES * 4), weights(36, BOXES)
    for_kinds = weights(36, 3)

    @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 1), tf.float32, name="image")])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        found = tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"))
        features = tf.reshape(tf.reduce_mean(found, 3), (-1, 36))
        corners = tf.reshape(tf.sigmoid(features @ for_boxes), (-1, BOXES, 4))
        low, high = tf.split(corners, 2, axis=2)
        return {
            "kind": tf.nn.softmax(features @ for_kinds),
            "a box.es": tf.concat([tf.minimum(low, high), tf.maximum(low, high)], 2),
            "scores": tf.sigmoid(features @ for_scores),
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})


def export_types(folder: Path) -> None:
    import tensorflow as tf

    table = tf.constant(np.random.default_rng(4).normal(size=(10, 3)).astype(np.float32))
    signature = [
        tf.TensorSpec((None, *tensor.shape), tensor.dtype, name=tensor.name)
        for tensor in TYPES.inputs
    ]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def serve(picture: Any, ids: Any, step: Any, flag: Any, half: Any, double: Any) -> Any:
        bright = tf.reduce_mean(tf.cast(picture, tf.float32), [1, 2]) / 255
        words = tf.reduce_sum(tf.gather(table, ids), 1)
        signs = tf.reduce_sum(tf.cast(flag, tf.float32), 1, keepdims=True)
        more = tf.cast(double, tf.float32) + tf.cast(step, tf.float32) / 100
        values = bright + words + signs + more[:, None] * tf.cast(half[:, :1], tf.float32)
        return {
            "best": tf.argmax(values, 1),
            "above": values > 1,
            "values": tf.cast(values, tf.float16),
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})


def golden_of(folder: Path, spec: ModelSpec, inputs: Mapping[str, Array]) -> Golden:
    """Returns the golden set of a SavedModel, with extreme inputs."""
    import tensorflow as tf

    answer = tf.saved_model.load(str(folder)).signatures["serving_default"]
    answers = answer(**{name: tf.constant(rows) for name, rows in inputs.items()})
    outputs = {output.name: answers[output.name].numpy() for output in spec.outputs}
    truths = {"kind": outputs["kind"].argmax(1)} if "kind" in outputs else {}
    golden = Golden(inputs, outputs, truths, spec.outputs)
    return golden.with_extremes(extremes.of_saved_model(folder, spec))


def made(folder: Path, spec: ModelSpec, golden: Golden) -> Artifacts:
    golden.examples.save(folder / "golden")
    config = ConvertConfig(folder, folder / "golden")
    return target.convert(folder / "saved_model", folder / "web", spec=spec, config=config)


def test_all_heads_agree_on_every_engine(tmp_path: Path) -> None:
    export_heads(tmp_path / "saved_model")
    images = np.random.default_rng(5).random((300, 6, 6, 1), np.float32)
    golden = golden_of(tmp_path / "saved_model", HEADS, {"image": images})
    site = made(tmp_path, HEADS, golden)
    rows = target.check(site, golden, limits=HEADS.limits["web"])
    assert [(row.status, row.reason) for row in rows] == [("passed", "")] * 4, rows
    assert [row.runtime.split()[0] for row in rows] == ["TensorFlow.js"] * 3 + ["LiteRT.js"]
    assert [row.examples for row in rows] == [300, 256, 256, 256]
    assert all(row.agreement == 1 and row.max_abs_diff < 1e-4 for row in rows)
    # The page answers with every output, in the same order of names as golden.json.
    with serving(site.folder) as url:
        [row] = smoke(url, site.folder / "golden.json", spec=HEADS, limits=LIMITS)
    assert (row.status, row.reason) == ("passed", "")


def test_all_types_agree_on_every_backend(tmp_path: Path) -> None:
    export_types(tmp_path / "saved_model")
    random = np.random.default_rng(6)
    count = 40
    inputs = {
        "picture": random.integers(0, 256, (count, 4, 4, 3)).astype(np.uint8),
        "ids": random.integers(0, 10, (count, 3)),
        "step": random.integers(-100, 101, count).astype(np.int8),
        "flag": random.random((count, 2)) < 0.5,
        "half": random.uniform(-2, 2, (count, 2)).astype(np.float16),
        "double": random.uniform(-2, 2, count),
    }
    golden = golden_of(tmp_path / "saved_model", TYPES, inputs)
    site = made(tmp_path, TYPES, golden)
    rows = target.check(site, golden, limits=TYPES.limits["web"])
    assert [(row.runtime.split()[2], row.status, row.reason) for row in rows] == [
        (engine, "passed", "") for engine in ("wasm", "cpu", "webgl")
    ], rows
    with serving(site.folder) as url:
        limits = TYPES.limits["web"]["float32"]
        [row] = smoke(url, site.folder / "golden.json", spec=TYPES, limits=limits)
    assert (row.status, row.reason) == ("passed", "")
