"""Operations of keras.ops that models use; related ones share a row, side by side in its output."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras import layers, ops

from tests.compatibility.row import Kind, Numbers, Row, computed, family, joined, of

_POSITIVE = Numbers(0.1, 4.0)
_BOXES = {"a": Numbers(0, 1), "b": Numbers(0.05, 1.0)}


def _each(name: str, *functions: Callable[[Any], Any], x: Kind | None = None) -> Row:
    """Returns a row of functions of each element, side by side."""
    build = computed(
        lambda x: ops.concatenate([ops.cast(f(x), "float32") for f in functions], -1), 6
    )
    return Row(name, build, {"x": x} if x else {})


def _pairs(name: str, *functions: Callable[[Any, Any], Any], b: Kind | None = None) -> Row:
    """Returns a row of functions of two inputs' elements, side by side."""

    def beside(a: Any, b: Any) -> Any:
        return ops.concatenate([ops.cast(f(a, b), "float32") for f in functions], -1)

    return Row(name, joined(beside, (6,), (6,)), {"b": b} if b else {})


def _lambda(
    name: str,
    function: Callable[[Any], Any],
    *shape: int,
    x: Kind | None = None,
    dtype: str = "float32",
) -> Row:
    """Returns a row of a function that needs tensors, not Keras' descriptions of them."""
    build = of(lambda: layers.Lambda(function), *shape, dtype=dtype)
    return Row(name, build, {"x": x} if x else {})


def _segments(x: Any) -> Any:
    sums = ops.segment_sum(ops.transpose(x), ops.convert_to_tensor([0, 0, 1, 3, 1, 3]), 4)
    return ops.transpose(sums)


def _loop(x: Any) -> Any:
    def body(count: Any, value: Any) -> tuple[Any, Any]:
        # A browser's sine is less exact than its loops: "ops.sin cos" is a row of its own.
        return count + 1, ops.tanh(value) * 1.5 + 0.1

    return ops.while_loop(lambda count, _: count < 4, body, (ops.convert_to_tensor(0), x))[1]


def _branches(x: Any) -> Any:
    # Every example gives the same answer, so it does not matter how many there are.
    return ops.cond(ops.max(ops.abs(x)) < 100.0, lambda: x * 2.0 + 1.0, lambda: x - 1.0)


def _flat_boxes(corners: Any, scores: Any) -> tuple[Any, Any]:
    """Returns the boxes of all examples, so far apart that those of two never overlap."""
    first = corners[..., :2]
    boxes = tf.concat([first, first + 0.5 + corners[..., 2:]], -1)
    apart = 100.0 * tf.cast(tf.range(tf.shape(scores)[0]), tf.float32)
    return tf.reshape(boxes + apart[:, None, None], (-1, 4)), tf.reshape(scores, [-1])


def _kept_boxes(corners: Any, scores: Any) -> Any:
    """Returns the scores of boxes that no better box of the same example covers, else zero."""
    boxes, flat = _flat_boxes(corners, scores)
    kept, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=flat,
        max_output_size=tf.size(flat),
        iou_threshold=0.3,
        score_threshold=0.0,
        pad_to_max_output_size=True,
    )
    real = tf.cast(tf.range(tf.size(flat)) < count, tf.float32)
    return scores * tf.reshape(tf.scatter_nd(kept[:, None], real, tf.shape(flat)), (-1, 10))


def _kept_boxes_unpadded(corners: Any, scores: Any) -> Any:
    """Like _kept_boxes, with an operator whose answer has as many places as it keeps boxes."""
    boxes, flat = _flat_boxes(corners, scores)
    kept = tf.image.non_max_suppression(boxes, flat, tf.size(flat), 0.3)
    marks = tf.scatter_nd(kept[:, None], tf.ones_like(kept, tf.float32), tf.shape(flat))
    return scores * tf.reshape(marks, (-1, 10))


def _boxes(function: Callable[[Any, Any], Any]) -> Callable[[], Any]:
    return joined(lambda a, b: layers.Lambda(lambda both: function(*both))([a, b]), (10, 4), (10,))


def _two(function: Callable[[Any], Any], first: str, second: str) -> Callable[[Any], Any]:
    def named(x: Any) -> dict[str, Any]:
        one, two = function(x)
        return {first: one, second: two}

    return named


ROWS = family(
    "Operations",
    Row("ops.argmax output", computed(lambda x: ops.argmax(x, -1), 6)),
    Row("ops.argmin", computed(lambda x: ops.argmin(x, -1), 6)),
    Row("ops.top_k outputs", computed(_two(lambda x: ops.top_k(x, 3), "values", "indices"), 8)),
    Row("ops.cumsum", computed(lambda x: ops.cumsum(x, axis=1), 6)),
    Row("ops.cumsum axis=-1", computed(lambda x: ops.cumsum(x, axis=-1), 4, 6)),
    Row("ops.cumprod axis=-1", computed(lambda x: ops.cumprod(x, axis=-1), 4, 6)),
    Row("ops.sort", computed(lambda x: ops.sort(x, axis=-1), 8)),
    Row("ops.argsort", computed(lambda x: ops.argsort(x, axis=-1), 8)),
    _each("ops.erf", ops.erf),
    Row(
        "ops.fft",
        computed(_two(lambda x: ops.fft((x, ops.zeros_like(x))), "real", "imaginary"), 16),
    ),
    Row("ops.rfft", computed(_two(ops.rfft, "real", "imaginary"), 16)),
    _lambda("ops.segment_sum", _segments, 6),
    Row(
        "ops.one_hot", computed(lambda x: ops.one_hot(x, 6), 3, dtype="int32"), {"x": Numbers(0, 5)}
    ),
    _lambda("ops.while_loop", _loop, 6),
    _lambda("ops.cond", _branches, 6),
    _lambda("ops.linalg.inv", lambda x: ops.linalg.inv(x + 5.0 * ops.eye(4)), 4, 4),
    _lambda("ops.linalg.solve", lambda x: ops.linalg.solve(x + 5.0 * ops.eye(4), x), 4, 4),
    _lambda(
        "ops.linalg.cholesky",
        lambda x: ops.linalg.cholesky(ops.matmul(x, ops.transpose(x, (0, 2, 1))) + ops.eye(4)),
        4,
        4,
    ),
    Row("ops.linalg.norm", computed(lambda x: ops.linalg.norm(x, axis=-1), 4, 4)),
    Row("ops.nonmax suppression via tf.image", _boxes(_kept_boxes), _BOXES),
    Row("tf.image.non_max_suppression", _boxes(_kept_boxes_unpadded), _BOXES),
    _each(
        "ops.ceil floor round trunc", ops.ceil, ops.floor, ops.round, ops.trunc, x=Numbers(-4, 4)
    ),
    _each("ops.sign abs negative square", ops.sign, ops.abs, ops.negative, ops.square),
    _each("ops.exp expm1", ops.exp, ops.expm1),
    _each("ops.log log1p log2 log10", ops.log, ops.log1p, ops.log2, ops.log10, x=_POSITIVE),
    _each("ops.sqrt rsqrt reciprocal", ops.sqrt, ops.rsqrt, ops.reciprocal, x=_POSITIVE),
    _each("ops.sin cos", ops.sin, ops.cos),
    _each("ops.tan", ops.tan, x=Numbers(-1, 1)),
    _each("ops.arcsin arccos arctan", ops.arcsin, ops.arccos, ops.arctan, x=Numbers(-0.9, 0.9)),
    _each("ops.sinh cosh tanh", ops.sinh, ops.cosh, ops.tanh),
    _each("ops.arcsinh arctanh", ops.arcsinh, ops.arctanh, x=Numbers(-0.9, 0.9)),
    _each(
        "ops.isnan isinf isfinite",
        lambda x: ops.isnan(ops.sqrt(x)),
        lambda x: ops.isinf(1.0 / ops.relu(x)),
        lambda x: ops.isfinite(1.0 / ops.relu(x)),
    ),
    _each("ops.clip", lambda x: ops.clip(x, -0.5, 1.0)),
    _pairs("ops.divide", lambda a, b: a / b, b=_POSITIVE),
    _pairs("ops.divide_no_nan", lambda a, b: ops.divide_no_nan(a, ops.relu(b))),
    _pairs("ops.power", lambda a, b: ops.power(ops.abs(a) + 0.1, b)),
    _pairs("ops.mod", ops.mod, b=_POSITIVE),
    _pairs("ops.floor_divide", ops.floor_divide, b=_POSITIVE),
    _pairs("ops.arctan2", ops.arctan2),
    _pairs(
        "ops.comparisons",
        ops.greater,
        ops.greater_equal,
        ops.less,
        ops.less_equal,
        lambda a, b: ops.equal(ops.round(a), ops.round(b)),
        lambda a, b: ops.not_equal(ops.round(a), ops.round(b)),
    ),
    _pairs(
        "ops.logical",
        lambda a, b: ops.logical_and(a > 0, b > 0),
        lambda a, b: ops.logical_or(a > 0, b > 0),
        lambda a, b: ops.logical_xor(a > 0, b > 0),
        lambda a, b: ops.logical_not(a > b),
    ),
    _pairs("ops.where", lambda a, b: ops.where(a > b, a * 2.0, b - 1.0)),
    _each(
        "ops.cast to bool", lambda x: ops.cast(x, "bool"), lambda x: ops.cast(ops.round(x), "bool")
    ),
    _each("ops.cast to int32", lambda x: ops.cast(x, "int32"), x=Numbers(-4, 4)),
    Row(
        "ops.sum mean max min",
        computed(
            lambda x: ops.stack([f(x, axis=-1) for f in (ops.sum, ops.mean, ops.max, ops.min)], -1),
            4,
            6,
        ),
    ),
    Row("ops.prod", computed(lambda x: ops.prod(x, axis=-1), 4, 5)),
    Row(
        "ops.var std",
        computed(lambda x: ops.stack([ops.var(x, axis=-1), ops.std(x, axis=-1)], -1), 4, 6),
    ),
    Row(
        "ops.all any",
        computed(
            lambda x: ops.cast(
                ops.stack([ops.all(x > -1.0, axis=-1), ops.any(x > 1.5, axis=-1)], -1), "float32"
            ),
            4,
            6,
        ),
    ),
    Row("ops.logsumexp", computed(lambda x: ops.logsumexp(x, axis=-1), 4, 6)),
    Row("ops.matmul", joined(ops.matmul, (4, 5), (5, 3))),
    Row(
        "ops.einsum", joined(lambda a, b: ops.einsum("nqhd,nkhd->nhqk", a, b), (3, 2, 4), (5, 2, 4))
    ),
    Row(
        "ops.tensordot",
        computed(
            lambda x: ops.tensordot(
                x, ops.reshape(ops.arange(15, dtype="float32"), (5, 3)) * 0.1, 1
            ),
            4,
            5,
        ),
    ),
    Row(
        "ops.outer", joined(lambda a, b: ops.expand_dims(a, 2) * ops.expand_dims(b, 1), (4,), (5,))
    ),
    Row(
        "ops.tril triu",
        computed(lambda x: ops.concatenate([ops.tril(x), ops.triu(x, 1)], -1), 5, 5),
    ),
    Row("ops.flip", computed(lambda x: ops.flip(x, axis=1), 4, 5)),
    Row("ops.roll", computed(lambda x: ops.roll(x, 2, axis=1), 6, 3)),
    Row("ops.take", computed(lambda x: ops.take(x, [2, 0, 2], axis=1), 4, 3)),
    Row(
        "ops.take_along_axis",
        computed(lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1)[:, :2], axis=1), 5),
    ),
    Row("ops.slice with steps", computed(lambda x: x[:, ::2, 1:], 6, 4)),
    Row("ops.split stack", computed(lambda x: ops.stack(ops.split(x, 3, axis=-1), axis=1), 4, 6)),
    Row(
        "ops.repeat tile",
        computed(
            lambda x: ops.concatenate([ops.repeat(x, 2, axis=1), ops.tile(x, (1, 2, 1))], -1), 3, 2
        ),
    ),
    Row("ops.diagonal", computed(lambda x: ops.diagonal(x, axis1=1, axis2=2), 4, 4)),
    Row(
        "ops.arange linspace eye",
        computed(
            lambda x: x + ops.arange(4, dtype="float32") + ops.linspace(0.0, 1.0, 4) + ops.eye(4),
            4,
            4,
        ),
    ),
    _lambda(
        "ops.searchsorted",
        lambda x: ops.reshape(
            ops.searchsorted(ops.convert_to_tensor([-1.0, 0.0, 1.0]), ops.reshape(x, (-1,))),
            (-1, 5),
        ),
        5,
    ),
    _lambda(
        "ops.scatter_update",
        lambda x: x + ops.scatter_update(ops.zeros((4, 3)), [[1, 2], [3, 0]], [1.0, 2.0]),
        4,
        3,
    ),
    _lambda("ops.slice_update", lambda x: ops.slice_update(x, (0, 1), ops.ones_like(x[:, :2])), 6),
    _lambda(
        "ops.vectorized_map",
        lambda x: ops.vectorized_map(lambda each: each / (1.0 + ops.sum(ops.abs(each))), x),
        6,
    ),
    Row(
        "ops.multi_hot",
        computed(lambda x: ops.multi_hot(x, 6), 3, dtype="int32"),
        {"x": Numbers(0, 5)},
    ),
    Row("ops.normalize", computed(lambda x: ops.normalize(x, axis=-1), 6)),
    Row("ops.moments", computed(lambda x: ops.stack(ops.moments(x, axes=[2]), -1), 4, 6)),
    Row("ops.median", computed(lambda x: ops.median(x, axis=-1), 7)),
    Row(
        "ops.unfold",
        computed(lambda x: ops.image.extract_patches(x, (2, 2), strides=(1, 1)), 4, 4, 2),
    ),
)
