"""Small models, one for each kind of rule. Each output needs a rule, or tests its limits."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

Outputs = Mapping[str, Any]
Model = Callable[..., Outputs]
EXAMPLES = 3
BIAS = np.array([0.5, -1, 2], np.float32)
AFFINE = (1.1, 0.1, 0.3, -0.1, 0.9, 0.2, 0, 0)


def activations(x: Any) -> Outputs:
    import tensorflow as tf

    return {
        "erfc": tf.math.erfc(x),
        "softsign": tf.nn.softsign(x),
        "rint": tf.math.rint(3 * x),
    }


def fusions(x: Any) -> Outputs:
    import tensorflow as tf

    pictures = tf.reshape(x, [-1, 2, 3, 4])
    kernel, depthwise, square = weights(2, 2, 4, 4), weights(2, 2, 4, 1), weights(6, 6)
    convolved = tf.nn.conv2d(pictures, kernel, 1, "SAME")
    shortcut = pictures * tf.sigmoid(pictures)
    rows = tf.sin(x[:, 0])
    deep = tf.nn.depthwise_conv2d(pictures, depthwise, [1, 1, 1, 1], "SAME") + weights(4)
    return {
        "shortcut": tf.nn.relu(tf.nn.conv2d(shortcut, 2 * kernel, 1, "SAME") + shortcut),
        "tanh": tf.tanh(tf.nn.bias_add(convolved, weights(4))),
        "elu": tf.nn.elu(tf.nn.bias_add(tf.nn.conv2d(pictures, -kernel, 2, "SAME"), weights(4))),
        "dense shortcut": tf.nn.leaky_relu(rows @ square + rows, 0.3),
        "dense tanh": tf.tanh(tf.nn.bias_add(rows @ (2 * square), weights(6))),
        "prelu": tf.nn.relu(x) + -weights(6) * tf.nn.relu(-x),
        "depthwise tanh": tf.tanh(deep),
        "depthwise relu6": tf.nn.relu6(4 * deep),
    }


def convolutions(x: Any) -> Outputs:
    import keras
    import tensorflow as tf

    pictures = tf.reshape(tf.concat([x, x], 1), [-1, 4, 3, 4])
    # Keras has XLA compile it.
    grouped = keras.ops.conv(pictures, weights(2, 2, 2, 8))
    spread = {"output_shape": [EXAMPLES, 6, 5, 3], "strides": 1, "padding": "VALID"}
    volumes = tf.reshape(x, [-1, 2, 3, 2, 2])
    bigger = {"strides": 2, "padding": "SAME"}
    wide = {"strides": [1, 2, 1, 2, 1], "padding": "VALID"}
    return {
        "groups": tf.tanh(tf.nn.bias_add(grouped, weights(8))),
        "single channels": tf.nn.conv2d(pictures, weights(2, 2, 1, 8), 1, "SAME"),
        "dilated": tf.nn.conv2d_transpose(pictures, weights(2, 2, 3, 4), dilations=2, **spread),
        "3-D": tf.nn.conv3d_transpose(
            volumes, weights(3, 2, 2, 3, 2), [EXAMPLES, 4, 6, 4, 3], **bigger
        ),
        "3-D valid": tf.nn.conv3d_transpose(
            volumes, weights(3, 2, 2, 3, 2), [EXAMPLES, 5, 4, 4, 3], **wide
        ),
    }


def channels(x: Any) -> Outputs:
    import tensorflow as tf

    # TensorFlow cannot compute all of it on a processor unless it is compiled.
    return dict(tf.function(_channels_first, jit_compile=True)(x))


def _channels_first(x: Any) -> Outputs:
    import tensorflow as tf

    form = {"data_format": "NCHW"}
    pictures, rows = tf.reshape(tf.concat([x, x], 1), [-1, 4, 3, 4]), x[:, :3]
    volumes = tf.reshape(x, [-1, 2, 3, 2, 2])
    biased = tf.nn.bias_add(
        tf.nn.conv2d(pictures, weights(2, 2, 4, 3), 1, "SAME", **form), BIAS, **form
    )
    deep = tf.nn.depthwise_conv2d(pictures, weights(2, 2, 4, 1), [1] * 4, "SAME", **form)
    scale, mean, variance = weights(4), weights(4) + 1, weights(4) ** 2
    norm, *_ = tf.raw_ops.FusedBatchNormV3(
        x=pictures,
        scale=scale,
        offset=mean,
        mean=mean,
        variance=variance,
        is_training=False,
        **form,
    )
    return {
        "convolution": tf.nn.relu(biased),
        "pooled": tf.nn.max_pool2d(biased, 2, [1, 2], "VALID", **form),
        "mean": tf.nn.avg_pool2d(pictures, [2, 3], 1, "SAME", **form),
        "depthwise": tf.nn.relu(tf.nn.bias_add(deep, weights(4), **form)),
        "norm": norm,
        "transposed": tf.nn.conv2d_transpose(
            pictures, weights(3, 2, 5, 4), tf.stack([tf.shape(x)[0], 5, 6, 8]), 2, "SAME", **form
        ),
        "groups": tf.nn.conv2d(pictures, weights(2, 2, 2, 8), 1, "SAME", **form),
        "line": tf.nn.conv1d(rows, weights(2, 3, 5), 1, "VALID", "NCW"),
        "volume": tf.nn.conv3d(volumes, weights(2, 1, 2, 2, 5), [1] * 5, "SAME", "NCDHW"),
        "twice": tf.transpose(tf.transpose(tf.sin(x), [2, 0, 1]), [2, 1, 0]),
    }


def pooling(x: Any) -> Outputs:
    import tensorflow as tf

    volumes = -1 - tf.abs(tf.reshape(x, [-1, 3, 2, 2, 2]))
    return {
        "valid": tf.nn.max_pool3d(volumes, 2, 1, "VALID"),
        "same": tf.nn.max_pool3d(volumes, [3, 2, 1], 2, "SAME"),
    }


def einsum(x: Any) -> Outputs:
    import tensorflow as tf

    keys = tf.reshape(x, [-1, 4, 3, 2])
    equations = ("btnh,bsnh->bnts", "bnts,bsnh->btnh", "abcd,cde->abe", "...i,...i->...")
    operands = (
        (keys, keys + 1),
        (tf.reshape(x, [-1, 3, 2, 4]), keys),
        (keys, weights(3, 2, 5)),
        (x, 2 * x),
    )
    outputs = {
        equation: tf.einsum(equation, *tensors)
        for equation, tensors in zip(equations, operands, strict=True)
    }
    unknown = tf.reshape(x, tf.stack([EXAMPLES, tf.shape(x)[1], -1]))
    return {
        **outputs,
        "outer": tf.einsum("ij,ik->ijk", x[:, 0], x[:, 1]),
        "sum": tf.einsum("ijk->k", x),
        "unknown": tf.einsum("abc,adc->abd", unknown, x),
    }


def matrices(x: Any) -> Outputs:
    import tensorflow as tf

    return {
        "below": tf.linalg.band_part(x, -1, 0),
        "above": tf.linalg.band_part(x, 1, -1),
        "both": tf.linalg.band_part(x, 1, 2),
        "bool": tf.linalg.band_part(x > 0, 0, 1),
        "all": tf.linalg.band_part(x, -1, -1),
        "part": tf.linalg.diag_part(x),
        "diagonal": tf.linalg.diag(x[:, 0]),
    }


def sequences(x: Any) -> Outputs:
    import keras
    import tensorflow as tf

    numbers = tf.cast(tf.abs(4 * x), tf.int32)
    zeros = tf.concat([-0.0 * tf.abs(x), 0.0 * tf.abs(x)], -1)
    return {
        "sum": tf.cumsum(x, -1, exclusive=True),
        "product": tf.math.cumprod(x, -2, reverse=True),
        "roll": tf.roll(x, [1, -2], [1, 2]),
        "one hot": tf.one_hot(numbers, 5),
        "one hot inside": tf.one_hot(numbers[:, 0], 5, 2.5, -1.0, axis=1),
        "one hot bool": tf.one_hot(numbers, 5, True, False, dtype=tf.bool),
        "bucket": tf.raw_ops.Bucketize(input=x, boundaries=[-1.0, 0.0, 0.5]),
        "bucket of integers": tf.raw_ops.Bucketize(input=numbers, boundaries=[1.0, 2.0]),
        "argmax": keras.ops.argmax(x, -1),
        "argmin": keras.ops.argmin(zeros, -1),
        "gather": tf.gather(x, tf.argsort(x[..., 0], -1), axis=1, batch_dims=1),
        "gather behind": tf.gather(x, tf.argsort(x[:, 0], -1), axis=2, batch_dims=1),
        "gather each": tf.gather(x, tf.argsort(x, -1), axis=-1, batch_dims=-1),
    }


def recurrent(x: Any) -> Outputs:
    import tensorflow as tf

    sequence = tf.transpose(x, [1, 0, 2])
    same, other, square = weights(6, 5), weights(6, 4), weights(6, 6)
    steps, partly, turned, mixed, again = (tf.unstack(sequence * each) for each in range(1, 6))
    doubled = tf.sin(x[:, 1]) @ square
    return {
        **{name: each(x) for name, each in layers().items()},
        # A kernel and its steps that others use as well, in another way or not all of them.
        "kernel": tf.add_n([each @ same for each in steps]) @ tf.transpose(same) + steps[1],
        "some": partly[0] @ same + partly[1] @ same + partly[2] @ same,
        "turned": tf.add_n([tf.matmul(each, square, transpose_b=True) for each in turned]),
        "transposed": tf.add_n(
            [tf.matmul(each, weights(3, 6), transpose_a=True) for each in mixed]
        ),
        "two kernels": tf.add_n([each @ same for each in again])[:, :4]
        + tf.add_n([each @ other for each in again]),
        "biased": _biased(tf.unstack(sequence * 6), x[:, 0], 0),
        "some biased": _biased(tf.unstack(sequence * 7), x[:, 1], 1),
        "biased twice": tf.nn.bias_add(doubled + doubled, weights(6)) * doubled,
    }


def _biased(steps: Sequence[Any], state: Any, first: int) -> Any:
    """Returns the last state of a network of which only the later steps have a bias."""
    import tensorflow as tf

    for number, step in enumerate(steps):
        total = step @ weights(6, 6) + state @ -weights(6, 6)
        state = tf.tanh(tf.nn.bias_add(total, weights(6)) if number >= first else total) + total
    return state


def lstm(x: Any) -> Outputs:
    return {"lstm": layers()["lstm"](x)}


def parts(x: Any) -> Outputs:
    import tensorflow as tf

    rows, others = x[:, 0], tf.sin(x[:, 1])
    gates, added, rest = tf.split(rows, 3, -1), tf.split(others, 3, -1), tf.split(x[:, 2], 3, 1)
    turned, mixed = tf.split(tf.transpose(x[0, :3]), 2), tf.split(x[1, :3], 2, 1)
    cut, some, steps = others * 2, others * 3, others * 4
    halves = tf.split(tf.cos(rows), 2, 1)
    return {
        "gates": tf.sigmoid(gates[0]) * tf.sigmoid(gates[2]) + gates[0] * tf.tanh(gates[1]),
        "sum": tf.tanh(added[0] + rest[0]) * (rest[1] + added[1]) + added[2] * rest[2],
        "single sum": (added[1] + gates[1]) * (added[2] + gates[1]),
        "sum of rows and columns": (turned[0] + mixed[0]) * (turned[1] + mixed[1]),
        "sum of one": (halves[0] + halves[0]) * (halves[1] + halves[1]),
        "columns": cut[:, :2] * cut[:, 4:] + cut[:, 2:4],
        "unequal columns": some[:, :4] * some[:, 2:] + some[:, 1:5],
        "stepped columns": steps[:, ::2] * steps[:, 1::2] + steps[1:2, :3] + steps[:, 3],
        "kernel": _product(rows, 6) * _product(others, 6),
    }


def _product(x: Any, width: int) -> Any:
    import tensorflow as tf

    return tf.nn.bias_add(x @ -weights(6, width), weights(width))


@cache
def layers() -> Any:
    """The layers of ``recurrent`` and ``lstm``, as the exporter traces them."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    options = {"unroll": True, "bias_initializer": "random_normal"}
    made = {
        "lstm": keras.layers.LSTM(5, **options),
        "lstm without biases": keras.layers.LSTM(3, unroll=True, use_bias=False),
        "gru": keras.layers.GRU(5, **options),
        "gru before": keras.layers.GRU(4, reset_after=False, **options),
        "simple": keras.layers.SimpleRNN(4, **options),
        "both ways": keras.layers.Bidirectional(keras.layers.LSTM(3, **options)),
    }
    for each in made.values():
        each(tf.zeros((1, 4, 6)))
    return made


def shapes(x: Any) -> Outputs:
    import tensorflow as tf

    size, rows = tf.shape(x), tf.reshape(x, [-1, 6])
    unknown = x[:, : tf.cast(tf.reduce_sum(x[0, 0]) * 0, tf.int32) + 2]
    return {
        "dense": tf.tensordot(x, weights(6, 3), 1),
        "of the batch": tf.reshape(x, [size[0], size[1] * size[2]]),
        "arithmetic": tf.reshape(rows, tf.stack([size[0] * 2, 12])),
        "two unknown": tf.reshape(
            unknown, tf.stack([tf.shape(unknown)[0], tf.shape(unknown)[1] * 6])
        ),
    }


def segments(x: Any) -> Outputs:
    import tensorflow as tf

    rows, groups = tf.transpose(x, [2, 0, 1]), tf.constant([0, 0, 2, 2, 2, 3])
    return {
        "sum": tf.math.unsorted_segment_sum(rows, groups, 4),
        "max": tf.math.unsorted_segment_max(rows, [2, 0, 1, 0, 0, 2], 3),
        "ordered": tf.math.segment_mean(rows, groups),
        "ordered min": tf.math.segment_min(rows, [0, 0, 1, 1, 1, 1]),
        "products": tf.math.unsorted_segment_prod(x[0], [[0, 1, 1, 0, 0, 1]] * 4, 2),
    }


def lookups(x: Any) -> Outputs:
    import tensorflow as tf

    numbers = tf.cast(4 * x, tf.int64)
    return {"columns": table().lookup(numbers)}


@cache
def table() -> Any:
    """The table of ``lookups``. A SavedModel needs a module that holds it."""
    import tensorflow as tf

    keys, values = tf.constant([0, 1, 2, -3], tf.int64), tf.constant([5, 6, 7, 8], tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), -1)


def images(x: Any) -> Outputs:
    import keras
    import tensorflow as tf

    pictures = tf.reshape(tf.concat([x, x], 1), [-1, 4, 3, 2])
    return {
        "bicubic": tf.image.resize(pictures, [7, 5], "bicubic"),
        "smooth": tf.image.resize(pictures, [2, 5], antialias=True),
        # Its result is checked for its shape.
        "affine": keras.ops.image.affine_transform(pictures, np.float32(AFFINE)),
        "lanczos": tf.image.resize(pictures, [3, 2], "lanczos3", antialias=True),
    }


def spectra(x: Any) -> Outputs:
    import tensorflow as tf

    rows = tf.reshape(tf.tile(x, [1, 1, 35]), [-1, 4, 210])
    spectrum = tf.signal.fft(tf.complex(x, x + 1))
    short = tf.signal.rfft(x, [8])
    squares = tf.signal.fft2d(tf.complex(x, 2 * x))
    return {
        "real": tf.math.real(spectrum),
        "imaginary": tf.math.imag(spectrum * tf.math.conj(spectrum)),
        "magnitude": tf.abs(short),
        "back": tf.signal.irfft(short, [8]),
        "odd": tf.signal.irfft(tf.signal.rfft(x, [5]), [5]),
        "inverse": tf.math.real(tf.signal.ifft(tf.complex(x, -x))),
        "long": tf.abs(tf.signal.rfft(rows)),
        "long back": tf.signal.irfft(tf.signal.rfft(rows * rows), [210]),
        "two axes": tf.abs(squares),
        "two axes back": tf.math.real(tf.signal.ifft2d(squares)),
    }


def updates(x: Any) -> Outputs:
    import keras
    import tensorflow as tf

    pictures = tf.reshape(x, [-1, 4, 2, 3])
    return {
        "slice": keras.ops.slice_update(x, [0, 1, 2], weights(1, 2, 3)),
        "slice at the end": keras.ops.slice_update(x, [0, 3, 4], weights(2, 3, 3)),
        "added": tf.tensor_scatter_nd_add(x, [[0, 1], [0, 1], [2, 3]], weights(3, 6)),
        "subtracted": tf.tensor_scatter_nd_sub(x, [[1]], weights(1, 4, 6)),
        "depth": tf.nn.space_to_depth(pictures, 2),
    }


def masks(x: Any) -> Outputs:
    import tensorflow as tf

    kept = tf.cast(x > 0, tf.float32) * np.array([[0], [1], [1], [1]], np.float32)
    return {
        "added": tf.nn.softmax(40 * x + (1 - kept) * -2.4e38),
        "chosen": tf.nn.softmax(tf.where(kept > 0, x, np.float32(-3e38))),
    }


def numbers(x: Any) -> Outputs:
    import tensorflow as tf

    mask = x > 0
    return {
        "floor": tf.math.floordiv(10 * x, 2.5),
        "bool": tf.cast(tf.round(x) / 256, tf.bool),
        "slice": mask[:, ::2, 1:],
        "reversed": tf.reverse(mask, [1]),
        "picked": tf.gather_nd(mask, [[1, 2, 3], [0, 1, 5]]),
        "mirrored": tf.pad(mask, [[0, 0], [1, 1], [0, 0]], "REFLECT"),
        "transposed": tf.transpose(mask, [0, 2, 1]),
        "parts": tf.concat(tf.unstack(mask, axis=1)[::-1], 1),
        "gathered": tf.gather(mask, [2, 0], axis=1),
        "chosen": tf.where(mask, x < 1, x < -1),
        "tiled": tf.tile(mask, [1, 2, 1]),
    }


def bodies(x: Any) -> Outputs:
    import tensorflow as tf

    square = x[:, :, :4]

    def step(number: Any, state: Any) -> tuple[Any, Any]:
        return number + 1, tf.math.erfc(tf.einsum("bij,bkj->bik", state, square)) + tf.roll(
            state, 1, 1
        )

    def branch(state: Any) -> Any:
        return tf.linalg.band_part(state, 0, -1) + tf.cumsum(state, -1)

    _, looped = tf.while_loop(
        lambda number, _: number < 3, step, (0, tf.matmul(x, x, transpose_b=True))
    )
    return {
        "loop": looped,
        "branch": tf.cond(tf.reduce_sum(x) > 1e6, lambda: square, lambda: branch(square)),
    }


def precision(x: Any) -> Outputs:
    import tensorflow as tf

    bfloat = tf.cast(tf.cast(x, tf.bfloat16) * tf.cast(weights(6), tf.bfloat16), tf.float32)
    double = tf.cast(x, tf.float64)
    return {
        "half": tf.cast(tf.cast(x, tf.float16) * 0.5 + 1, tf.float32),
        "bfloat": bfloat,
        "double": tf.where(double > 0.5, np.finfo(np.float64).max, double * 2) / 1e308,
    }


# (examples, 4, 6) numbers go into all of them.
MODELS: Mapping[str, Model] = {
    model.__name__: model
    for model in (
        *(
            activations,
            fusions,
            convolutions,
            channels,
            pooling,
            einsum,
            matrices,
            sequences,
            segments,
        ),
        *(recurrent, lstm, parts, shapes),
        *(lookups, images, spectra, updates, masks, numbers, bodies, precision),
    )
}


def weights(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(np.float32)
