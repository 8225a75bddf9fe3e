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
from core.toolchain import ROOT
from models.spec import Limits, ModelSpec, Output, Tensor
from tests.web.app.test_app import node
from web import target
from web.checks.smoke import smoke
from web.server.site_server import serving

pytestmark = pytest.mark.browser

LIMITS = Limits(agreement=0.99, max_diff=1e-4)
SIDE = 32
NAMES = ("red", "blue")


def output(name: str, role: str, *shape: int, **more: Any) -> Output:
    label_key = more.pop("label_key", "")
    return Output(
        name, more.pop("dtype", "float32"), shape, "", role=role, label_key=label_key, **more
    )


# One head of each role, about red and blue things in a picture.
ROLES = ModelSpec(
    name="things",
    title="Red and blue things",
    description="Finds red and blue things in a small picture.",
    inputs=(Tensor("image", "float32", (SIDE, SIDE, 3), "Colours.", 0.0, 255.0, "image"),),
    outputs=(
        output("largest", "classification", 3, labels=("none", *NAMES), label_key="largest"),
        output("is red", "binary", 1, labels=("not red", "red"), label_key="is_red"),
        output("colours", "multi_label", 2, labels=NAMES, label_key="colours"),
        output("area", "regression", 1, unit="px", label_key="area"),
        output("mask", "segmentation", SIDE, SIDE, 3, labels=("ground", *NAMES)),
        # Neither the order of the outputs nor that of their names is that of their computation.
        output("detection.scores", "detection", 2, part="scores", threshold=0.3),
        output("detection.classes", "detection", 2, part="classes", labels=NAMES, dtype="int32"),
        output("detection boxes", "detection", 2, 4, part="boxes", minimum=0.0, maximum=1.0),
        output("direction", "embedding", 8),
        output("smaller", "tensor", 16, 16, 3, minimum=0.0, maximum=255.0),
    ),
    profiles={},
    limits={"web": {"float32": LIMITS}},
    golden_examples=8,
)
TYPES = ModelSpec(
    name="types",
    title="Types",
    description="Every type of input and output.",
    inputs=(
        Tensor("picture", "uint8", (4, 4, 3), "", 0, 255, "image"),
        Tensor("second", "float32", (4, 4, 1), "", 0.0, 1.0, "image"),
        Tensor("ids", "int64", (3,), "", 0, 9),
        Tensor("step", "int8", (), "", -100, 100),
        Tensor("flag", "bool", (2,), ""),
        Tensor("lamp", "bool", (), ""),
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


def export_roles(folder: Path) -> None:
    import tensorflow as tf

    places = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    project = np.random.default_rng(3).normal(size=(8, 8)).astype(np.float32)

    def box(thing: Any) -> Any:
        """Returns the corners of a filled rectangle, from the mean and spread of its pixels."""
        ends = []
        for axis in (2, 1):
            weights = tf.reduce_sum(thing, axis) + 1e-6
            total = tf.reduce_sum(weights, 1, keepdims=True)
            middle = tf.reduce_sum(weights * places, 1, keepdims=True) / total
            spread = tf.reduce_sum(weights * (places - middle) ** 2, 1, keepdims=True) / total
            half = tf.sqrt(3 * spread)
            ends += [middle - half, middle + half]
        top, bottom, left, right = ends
        return tf.concat([top, left, bottom, right], 1)

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        red, green, blue = tf.split(image / 255, 3, axis=3)
        things = tf.nn.softmax(
            tf.concat([green * 0 + 4, 20 * (red - green), 20 * (blue - green)], 3)
        )
        areas = tf.reduce_mean(things[..., 1:], [1, 2])
        small = tf.nn.avg_pool2d(image, 2, 2, "VALID")
        features = tf.concat([areas, tf.reduce_mean(small[:, ::8, ::8], 3)[:, :, 0] / 255], 1)
        features = tf.concat([features, features, features], 1)[:, :8]
        ground = tf.reduce_sum(areas, 1, keepdims=True) * 0 + 0.02
        return {
            "largest": tf.nn.softmax(40 * tf.concat([ground, areas], 1)),
            "is red": tf.sigmoid(60 * (areas[:, :1] - areas[:, 1:])),
            "colours": tf.sigmoid(120 * (areas - 0.03)),
            "area": SIDE * SIDE * tf.reduce_sum(areas, 1, keepdims=True),
            "mask": things,
            "detection.scores": tf.minimum(20 * areas, 0.99),
            "detection.classes": tf.cast(areas * 0, tf.int32) + tf.constant([0, 1]),
            "detection boxes": tf.stack([box(things[..., 1]), box(things[..., 2])], 1),
            "direction": tf.math.l2_normalize((features - 0.3) @ project, 1),
            "smaller": small,
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})


def pictures(count: int) -> Array:
    """Returns grey pictures with a red rectangle, a blue one, both or neither."""
    random = np.random.default_rng(5)
    images = np.repeat(random.uniform(60, 200, (count, SIDE, SIDE, 1)), 3, axis=3)
    for image in images:
        for channel in random.permutation([0, 2])[: random.integers(0, 3)]:
            top, left = random.integers(0, SIDE - 16, 2)
            height, width = random.integers(5, 16, 2)
            image[top : top + height, left : left + width] *= 0.2
            image[top : top + height, left : left + width, channel] = 250
    return images.astype(np.float32)


def export_types(folder: Path) -> None:
    import tensorflow as tf

    table = tf.constant(np.random.default_rng(4).normal(size=(10, 3)).astype(np.float32))
    signature = [
        tf.TensorSpec((None, *tensor.shape), tensor.dtype, name=tensor.name)
        for tensor in TYPES.inputs
    ]

    @tf.function(input_signature=signature)  # type: ignore[untyped-decorator]
    def serve(
        picture: Any, second: Any, ids: Any, step: Any, flag: Any, lamp: Any, half: Any, double: Any
    ) -> Any:
        bright = tf.reduce_mean(tf.cast(picture, tf.float32), [1, 2]) / 255
        bright += tf.reduce_mean(second, [1, 2]) + tf.cast(lamp, tf.float32)[:, None]
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
    truths = {}
    if spec is ROLES:
        truths = {
            "largest": outputs["largest"].argmax(1),
            "is red": (outputs["is red"][:, 0] > 0.5).astype(int),
            "colours": (outputs["colours"] > 0.5).astype(int),
            "area": outputs["area"][:, 0],
        }
    golden = Golden(inputs, outputs, truths, spec.outputs)
    return golden.with_extremes(extremes.of_saved_model(folder, spec))


def made(folder: Path, spec: ModelSpec, golden: Golden) -> Artifacts:
    golden.examples.save(folder / "golden")
    config = ConvertConfig(folder, folder / "golden")
    return target.convert(folder / "saved_model", folder / "web", spec=spec, config=config)


@pytest.fixture(scope="module")
def of_roles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifacts, Golden]:
    folder = tmp_path_factory.mktemp("roles")
    export_roles(folder / "saved_model")
    golden = golden_of(folder / "saved_model", ROLES, {"image": pictures(300)})
    return made(folder, ROLES, golden), golden


def test_all_heads_agree_on_every_engine(of_roles: tuple[Artifacts, Golden]) -> None:
    site, golden = of_roles
    rows = target.check(site, golden, limits=ROLES.limits["web"])
    assert [(row.status, row.reason) for row in rows] == [("passed", "")] * 4, rows
    assert [row.runtime.split()[0] for row in rows] == ["TensorFlow.js"] * 3 + ["LiteRT.js"]
    assert [row.examples for row in rows] == [300, 256, 256, 256]
    assert all(row.agreement == 1 for row in rows)


def test_the_page_answers_with_all_heads(of_roles: tuple[Artifacts, Golden]) -> None:
    site, _ = of_roles
    with serving(site.folder) as url:
        [row] = smoke(url, site.folder / "golden.json", spec=ROLES, limits=LIMITS)
        assert (row.status, row.reason) == ("passed", "")
        node("--test", "browser/roles.test.ts", SITE=url, PICTURES=str(ROOT / "build" / "roles"))


def test_all_types_agree_on_every_backend(tmp_path: Path) -> None:
    export_types(tmp_path / "saved_model")
    random = np.random.default_rng(6)
    count = 40
    inputs = {
        "picture": random.integers(0, 256, (count, 4, 4, 3)).astype(np.uint8),
        "second": random.random((count, 4, 4, 1), np.float32),
        "ids": random.integers(0, 10, (count, 3)),
        "step": random.integers(-100, 101, count).astype(np.int8),
        "flag": random.random((count, 2)) < 0.5,
        "lamp": random.random(count) < 0.5,
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
        node("--test", "browser/types.test.ts", SITE=url)
