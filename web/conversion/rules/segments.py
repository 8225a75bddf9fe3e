"""Sums, means and extremes of groups of rows."""

from collections.abc import Callable

import numpy as np

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped

KINDS = ("Sum", "Prod", "Max", "Min", "Mean")


def segments(operation: Operation) -> Tensor | None:
    """Reduces each group over all rows, with a neutral value for those of other groups."""
    import tensorflow as tf

    data, groups = operation.inputs[:2]
    if data.shape.rank is None or groups.shape.rank is None:
        return None
    kind = operation.kind.removeprefix("Unsorted").removeprefix("Segment")
    if operation.kind.startswith("Unsorted"):
        number = operation.constant(2)
    else:
        # Without a number of groups, it is one more than the last of them.
        known = operation.constant(1)
        number = None if known is None else known[-1] + 1
    if number is None:
        return None
    sizes = dimensions(data)
    rest = sizes[groups.shape.rank :]
    rows = product(sizes[: groups.shape.rank])
    data = reshaped(data, [rows, *rest])
    groups = reshaped(groups, [rows])
    member = tf.equal(np.arange(int(number), dtype=np.int32)[:, None], tf.cast(groups, tf.int32))
    expanded = reshaped(member, [int(number), rows, *[1] * len(rest)])
    neutral, reduce = _reduction(kind, data.dtype)
    result = reduce(tf.where(expanded, data[None], neutral), axis=1)
    if kind != "Mean":
        return result
    count = tf.reduce_sum(tf.cast(member, data.dtype), 1)
    return result / reshaped(tf.maximum(count, 1), [int(number), *[1] * len(rest)])


def _reduction(kind: str, dtype: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
    import tensorflow as tf

    neutral, reduce = {
        "Sum": (0, tf.reduce_sum),
        "Mean": (0, tf.reduce_sum),
        "Prod": (1, tf.reduce_prod),
        "Max": (dtype.min, tf.reduce_max),
        "Min": (dtype.max, tf.reduce_min),
    }[kind]
    return tf.constant(neutral, dtype), reduce


RULES = (
    Rule(
        tuple(f"{order}Segment{kind}" for order in ("", "Unsorted") for kind in KINDS),
        segments,
        "there are no operators for segments",
    ),
)
