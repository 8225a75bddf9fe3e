"""Keras networks traced without loops and in float32, and unchanged afterwards."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from models.tracing import LAYER_STEPS, layers_of, portable


def inside(function: Any) -> set[str]:
    """Returns the operators of a traced function and of the functions that it calls."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    return {node.op for node in nodes}


def traced(network: Any, inputs: Array) -> Any:
    import tensorflow as tf

    spec = tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)
    with portable(network):
        return tf.function(network).get_concrete_function(spec)


def sequences(steps: int) -> Array:
    return np.random.default_rng(0).normal(size=(3, steps, 4)).astype(np.float32)


def functional(*layers: Any, steps: int = 5) -> Any:
    import keras

    return keras.Sequential([keras.Input((steps, 4)), *layers])


def masked() -> Any:
    import keras

    return functional(keras.Sequential([keras.layers.Masking(), keras.layers.GRU(3)]))


def subclassed() -> Any:
    """Layers in a list, in a dict, and in a tf.Module around the model."""
    import keras
    import tensorflow as tf

    class Model(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = [keras.layers.LSTM(3, return_sequences=True)]
            self.last = {"one": keras.layers.RNN([keras.layers.GRUCell(3) for _ in "ab"])}

        def call(self, values: Any) -> Any:
            return self.last["one"](self.first[0](values))

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = Model()

        def __call__(self, values: Any) -> Any:
            return self.model(values)

    return Module()


def bidirectional() -> Any:
    import keras

    return functional(keras.layers.Bidirectional(keras.layers.SimpleRNN(3, return_sequences=True)))


def convolutional() -> Any:
    import keras

    return functional(keras.layers.Reshape((5, 4, 1)), keras.layers.ConvLSTM1D(2, 2))


@pytest.mark.parametrize("build", [masked, subclassed, bidirectional, convolutional])
def test_recurrent_layers_are_traced_without_loops(build: Callable[[], Any]) -> None:
    network, inputs = build(), sequences(5)
    inputs[0, 3:] = 0
    before = np.asarray(network(inputs))
    function = traced(network, inputs)
    assert not {name for name in inside(function) if "While" in name or "TensorList" in name}
    np.testing.assert_allclose(function(inputs), before, atol=1e-6)
    # Afterwards it is as it was: Keras' own trace has the loop.
    import tensorflow as tf

    spec = tf.TensorSpec((None, *inputs.shape[1:]), inputs.dtype)
    again = tf.function(network).get_concrete_function(spec)
    assert any("While" in name for name in inside(again))


@pytest.mark.parametrize("steps", [LAYER_STEPS + 1, None])
def test_long_and_open_sequences_keep_their_loop(steps: int | None) -> None:
    import keras
    import tensorflow as tf

    network = functional(keras.layers.LSTM(2), steps=steps)
    spec = tf.TensorSpec((None, steps, 4), tf.float32)
    with portable(network):
        function = tf.function(network).get_concrete_function(spec)
    assert any("While" in name for name in inside(function))


def test_a_cell_that_works_in_a_loop_alone_keeps_it() -> None:
    import keras

    network, inputs = functional(keras.layers.RNN([keras.layers.LSTMCell(2)])), sequences(5)
    function = traced(network, inputs)
    assert any("While" in name for name in inside(function))
    np.testing.assert_allclose(function(inputs), network(inputs), atol=1e-6)


@pytest.mark.parametrize(
    "policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"]
)
def test_every_policy_is_traced_in_float32(policy: str) -> None:
    import keras

    keras.utils.set_random_seed(0)
    # This layer keeps its statistics in tensors that are not variables, and this one has a policy
    # for each of its parts.
    normalized = keras.layers.Normalization(mean=[1.0] * 4, variance=[2.0] * 4, dtype=policy)
    policies = keras.dtype_policies.DTypePolicyMap(default_policy=policy)
    attention = keras.layers.MultiHeadAttention(2, 3, dtype=policies)
    values = keras.Input((5, 4))
    hidden = normalized(values)
    answer = keras.layers.Dense(3, dtype=policy)(attention(hidden, hidden))
    network, inputs = keras.Model(values, answer), sequences(5)
    before = network(inputs)
    assert before.dtype.name == keras.DTypePolicy(policy).compute_dtype
    policies_before = [layer.compute_dtype for layer in layers_of(network)]
    function = traced(network, inputs)
    casts = [
        operation
        for operation in function.graph.get_operations()
        if operation.type not in {"ReadVariableOp", "Placeholder", "NoOp"}
        for output in operation.outputs
        if output.dtype.is_floating and output.dtype.name != "float32"
    ]
    assert not casts
    got = function(inputs)
    assert got.dtype.name == "float32"
    np.testing.assert_allclose(got, np.asarray(before, np.float32), atol=0.05)
    assert [layer.compute_dtype for layer in layers_of(network)] == policies_before
    np.testing.assert_array_equal(network(inputs), before)


@pytest.mark.parametrize("layer", ["Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv1D"])
def test_a_bias_is_added_to_channels_that_come_first(layer: str) -> None:
    import keras

    # As many channels behind the layer as rows or columns.
    shape = (6, 6) if layer == "Conv1D" else (6, 6, 6)
    filters = () if layer == "DepthwiseConv2D" else (6,)
    made = getattr(keras.layers, layer)(
        *filters, 1, data_format="channels_first", bias_initializer="random_normal"
    )
    network = keras.Sequential([keras.Input(shape), made])
    x = np.random.default_rng(2).normal(size=(3, *shape)).astype(np.float32)
    made.use_bias = False
    without = np.asarray(network(x))
    made.use_bias = True
    biases = np.asarray(made.bias).reshape(-1, *[1] * (len(shape) - 1))
    function = traced(network, x)
    np.testing.assert_allclose(function(x), without + biases, atol=1e-5)
    # TensorFlow adds it to the channels of a convolution even where the graph says columns.
    operations = function.graph.get_operations()
    assert not [each for each in operations if each.type == "BiasAdd"]


def test_sums_that_keras_understands_are_traced_as_they_were() -> None:
    import keras

    network = functional(keras.layers.Dense(3, bias_initializer="ones"))
    inputs = sequences(5)
    function = traced(network, inputs)
    assert "BiasAdd" in inside(function)
    np.testing.assert_allclose(function(inputs), network(inputs), atol=1e-6)


def test_a_module_without_keras_is_traced_as_it_is() -> None:
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc]
        def __call__(self, values: Any) -> Any:
            return values * 2

    assert layers_of(Module()) == []
    assert "Mul" in inside(traced(Module(), sequences(2)))
