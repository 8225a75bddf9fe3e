"""Recurrent and mixed-precision networks in both edge runtimes: one file has all of them.

Each layer is an output of its own, so that one export and one conversion serve all.
"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from mobile.checks.runtimes import RUNTIMES, EdgeRuntime, run
from mobile.conversion import isolated
from mobile.conversion.model_file import parse
from models.spec import ModelSpec, Tensor, load
from models.tracing import LAYER_STEPS
from pipeline.training.export import export

EXAMPLES = 12
SHORT, LONG = 6, LAYER_STEPS + 1
# The largest difference over the largest output.
BOUNDS = {"float32": 1e-5, "float16": 2e-3, "dynamic": 2e-2, "int8": 0.1}


def inputs(steps: int) -> dict[str, Array]:
    random = np.random.default_rng(1)
    ids = random.integers(1, 9, (EXAMPLES, steps)).astype(np.int32)
    # The ends are padding, of another length in each example.
    ids[np.arange(steps) >= random.integers(1, steps + 1, EXAMPLES)[:, None]] = 0
    return {
        "sequence": random.normal(size=(EXAMPLES, steps, 4)).astype(np.float32),
        "ids": ids,
    }


def short() -> Any:
    """Returns networks that are exported without loops, one with a convolution in float16."""
    import keras

    layers = keras.layers
    sequence = keras.Input((SHORT, 4), name="sequence")
    ids = keras.Input((SHORT,), dtype="int32", name="ids")
    masked = layers.Embedding(9, 4, mask_zero=True)(ids)
    rows = layers.Reshape((SHORT, 4, 1))(sequence)
    half = layers.Conv1D(6, 3, activation="relu", dtype="mixed_float16")(sequence)
    half = layers.BatchNormalization(dtype="mixed_float16")(half)
    outputs = {
        "lstm": layers.LSTM(5)(sequence),
        "gru": layers.GRU(5, return_sequences=True)(sequence),
        "simple": layers.SimpleRNN(5, go_backwards=True)(sequence),
        "bidirectional": layers.Bidirectional(layers.LSTM(5))(sequence),
        "masked": layers.GRU(5)(masked),
        "convolutional": layers.ConvLSTM1D(3, 2)(rows),
        "mixed": layers.Dense(5, dtype="mixed_float16")(layers.Flatten()(half)),
    }
    return keras.Model({"sequence": sequence, "ids": ids}, outputs)


def long() -> Any:
    """Returns networks that keep their loops."""
    import keras

    class Scan(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, values: Any) -> Any:
            def step(carry: Any, value: Any) -> Any:
                return keras.ops.tanh(carry + value), carry

            steps = keras.ops.transpose(values, (1, 0, 2))
            return keras.ops.scan(step, keras.ops.zeros_like(values[:, 0]), steps)[0]

    sequence = keras.Input((LONG, 4), name="sequence")
    ids = keras.Input((LONG,), dtype="int32", name="ids")
    masked = keras.layers.Embedding(9, 4, mask_zero=True)(ids)
    outputs = {
        "lstm": keras.layers.LSTM(5)(sequence),
        "masked": keras.layers.Bidirectional(keras.layers.GRU(5))(masked),
        "scan": Scan()(sequence),
    }
    return keras.Model({"sequence": sequence, "ids": ids}, outputs)


@pytest.fixture(scope="module", params=["short", "long"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    """The files by variant, and the SavedModel's answers to the examples."""
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp(request.param)
    keras.utils.set_random_seed(2)
    network, steps = (short(), SHORT) if request.param == "short" else (long(), LONG)
    random = np.random.default_rng(3)
    for weight in network.weights:
        if "bias" in weight.path:
            # All equal, they would hide that one layer gets another's.
            weight.assign(random.normal(0, 0.5, weight.shape))
    given = inputs(steps)
    spec = _spec(network, steps)
    with pytest.MonkeyPatch.context() as patch:
        features = {
            name: tf.zeros((1, *values.shape[1:]), values.dtype) for name, values in given.items()
        }
        patch.setattr("models.fashion.features.raw_inputs", lambda _: features)
        export(network, spec, folder / "saved")
    signature = tf.saved_model.load(str(folder / "saved")).signatures["serving_default"]
    answers = signature(**{name: tf.constant(values) for name, values in given.items()})
    variants = [name for name in BOUNDS if name != "int8" or request.param == "short"]
    files = isolated.convert(folder / "saved", spec, variants, lambda: given)
    (folder / "inputs").mkdir()
    for name, values in given.items():
        np.save(folder / "inputs" / f"input.{name}.npy", values)
    for name, content in files.items():
        assert isinstance(content, bytes), content
        (folder / f"{name}.tflite").write_bytes(content)
    return SimpleNamespace(
        folder=folder,
        files=files,
        answers={name: values.numpy() for name, values in answers.items()},
    )


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
def test_every_variant_agrees_in_every_output(
    made: SimpleNamespace, runtime: EdgeRuntime, tmp_path: Path
) -> None:
    for variant in made.files:
        scratch = tmp_path / variant
        scratch.mkdir()
        file = made.folder / f"{variant}.tflite"
        answer = run(runtime, file, made.folder / "inputs", scratch)
        assert set(answer.outputs) == set(made.answers)
        for name, right in made.answers.items():
            difference = np.abs(answer.outputs[name] - right).max() / np.abs(right).max()
            assert difference <= BOUNDS[variant], (variant, name)


def test_only_long_sequences_have_loops(made: SimpleNamespace) -> None:
    operators = {operator.name for operator in parse(Path("x"), made.files["float32"]).operators}
    assert ("WHILE" in operators) == ("scan" in made.answers)


def _spec(network: Any, steps: int) -> ModelSpec:
    outputs = tuple(
        Tensor(name, "float32", tuple(output.shape[1:]), "")
        for name, output in network.output.items()
    )
    return replace(
        load("fashion"),
        encoded_input=None,
        inputs=(
            Tensor("sequence", "float32", (steps, 4), ""),
            Tensor("ids", "int32", (steps,), ""),
        ),
        outputs=outputs,
    )
