"""Shapes of which some dimensions are only known when the model runs, such as the batch."""

from collections.abc import Sequence

from web.conversion.graph_model import Tensor


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
