"""Two loops in a float16 file, in both edge runtimes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from mobile.checks.runtimes import RUNTIMES, EdgeRuntime, run
from mobile.conversion.loops import with_float32_biases
from mobile.conversion.variants import VARIANTS


@pytest.fixture(scope="module")
def converted() -> tuple[bytes, Array, Array]:
    """Returns a float16 file of a bidirectional LSTM, its inputs, and the right answers."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(4)
    x = keras.Input((9, 4))
    model = keras.Model(x, keras.layers.Bidirectional(keras.layers.LSTM(6))(x))
    random = np.random.default_rng(4)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))

    module = tf.Module()
    module.variables_of_model = [weight.value for weight in model.weights]
    function = tf.function(lambda x: {"y": model(x)}).get_concrete_function(
        x=tf.TensorSpec((1, 9, 4), name="x")
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    VARIANTS["float16"].configure(converter)
    inputs = random.normal(0, 1, (8, 9, 4)).astype(np.float32)
    return converter.convert(), inputs, np.asarray(model(inputs))


def error(
    content: bytes, converted: tuple[bytes, Array, Array], runtime: EdgeRuntime, folder: Path
) -> Any:
    (folder / "float16.tflite").write_bytes(content)
    np.save(folder / "input.x.npy", converted[1])
    (folder / runtime.module).mkdir()
    answers = run(runtime, folder / "float16.tflite", folder, folder / runtime.module).outputs["y"]
    return np.abs(answers - converted[2]).max()


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.module)
def test_both_directions_are_right(
    runtime: EdgeRuntime, converted: tuple[bytes, Array, Array], tmp_path: Path
) -> None:
    assert error(with_float32_biases(converted[0]), converted, runtime, tmp_path) < 2e-3


def test_the_fault_is_still_there(converted: tuple[bytes, Array, Array], tmp_path: Path) -> None:
    """If this fails after an upgrade of tflite-runtime, the change of the file can go."""
    assert error(converted[0], converted, RUNTIMES[0], tmp_path) > 0.05
