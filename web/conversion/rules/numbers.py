"""Arithmetic that a backend does differently."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule


def floor_division(operation: Operation) -> Tensor | None:
    import tensorflow as tf

    first, second = operation.inputs
    return tf.floor(first / second) if first.dtype.is_floating else None


def to_bool(operation: Operation) -> Tensor | None:
    """Asks whether a number is not 0."""
    import tensorflow as tf

    [x] = operation.inputs
    if operation.outputs[0].dtype != tf.bool or x.dtype == tf.bool:
        return None
    return tf.not_equal(x, tf.zeros((), x.dtype))


def moved_bools(operation: Operation) -> list[Tensor] | None:
    """Moves integers instead of bools, which are bytes in WebAssembly's memory."""
    import tensorflow as tf

    if not any(output.dtype == tf.bool for output in operation.outputs):
        return None
    # What chooses between two tensors stays a bool.
    condition = operation.inputs[: operation.kind.startswith("Select")]
    moved = operation.inputs[len(condition) :]
    inputs = [*condition, *(tf.cast(x, tf.int32) if x.dtype == tf.bool else x for x in moved)]
    outputs = operation.again(inputs, {tf.bool: tf.int32})
    return [
        tf.not_equal(output, 0) if old.dtype == tf.bool else output
        for output, old in zip(outputs, operation.outputs, strict=True)
    ]


# Their kernels copy four bytes for each element, whatever its type is.
MOVING = ("StridedSlice", "GatherNd", "ReverseV2", "MirrorPad", "SelectV2", "Select")

RULES = (
    Rule(("FloorDiv",), floor_division, "WebGL rounds both numbers before it divides them"),
    Rule(("Cast",), to_bool, "WebAssembly cuts a number to a byte to make a bool of it"),
    Rule(MOVING, moved_bools, "WebAssembly's kernels take bools for numbers of four bytes"),
)
