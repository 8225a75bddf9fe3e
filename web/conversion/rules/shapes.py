"""Shapes of which some dimensions are only known when the model runs, such as the batch."""

from collections.abc import Sequence

import numpy as np

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule


def reshape(operation: Operation) -> Tensor | None:
    """Leaves out the arithmetic on sizes where at most one is unknown, such as the batch.

    A dense layer has much of it for an input of three dimensions.
    """
    import tensorflow as tf

    sizes = operation.sizes(1)
    if operation.inputs[1].op.type == "Const" or sizes is None:
        return None
    # Next to a size of 0, the unknown one would not follow from the others.
    if np.count_nonzero(sizes == -1) > 1 or 0 in sizes:
        return None
    return tf.reshape(operation.inputs[0], sizes.astype(np.int32))


def dimensions(tensor: Tensor) -> list[int | Tensor]:
    """Returns the sizes of a tensor: a number, or a scalar tensor where the graph does not say."""
    import tensorflow as tf

    static = tensor.shape.as_list()
    if None not in static:
        return list(static)
    dynamic = tf.shape(tensor)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]


def product(sizes: Sequence[int | Tensor]) -> int | Tensor:
    """Returns the product of sizes: a number if all are numbers."""
    result: int | Tensor = 1
    for size in sizes:
        result = size if isinstance(result, int) and result == 1 else result * size
    return result


def reshaped(tensor: Tensor, sizes: Sequence[int | Tensor]) -> Tensor:
    """Returns the tensor in another shape, which needs no computed sizes if one is unknown."""
    import tensorflow as tf

    if sum(not isinstance(size, int) for size in sizes) > 1:
        return tf.reshape(tensor, tf.stack(sizes))
    return tf.reshape(tensor, [size if isinstance(size, int) else -1 for size in sizes])


RULES = (Rule(("Reshape",), reshape, "each operation on sizes takes as long as a small product"),)
