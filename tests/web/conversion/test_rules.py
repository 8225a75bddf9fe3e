"""Each rule on a real model, through the real converter and the complete TensorFlow.js."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.toolchain import NODE
from tests.web.conversion import graphs
from web.conversion import graph_models, operators
from web.conversion.calibration_graph import CalibrationGraph
from web.conversion.graph_model import Array, GraphModel
from web.conversion.operation import Rule
from web.conversion.rewriting import rewritten
from web.conversion.rules.fusions import UNFUSED
from web.conversion.rules.table import RULES
from web.tools import ConversionError

BACKENDS = ("cpu", "wasm")
# TensorFlow.js computes in float32 what these compute in half precision.
COARSE = {"half": 1e-3, "bfloat": 1e-2}


@pytest.fixture(scope="module")
def inputs() -> Array:
    return np.random.default_rng(17).normal(0, 1.2, (graphs.EXAMPLES, 4, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("saved-models")
    for name, model in graphs.MODELS.items():
        module = tf.Module()
        signature = [tf.TensorSpec((None, 4, 6), tf.float32, name="x")]
        if model is graphs.lookups:
            module.table = graphs.table()
        if model in (graphs.recurrent, graphs.lstm):
            module.layers = graphs.layers()
        module.serve = tf.function(model, input_signature=signature)
        tf.saved_model.save(module, str(folder / name), {"serving_default": module.serve})
    return {name: folder / name for name in graphs.MODELS}


@pytest.fixture(scope="module")
def converted(
    saved_models: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, GraphModel]:
    """The models as TensorFlow.js' converter makes them."""
    folder = tmp_path_factory.mktemp("converted")
    graph_models.convert({path: folder / name for name, path in saved_models.items()})
    return {name: GraphModel.read(folder / name) for name in saved_models}


@pytest.fixture(scope="module")
def models(converted: Mapping[str, GraphModel]) -> Mapping[str, GraphModel]:
    return {name: rewritten(model) for name, model in converted.items()}


@pytest.fixture(scope="module")
def answers(
    models: Mapping[str, GraphModel], inputs: Array, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with the answers of all models on all backends."""
    folder = tmp_path_factory.mktemp("answers")
    described = {"x": {"values": inputs.tolist(), "shape": inputs.shape, "dtype": "float32"}}
    for name, model in models.items():
        model.write(folder / name / "model", {})
        (folder / name / "inputs.json").write_text(json.dumps(described))
        outputs = sorted(model.description["signature"]["outputs"])
        (folder / name / "outputs.json").write_text(json.dumps(outputs))
    script = Path(__file__).with_name("answers.mjs")
    subprocess.run([NODE, script, *(folder / name for name in models)], check=True, timeout=120)
    return folder


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", graphs.MODELS)
def test_tensorflow_js_answers_as_the_saved_model_does(
    name: str, backend: str, saved_models: Mapping[str, Path], answers: Path, inputs: Array
) -> None:
    import tensorflow as tf

    signature = tf.saved_model.load(str(saved_models[name])).signatures["serving_default"]
    expected = signature(x=inputs)
    got = json.loads((answers / name / f"{backend}.json").read_text())
    assert isinstance(got, list), got
    for (output, values), answer in zip(sorted(expected.items()), got, strict=True):
        exact = values.numpy().astype(np.float64)
        mine = np.array(answer["values"], np.float64).reshape(answer["shape"])
        largest = np.abs(exact).max()
        coarse = COARSE.get(output, 1e-5)
        np.testing.assert_allclose(mine, exact, rtol=0, atol=coarse * largest, err_msg=output)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.rewrite.__name__}")
def test_each_rule_has_a_model(rule: Rule, converted: Mapping[str, GraphModel]) -> None:
    # Some operators only appear once other rules have been applied.
    others = [each for each in RULES if each is not rule]
    for model in converted.values():
        before = rewritten(model, others)
        if rewritten(before, [rule]) is not before:
            return
    pytest.fail("no model needs it")


def test_a_model_that_needs_no_rule_stays_the_same(models: Mapping[str, GraphModel]) -> None:
    # A lookup's rule only knows in the same run what it has made itself.
    assert all(rewritten(model) is model for name, model in models.items() if name != "lookups")


@pytest.mark.parametrize("name", ["images", "fusions"])
def test_a_rewritten_model_runs_in_tensorflow(
    name: str, models: Mapping[str, GraphModel], saved_models: Mapping[str, Path], inputs: Array
) -> None:
    import tensorflow as tf

    graph = CalibrationGraph(models[name], {"x": inputs})
    signature = tf.saved_model.load(str(saved_models[name])).signatures["serving_default"]
    answers = graph.outputs({})
    for output, expected in signature(x=inputs).items():
        np.testing.assert_allclose(answers[output], expected, atol=1e-5, err_msg=output)


def test_biases_and_common_activations_stay_fused(models: Mapping[str, GraphModel]) -> None:
    nodes = models["fusions"].description["modelTopology"]["node"]
    fused = sorted(node["op"] for node in nodes if node["op"] in UNFUSED)
    assert fused == ["FusedDepthwiseConv2dNative", *["_FusedConv2D"] * 2, "_FusedMatMul"]


def test_steps_of_a_sequence_are_multiplied_at_once(models: Mapping[str, GraphModel]) -> None:
    nodes = models["recurrent"].description["modelTopology"]["node"]
    sequences = [node["name"] for node in nodes if node["op"] == "Unpack"]
    # Two that others use as well, and two whose products are of another kind.
    assert len(sequences) == 3, sequences


def test_a_step_is_few_operations(models: Mapping[str, GraphModel]) -> None:
    nodes = models["lstm"].description["modelTopology"]["node"]
    number = Counter(node["op"] for node in nodes)
    steps = 4
    assert (number["Split"], number["BiasAdd"], number["_FusedMatMul"]) == (1, 0, 0)
    # Of all inputs with their kernel, and of each state with its own.
    assert number["MatMul"] == steps + 1
    # Three gates at once; what they let through is the state's, or is cut out on its own.
    assert (number["Sigmoid"], number["Tanh"], number["Slice"]) == (steps, 2 * steps, 4 * steps)
    # Of the two products, of what is kept and what is new, and of the bias with all inputs.
    assert number["AddV2"] == 2 * steps + 1


def test_equal_constants_are_kept_once(models: Mapping[str, GraphModel]) -> None:
    kernels = [v for v in models["recurrent"].weights.values() if v.shape == (5, 20)]
    assert len(kernels) == 1


def test_no_mask_is_lower_than_what_webgl_finds(models: Mapping[str, GraphModel]) -> None:
    # Also proves that the other constants are still there: a mask needs one.
    lowest = [float(values.min()) for values in models["masks"].weights.values() if values.size]
    assert min(lowest) == np.float32(-1e19)


def test_all_of_it_can_run(models: Mapping[str, GraphModel]) -> None:
    assert {name: operators.refusals(model) for name, model in models.items()} == {
        name: [] for name in models
    }


def test_what_tensorflow_js_lacks_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    class Inverse(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return keras.ops.inv(x)

    square = keras.Input((3, 3), name="square")
    answer = Inverse(name="undo")(keras.layers.Dense(3, name="prepare")(square))
    model = keras.Model(square, answer, name="network")
    model.export(str(tmp_path / "model"), verbose=False)
    with pytest.raises(ConversionError) as error:
        graph_models.write(tmp_path / "model", {"float32": tmp_path / "web"}, dict)
    # Keras numbers the layer when it exports the model.
    assert re.match(
        r"TensorFlow.js cannot run MatrixInverse of layer 'undo(_1)?': it has no such operator; ",
        str(error.value),
    )


def test_a_matrix_for_each_picture_is_refused_by_name(tmp_path: Path) -> None:
    import keras

    class Turn(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return keras.ops.image.affine_transform(*inputs)

    pictures, matrices = keras.Input((4, 4, 1), name="pictures"), keras.Input((8,), name="matrices")
    model = keras.Model([pictures, matrices], Turn(name="turn")([pictures, matrices]), name="net")
    model.export(str(tmp_path / "model"), verbose=False)
    with pytest.raises(ConversionError) as error:
        graph_models.write(tmp_path / "model", {"float32": tmp_path / "web"}, dict)
    assert re.match(
        r"TensorFlow.js cannot run ImageProjectiveTransformV3 of layer 'turn(_1)?': the cpu "
        r"backend only transforms the first picture, and each picture has a matrix of its own; ",
        str(error.value),
    )


def test_outputs_of_one_shape_keep_their_names(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    signature = [tf.TensorSpec((None, 2), tf.float32, name=name) for name in ("x", "y")]
    module.serve = tf.function(
        lambda x, y: {"zz": x, "aa": y, "mm": x + y, "k": x[0]}, input_signature=signature
    )
    tf.saved_model.save(module, str(tmp_path / "model"), {"serving_default": module.serve})
    graph_models.write(tmp_path / "model", {"float32": tmp_path / "web"}, dict)
    described = GraphModel.read(tmp_path / "web").description["signature"]
    names = {name: tensor["name"] for name, tensor in described["outputs"].items()}
    assert names == {
        "aa": "Identity:0",
        "k": "Identity_1:0",
        "mm": "Identity_2:0",
        "zz": "Identity_3:0",
    }
    assert sorted(described["inputs"]) == ["x", "y"]
