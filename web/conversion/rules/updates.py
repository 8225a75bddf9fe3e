"""Tensors with some of their elements replaced or moved."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped


def update_slice(operation: Operation) -> Tensor | None:
    """Puts the update over a part of the tensor, whose place the graph determines."""
    import tensorflow as tf

    x, update = operation.inputs[:2]
    starts = operation.constant(2)
    if starts is None or x.shape.rank is None:
        return None
    sizes = list(zip(dimensions(x), dimensions(update), starts.tolist(), strict=True))
    if any(not isinstance(size, int) and start for size, _, start in sizes):
        return None
    # A slice that would reach over the end is moved to the end.
    clipped = [min(max(start, 0), whole - part) if start else 0 for whole, part, start in sizes]
    covered = [
        slice(start, start + part) for start, (_, part, _) in zip(clipped, sizes, strict=True)
    ]
    new = update
    # From the last axis on: what lies before and behind the update is the tensor's own.
    for axis in reversed(range(x.shape.rank)):
        own = tuple(covered[:axis])
        before = x[(*own, slice(0, covered[axis].start))]
        behind = x[(*own, slice(covered[axis].stop, None))]
        new = tf.concat([before, new, behind], axis)
    return new


def scatter(operation: Operation) -> Tensor | None:
    """Adds or subtracts updates that are scattered in a tensor of zeros."""
    import tensorflow as tf

    x, places, updates = operation.inputs
    scattered = tf.scatter_nd(places, updates, tf.shape(x))
    return x + scattered if operation.kind == "TensorScatterAdd" else x - scattered


def space_to_depth(operation: Operation) -> Tensor | None:
    """Makes a pixel of each block of pixels."""
    import tensorflow as tf

    [x] = operation.inputs
    if operation.attribute("data_format") != b"NHWC":
        return None
    size = operation.attribute("block_size")
    batch, height, width, channels = dimensions(x)
    rows, columns = height // size, width // size
    blocks = reshaped(x, [product([batch, rows]), size, columns, product([size, channels])])
    blocks = tf.transpose(blocks, [0, 2, 1, 3])
    return reshaped(blocks, [batch, rows, columns, product([size, size, channels])])


RULES = (
    Rule(("XlaDynamicUpdateSlice",), update_slice, "there is no operator for slices that change"),
    Rule(
        ("TensorScatterAdd", "TensorScatterSub"), scatter, "there is no operator TensorScatterAdd"
    ),
    Rule(("SpaceToDepth",), space_to_depth, "there is no operator SpaceToDepth"),
)
