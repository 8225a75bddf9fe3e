"""The forms of the weights, on a small network whose layers are as sensitive as a trained one's."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from web.conversion import calibration_graph, graph_models, quantisation
from web.conversion.graph_model import Array, GraphModel, Stored
from web.conversion.quantisation import Kernel
from web.conversion.weights import FORMS
from web.tools import ConversionError

EXAMPLES = 64


@pytest.fixture(scope="module")
def model() -> GraphModel:
    """Two convolutions, one with a stride, one with dilations, and a dense layer."""
    import tensorflow as tf
    from google.protobuf import json_format

    random = np.random.default_rng(4)

    def kernel(*shape: int) -> Array:
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        return random.normal(0, scale, shape).astype(np.float32)

    first, second, dense = kernel(3, 3, 1, 16), kernel(3, 3, 16, 24), kernel(24, 5)

    @tf.function(input_signature=[tf.TensorSpec((None, 12, 12, 1), tf.float32, name="image")])
    def network(image: tf.Tensor) -> tf.Tensor:
        x = tf.nn.relu(tf.nn.conv2d(image, first, 2, [[0, 0], [0, 1], [1, 0], [0, 0]]))
        x = tf.nn.relu(tf.nn.conv2d(x, second, 1, "SAME", dilations=2))
        return tf.nn.softmax(4 * tf.reduce_mean(x, [1, 2]) @ dense)

    graph = network.get_concrete_function().graph
    definition = graph.as_graph_def()
    weights = {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in definition.node
        if node.op == "Const"
    }
    manifest = [
        {"name": name, "shape": list(values.shape), "dtype": values.dtype.name}
        for name, values in weights.items()
    ]
    description = {
        "modelTopology": json_format.MessageToDict(definition),
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": manifest}],
        "signature": {
            "inputs": {"image": {"name": "image:0"}},
            "outputs": {"probabilities": {"name": graph.outputs[0].name}},
        },
    }
    return GraphModel(description, weights)


@pytest.fixture(scope="module")
def examples() -> Mapping[str, Array]:
    # Neighbouring pixels are alike, as in pictures: that is what calibration makes use of.
    random = np.random.default_rng(5)
    coarse = random.random((EXAMPLES, 3, 3, 1))
    return {"image": coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)}


def answers(
    model: GraphModel, stored: Mapping[str, Stored], examples: Mapping[str, Array]
) -> Array:
    graph = calibration_graph.CalibrationGraph(model, examples)
    return graph.outputs({name: form.restored() for name, form in stored.items()})["probabilities"]


def test_quantised_weights_answer_within_the_bound(
    model: GraphModel, examples: Mapping[str, Array]
) -> None:
    stored = quantisation.quantised(model, lambda: examples)
    assert sorted(model.weights[name].shape for name in stored) == [
        (3, 3, 1, 16),
        (3, 3, 16, 24),
        (24, 5),
    ]
    change = answers(model, stored, examples) - answers(model, {}, examples)
    assert 0 < np.sqrt(np.mean(change**2)) <= quantisation.BOUND


def test_a_tighter_bound_gives_more_levels(
    model: GraphModel, examples: Mapping[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    def most(bound: float) -> int:
        monkeypatch.setattr(quantisation, "BOUND", bound)
        stored = quantisation.quantised(model, lambda: examples)
        return max(int(form.values.max()) for form in stored.values())

    assert most(1.0) == 255
    assert most(1e-5) > 1023
    # One that cannot be kept: as many levels as there are.
    assert most(0.0) == 65535


def test_calibrated_rounding_beats_the_nearest_level(
    model: GraphModel, examples: Mapping[str, Array]
) -> None:
    graph = calibration_graph.CalibrationGraph(model, examples)
    [name] = [name for name, values in model.weights.items() if values.shape == (3, 3, 16, 24)]
    weights, moments = model.weights[name], graph.moments(name)
    calibrated = Kernel(weights, moments).rounded(6)
    nearest = Kernel(weights, np.eye(len(moments))).rounded(6)
    step = float((calibrated.quantization or {})["scale"])
    assert np.abs(nearest.restored() - weights).max() <= step * 0.501
    exact = graph.outputs({})["probabilities"]
    moved, moved_nearest = (
        np.abs(graph.outputs({name: form.restored()})["probabilities"] - exact).mean()
        for form in (calibrated, nearest)
    )
    assert moved < moved_nearest / 2


def test_moments_are_of_what_the_kernel_sees(
    model: GraphModel, examples: Mapping[str, Array]
) -> None:
    graph = calibration_graph.CalibrationGraph(model, examples)
    [name] = [name for name, values in model.weights.items() if values.shape == (3, 3, 1, 16)]
    padded = np.pad(examples["image"][..., 0], ((0, 0), (0, 1), (1, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    rows = windows[:, ::2, ::2].reshape(-1, 9)
    np.testing.assert_allclose(graph.moments(name), rows.T @ rows / len(rows), rtol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_what_tensorflow_js_reads(
    model: GraphModel, examples: Mapping[str, Array], form: str, tmp_path: Path
) -> None:
    stored = FORMS[form](model, lambda: examples)
    model.write(tmp_path, stored)
    [group] = json.loads((tmp_path / "model.json").read_text())["weightsManifest"]
    data, offset = (tmp_path / group["paths"][0]).read_bytes(), 0
    for entry in group["weights"]:
        described = entry.get("quantization", {"dtype": entry["dtype"]})
        raw = np.frombuffer(data, described["dtype"], int(np.prod(entry["shape"])), offset)
        offset += raw.nbytes
        values = raw * described.get("scale", 1.0) + described.get("min", 0.0)
        exact = model.weights[entry["name"]].ravel()
        error = np.abs(values - exact).max()
        allowed = {"float32": 0.0, "float16": 2**-11 * np.abs(exact).max(), "quantised": 0.05}
        assert error <= allowed[form]
    assert offset == len(data)
    if form == "float32":
        again = GraphModel.read(tmp_path)
        assert all(
            np.array_equal(again.weights[name], model.weights[name]) for name in again.weights
        )


def test_half_precision_is_for_what_fits_into_it(model: GraphModel) -> None:
    name = next(name for name, values in model.weights.items() if values.shape == (24, 5))
    huge = GraphModel(model.description, {**model.weights, name: model.weights[name] * 1e6})
    stored = FORMS["float16"](huge, dict)
    assert name not in stored and len(stored) > 2


def test_a_model_with_tables_keeps_its_kernels(model: GraphModel) -> None:
    tables = GraphModel({**model.description, "modelInitializer": {}}, model.weights)
    stored = FORMS["quantised"](tables, dict)
    assert {form.values.dtype.name for form in stored.values()} == {"float16"}


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="unknown form of web weights: uint4; known: float32"):
        graph_models.write(tmp_path, {"uint4": tmp_path}, dict)
