"""Numbers that stand for minus infinity in masked scores."""

import numpy as np

from web.conversion.copies import again
from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule

# WebGL's maximum starts at -1e20. This number still swallows every score that is added to it.
LOWEST = np.float32(-1e19)
SCORING = ("AddV2", "Add", "Sub", "Mul", "SelectV2", "Select", "Reshape", "Transpose", "Identity")


def softmax(operation: Operation) -> Tensor | None:
    """Masks the scores with a number that WebGL's maximum can find.

    The answer is the same: what is masked gets 0, and if everything is, all of it gets the same.
    """
    [scores] = operation.inputs
    masked = _masked(scores, operation)
    return None if masked is scores else operation.again([masked])[0]


def _masked(tensor: Tensor, operation: Operation) -> Tensor:
    """Returns the tensor, computed without numbers below LOWEST; the same one if it has none."""
    import tensorflow as tf

    if not tensor.dtype.is_floating:
        return tensor
    if tensor.op.type in SCORING:
        inputs = [_masked(each, operation) for each in tensor.op.inputs]
        same = all(new is old for new, old in zip(inputs, tensor.op.inputs, strict=True))
        return tensor if same else again(tensor.op, inputs)[0]
    value = operation.of(tensor)
    if value is None or not np.any(np.isfinite(value) & (value < LOWEST)):
        return tensor
    return tf.constant(np.where(np.isfinite(value), np.maximum(value, LOWEST), value))


RULES = (Rule(("Softmax",), softmax, "WebGL finds no maximum below -1e20, as masks are"),)
