"""Operations along an axis, and those that pick by number."""

from collections.abc import Sequence

import numpy as np

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped


def cumulative(operation: Operation) -> Tensor | None:
    """Counts the axis from the front."""
    import tensorflow as tf

    axis, rank = operation.constant(1), operation.inputs[0].shape.rank
    if axis is None or axis >= 0 or rank is None:
        return None
    function = {"Cumsum": tf.cumsum, "Cumprod": tf.math.cumprod}[operation.kind]
    options = {name: operation.attribute(name) for name in ("exclusive", "reverse")}
    return function(operation.inputs[0], int(axis) + rank, **options)


def roll(operation: Operation) -> Tensor | None:
    """Takes the elements of each axis from their old places."""
    import tensorflow as tf

    x = operation.inputs[0]
    shifts, axes = operation.constant(1), operation.constant(2)
    if shifts is None or axes is None or x.shape.rank is None:
        return None
    moves = zip(np.atleast_1d(shifts).tolist(), np.atleast_1d(axes).tolist(), strict=True)
    for shift, counted in moves:
        axis = counted % x.shape.rank
        size = dimensions(x)[axis]
        if isinstance(size, int):
            places = np.mod(np.arange(size) - shift, size).astype(np.int32)
        else:
            places = tf.math.floormod(tf.range(size) - shift, size)
        x = tf.gather(x, places, axis=axis)
    return x


def one_hot(operation: Operation) -> Tensor | None:
    """Compares each number with all numbers below the depth."""
    import tensorflow as tf

    numbers, _, on, off = operation.inputs
    depth, kind = operation.constant(1), operation.outputs[0].dtype
    if depth is None or numbers.shape.rank is None or kind == tf.int32:
        return None
    axis = operation.attribute("axis") % (numbers.shape.rank + 1)
    candidates = np.arange(int(depth), dtype=numbers.dtype.as_numpy_dtype)
    candidates = candidates.reshape(-1, *[1] * (numbers.shape.rank - axis))
    equal = tf.equal(tf.expand_dims(numbers, axis), candidates)
    if kind == tf.bool:
        return equal
    hot = tf.cast(equal, kind)
    usual = operation.constant(2) == 1 and operation.constant(3) == 0
    return hot if usual else off + (on - off) * hot


def bucketize(operation: Operation) -> Tensor:
    """Counts the boundaries that a number is not below."""
    import tensorflow as tf

    [x] = operation.inputs
    boundaries = np.array(operation.attribute("boundaries"), np.float32)
    below = tf.cast(x, tf.float32)[..., None] < boundaries
    return tf.reduce_sum(tf.cast(tf.logical_not(below), tf.int32), -1)


def sign_bit(operation: Operation) -> Tensor | None:
    """Finds negative numbers, and zeros that are negative, by arithmetic instead of by bits.

    Keras' argmax and argmin ask for this bit, as they put -0 before 0.
    """
    import tensorflow as tf

    cast = operation.inputs[0].op
    if cast.type != "Bitcast" or cast.inputs[0].dtype != tf.float32:
        return None
    if operation.constant(1) != np.iinfo(np.int32).min:
        return None
    lowest = np.int32(np.iinfo(np.int32).min)
    return tf.where(1 / cast.inputs[0] < 0, lowest, np.int32(0))


def batched_gather(operation: Operation) -> Tensor | None:
    """Gathers from all examples at once, by numbers that count through all of them."""
    import tensorflow as tf

    x, places = operation.inputs[:2]
    batch, axis = operation.attribute("batch_dims"), operation.constant(2)
    if not batch or axis is None or x.shape.rank is None or places.shape.rank is None:
        return None
    batch %= places.shape.rank
    axis = int(axis) % x.shape.rank
    # (batch…, before…, axis, after…) to (batch…, axis, before…, after…)
    order = [*range(batch), axis, *range(batch, axis), *range(axis + 1, x.shape.rank)]
    if order != sorted(order):
        x = tf.transpose(x, order)
    sizes, wanted = dimensions(x), dimensions(places)
    examples = product(sizes[:batch])
    size = sizes[batch]
    flat = reshaped(x, [examples * size, *sizes[batch + 1 :]])
    starts = tf.range(examples) * size
    rows = reshaped(tf.cast(places, tf.int32), [examples, product(wanted[batch:])])
    found = tf.gather(flat, reshaped(rows + starts[:, None], [-1]))
    found = reshaped(found, [*_known(wanted[:batch], sizes), *wanted[batch:], *sizes[batch + 1 :]])
    if order == sorted(order):
        return found
    # (batch…, places…, before…, after…) to (batch…, before…, places…, after…)
    number, before = places.shape.rank - batch, axis - batch
    middle = [*range(batch + number, batch + number + before), *range(batch, batch + number)]
    rest = range(batch + number + before, found.shape.rank)
    return tf.transpose(found, [*range(batch), *middle, *rest])


def _known(first: Sequence[int | Tensor], second: Sequence[int | Tensor]) -> list[int | Tensor]:
    pairs = zip(first, second, strict=False)
    return [one if isinstance(one, int) else other for one, other in pairs]


RULES = (
    Rule(
        ("Cumsum", "Cumprod"), cumulative, "an axis that is counted from the end is not understood"
    ),
    Rule(("Roll",), roll, "there is no operator Roll"),
    Rule(("OneHot",), one_hot, "WebAssembly writes integers where numbers with a point belong"),
    Rule(("Bucketize",), bucketize, "there is no operator Bucketize"),
    Rule(("BitwiseAnd",), sign_bit, "there is no operator Bitcast, which Keras' argmax uses"),
    Rule(("GatherV2",), batched_gather, "WebAssembly gathers from the wrong example"),
)
