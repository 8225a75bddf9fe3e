"""A tiny model's site, built once by the real converter and the real page build."""

from pathlib import Path

import numpy as np
import pytest

from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from models.spec import Limits, ModelSpec, Tensor
from tests.golden import classes_golden
from web import target

LABELS = ("dark", "middle", "bright")
SPEC = ModelSpec(
    name="tiny",
    title="Tiny pictures",
    description="Says how bright a picture is.",
    inputs=(Tensor("image", "float32", (6, 6, 1), "Grey values.", 0.0, 255.0, "image"),),
    outputs=(Tensor("probabilities", "float32", (3,), "One a label.", 0.0, 1.0),),
    labels=LABELS,
    profiles={},
    limits={
        "web": {
            "float16": Limits(agreement=0.999),
            "float32": Limits(agreement=0.9999, max_diff=1e-4),
        }
    },
    golden_examples=6,
)


@pytest.fixture(scope="session")
def golden(saved_model: Path) -> Golden:
    import tensorflow as tf

    random = np.random.default_rng(5)
    ground = np.repeat([40, 120, 200], 50)[:, None, None, None]
    images = (ground + random.integers(-30, 30, (150, 6, 6, 1))).astype(np.float32)
    labels = np.repeat(np.arange(3), 50)
    order = random.permutation(150)
    answer = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    outputs = answer(image=tf.constant(images[order]))["probabilities"].numpy()
    return classes_golden({"image": images[order]}, labels[order], outputs)


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    class Tiny(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            edges = np.random.default_rng(3).normal(0, 0.01, (3, 3, 1, 4))
            self.kernel = tf.Variable(edges.astype(np.float32))
            # Scores of brightness 40, 120 and 200 by distance: -(x - c)^2 + x^2.
            self.weights = tf.Variable([[80.0, 240.0, 400.0]])
            self.bias = tf.Variable([-1600.0, -14400.0, -40000.0])

        @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 1), tf.float32, name="image")])
        def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
            texture = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))
            brightness = (
                tf.reduce_mean(image, [1, 2])
                + 0.01 * tf.reduce_mean(texture, [1, 2, 3], keepdims=False)[:, None]
            )
            scores = brightness @ self.weights + self.bias
            return {"probabilities": tf.nn.softmax(scores / 3000.0)}

    folder = tmp_path_factory.mktemp("tiny") / "saved_model"
    module = Tiny()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


@pytest.fixture(scope="session")
def site(saved_model: Path, golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """The converted site. Tests that change it must copy it."""
    folder = tmp_path_factory.mktemp("site")
    golden.save(folder / "golden")
    config = ConvertConfig(folder / "no-examples", folder / "golden")
    return target.convert(saved_model, folder / "web", spec=SPEC, config=config)
