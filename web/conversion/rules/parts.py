"""Parts of matrices, such as the gates of a recurrent layer, computed before they are cut out."""

from collections.abc import Sequence

import numpy as np

from web.conversion.copies import made_once
from web.conversion.graph_model import Array, Tensor
from web.conversion.operation import Operation, Rule


def columns(operation: Operation) -> Tensor | None:
    """Splits a matrix, if parts of the same width are cut out of all of its columns."""
    import tensorflow as tf

    whole, [cut] = operation.inputs[0], operation.outputs
    if whole.shape.rank != 2 or cut.shape.rank != 2:
        return None
    size, width = whole.shape[1], cut.shape[1]
    if not size or not width or size % width or size == width:
        return None
    chosen = _chosen(operation, size)
    number = size // width
    if chosen is None or len(whole.consumers()) < number:
        return None
    index = int(chosen[0]) // width
    if np.any(chosen != index * width + np.arange(width)):
        return None
    parts = made_once(f"columns {whole.name} {width}")
    if not parts:
        parts += tf.split(whole, number, 1)
    return parts[index]


def sum_of_parts(operation: Operation) -> Tensor | None:
    """Adds two matrices before they are split, if several of their parts are added."""
    import tensorflow as tf

    first, second = (each.op for each in operation.inputs)
    if not all(_is_cut(each, operation) for each in operation.inputs):
        return None
    if len(first.outputs) != len(second.outputs):
        return None
    pairs = list(zip(first.outputs, second.outputs, strict=True))
    added = [any(_adds(user, pair) for user in pair[0].consumers()) for pair in pairs]
    index = operation.inputs[0].value_index
    if operation.inputs[1].value_index != index or added.count(True) < 2:
        return None
    if pairs[index][0].shape[1] != pairs[index][1].shape[1]:
        return None
    parts = made_once(f"sum {first.name} {second.name}")
    if not parts:
        parts += tf.split(first.inputs[1] + second.inputs[1], len(pairs), 1)
    return parts[index]


def gates(operation: Operation) -> Tensor | None:
    """Computes the sigmoid of most parts of a matrix before it is split."""
    import tensorflow as tf

    [part] = operation.inputs
    split = part.op
    if split.type != "Split" or part.shape.rank != 2:
        return None
    opened = [
        each for each in split.outputs if any(user.type == "Sigmoid" for user in each.consumers())
    ]
    if len(opened) * 2 <= len(split.outputs):
        return None
    axis, whole = split.inputs
    parts = made_once(f"sigmoid {split.name}")
    if not parts:
        parts += tf.split(tf.sigmoid(whole), len(split.outputs), axis)
    return parts[part.value_index]


def used_parts(operation: Operation) -> Sequence[Tensor] | None:
    """Cuts the parts that are used out of a tensor, if others are not, instead of splitting it."""
    import tensorflow as tf

    axis, whole = operation.constant(0), operation.inputs[1]
    used = [each for each in operation.outputs if each.consumers()]
    if len(used) == len(operation.outputs) or axis is None or whole.shape.rank is None:
        return None
    axis = int(axis) % whole.shape.rank
    width = operation.outputs[0].shape[axis]
    if width is None:
        return None
    size = [-1] * whole.shape.rank
    size[axis] = width
    starts = [
        [0] * axis + [index * width] + [0] * (whole.shape.rank - axis - 1)
        for index in range(len(operation.outputs))
    ]
    return [tf.slice(whole, start, size) for start in starts]


def _chosen(operation: Operation, size: int) -> Array | None:
    """Returns the numbers of the columns that a StridedSlice takes of each row; None if unknown."""
    bounds = [operation.constant(index) for index in (1, 2, 3)]
    if any(each is None or each.size != 2 for each in bounds):
        return None
    if any(operation.attribute(f"{name}_mask") for name in ("ellipsis", "new_axis", "shrink_axis")):
        return None
    masks = [operation.attribute(f"{name}_mask") for name in ("begin", "end")]
    begin, end, strides = np.array(bounds)
    if not masks[0] & masks[1] & 1 or strides[0] != 1:
        return None
    first = None if masks[0] & 2 else begin[1]
    last = None if masks[1] & 2 else end[1]
    return np.arange(size)[first : last : strides[1]]


def _is_cut(part: Tensor, operation: Operation) -> bool:
    """Returns whether the tensor is one of the parts into which a matrix is split by columns."""
    split = part.op
    return (
        split.type == "Split" and part.shape.rank == 2 and operation.of(split.inputs[0]) in (1, -1)
    )


def _adds(user: Tensor, pair: tuple[Tensor, Tensor]) -> bool:
    return user.type == "AddV2" and {each.name for each in user.inputs} == {
        each.name for each in pair
    }


WHY = "each operation takes as long as a small product"
RULES = (
    Rule(("StridedSlice",), columns, WHY),
    Rule(("AddV2",), sum_of_parts, WHY),
    Rule(("Sigmoid",), gates, WHY),
    Rule(("Split",), used_parts, WHY),
)
