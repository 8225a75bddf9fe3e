"""Each operator on channels that come first, with channels last: as XLA computes it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from core.channels import OPERATORS, come_first, moved_last


def values(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(0, 1, shape).astype(np.float32)


PICTURES, VOLUMES = values(3, 4, 6, 8), values(3, 4, 6, 2, 4)
BIAS = values(4)
PAIR, TRIPLE = [1, 1, 2, 1], [1, 1, 2, 1, 2]
WINDOW = {"ksize": [1, 1, 3, 2], "strides": PAIR, "padding": "SAME"}
CUBE = {"ksize": [1, 1, 2, 1, 2], "strides": TRIPLE, "padding": "VALID"}
NORM = {
    **dict.fromkeys(("scale", "offset", "mean", "variance"), BIAS**2),
    "is_training": False,
}
PADDED = {
    **{"strides": PAIR, "padding": "EXPLICIT"},
    "explicit_paddings": [0, 0, 0, 0, 1, 2, 0, 1],
}
DILATED = {"strides": [1] * 4, "padding": "SAME", "dilations": PAIR}
PLAIN = {"strides": [1] * 4, "padding": "SAME"}
TURNED = {"strides": PAIR, "padding": "VALID", "input_sizes": [3, 5, 12, 10]}
TURNED_3D = {"strides": TRIPLE, "padding": "VALID", "input_sizes": [3, 5, 12, 2, 8]}
# An operator, the name of its input, the input, and its other arguments.
CASES: tuple[tuple[str, str, Array, Mapping[str, Any]], ...] = (
    ("BiasAdd", "value", PICTURES, {"bias": BIAS}),
    ("BiasAdd", "value", VOLUMES, {"bias": BIAS}),
    ("BiasAdd", "value", values(3, 4, 6), {"bias": BIAS}),
    ("Conv2D", "input", PICTURES, {"filter": values(2, 3, 4, 5), **PADDED}),
    ("Conv2D", "input", PICTURES, {"filter": values(2, 3, 4, 5), **DILATED}),
    ("Conv2D", "input", values(3, 4, 1, 8), {"filter": values(1, 3, 4, 5), **PLAIN}),
    ("DepthwiseConv2dNative", "input", PICTURES, {"filter": values(2, 3, 4, 2), **PLAIN}),
    ("Conv2DBackpropInput", "out_backprop", PICTURES, {"filter": values(2, 3, 5, 4), **TURNED}),
    ("MaxPool", "input", PICTURES, WINDOW),
    ("AvgPool", "value", PICTURES, WINDOW),
    ("FusedBatchNorm", "x", PICTURES, NORM),
    ("FusedBatchNormV2", "x", PICTURES, NORM),
    ("FusedBatchNormV3", "x", PICTURES, NORM),
    ("DepthToSpace", "input", PICTURES, {"block_size": 2}),
    ("SpaceToDepth", "input", PICTURES, {"block_size": 2}),
    (
        *("Conv3D", "input", VOLUMES),
        {"filter": values(2, 1, 3, 4, 5), "strides": TRIPLE, "padding": "SAME"},
    ),
    (
        *("Conv3DBackpropInputV2", "out_backprop", VOLUMES),
        {"filter": values(2, 1, 2, 5, 4), **TURNED_3D},
    ),
    ("MaxPool3D", "input", VOLUMES, CUBE),
    ("AvgPool3D", "input", VOLUMES, CUBE),
)


@pytest.mark.parametrize("batch", [3, None])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[2].ndim}")
def test_an_operation_with_channels_last_computes_the_same(
    case: tuple[str, str, Array, Mapping[str, Any]], batch: int | None
) -> None:
    import tensorflow as tf

    operator, name, x, others = case
    form = "NCDHW" if x.ndim == 5 and operator != "BiasAdd" else "NCHW"

    def original(given: Any) -> Any:
        made = getattr(tf.raw_ops, operator)(**{name: given}, **others, data_format=form)
        return tf.nest.flatten(made)[0]

    # The original stays in the graph. It is not run, and no processor has to be able to.
    options = tf.compat.v1.GraphOptions(place_pruned_graph=True)
    config = tf.compat.v1.ConfigProto(graph_options=options)
    with tf.Graph().as_default(), tf.compat.v1.Session(config=config) as session:
        given = tf.compat.v1.placeholder(x.dtype, (batch, *x.shape[1:]))
        operation = original(given).op
        assert come_first(operation)
        first, *_ = moved_last(operation) or []
        got = session.run(first, {given: x})
    right = tf.function(original, jit_compile=True)(x)
    np.testing.assert_allclose(got, right, atol=1e-5)


def test_all_operators_are_tried() -> None:
    assert {case[0] for case in CASES} == set(OPERATORS)


def test_channels_that_come_last_stay_there() -> None:
    import tensorflow as tf

    with tf.Graph().as_default():
        pooled = tf.nn.max_pool2d(PICTURES, 2, 1, "SAME")
        assert not come_first(pooled.op)
        assert not come_first(tf.nn.bias_add(pooled, values(8)).op)


def test_a_bias_of_columns_behind_a_convolution_is_one_of_channels() -> None:
    import tensorflow as tf

    kernel, bias = values(1, 1, 4, 8), values(8)

    @tf.function  # type: ignore[misc]  # TensorFlow has no types
    def as_keras_exports_it(x: Any) -> Any:
        convolved = tf.nn.conv2d(x, kernel, 1, "SAME", data_format="NCHW")
        return tf.nn.bias_add(convolved, bias)

    @tf.function  # type: ignore[misc]
    def moved(x: Any) -> Any:
        operation = as_keras_exports_it.python_function(x).op
        assert come_first(operation)
        (answer,) = moved_last(operation) or []
        return answer

    last = tf.nn.conv2d(np.transpose(PICTURES, (0, 2, 3, 1)), kernel, 1, "SAME") + bias
    right = np.transpose(last, (0, 3, 1, 2))
    np.testing.assert_allclose(moved(PICTURES), right, atol=1e-5)
    # What TensorFlow itself answers, although the graph says columns.
    np.testing.assert_allclose(as_keras_exports_it(PICTURES), right, atol=1e-5)
