"""A residual network through the real converter, which takes shortcuts for biases."""

from pathlib import Path

import numpy as np
import pytest

from web.conversion import graph_models
from web.conversion.calibration_graph import CalibrationGraph
from web.conversion.graph_model import GraphModel
from web.conversion.residuals import UNFUSED

SIZE, CHANNELS = 8, 4


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One shortcut round a convolution and one round a dense layer, each with an activation."""
    import tensorflow as tf

    random = np.random.default_rng(8)

    def kernel(*shape: int) -> tf.Variable:
        return tf.Variable(random.normal(0, 0.3, shape).astype(np.float32))

    module = tf.Module()
    module.kernels = [kernel(3, 3, 1, CHANNELS), kernel(3, 3, CHANNELS, CHANNELS), kernel(4, 4)]
    module.bias = kernel(CHANNELS)
    first, second, dense = module.kernels

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, name="image")])
    def network(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME") + module.bias)
        x = tf.nn.relu(tf.nn.conv2d(x * tf.sigmoid(x), second, 1, "SAME") + x)
        x = tf.reduce_mean(x, (1, 2))
        return {"probabilities": tf.nn.softmax(tf.nn.leaky_relu(tf.sin(x) @ dense + x, 0.3))}

    module.network = network
    folder = tmp_path_factory.mktemp("residual")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": network})
    return folder


def test_shortcuts_are_added_and_true_biases_stay_fused(saved_model: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    graph_models.write(saved_model, {"float32": tmp_path}, dict)
    model = GraphModel.read(tmp_path)
    fused = [node for node in model.description["modelTopology"]["node"] if node["op"] in UNFUSED]
    assert [model.weights[node["input"][2]].shape for node in fused] == [(CHANNELS,)]
    images = np.random.default_rng(9).random((5, SIZE, SIZE, 1), np.float32)
    answers = tf.saved_model.load(str(saved_model)).signatures["serving_default"](image=images)
    np.testing.assert_allclose(
        CalibrationGraph(model, {"image": images}).outputs({}),
        answers["probabilities"],
        atol=1e-6,
    )
