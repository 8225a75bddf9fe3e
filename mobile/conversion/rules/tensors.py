"""What a graph's tensors are made of: constants, inputs, and operations behind copies."""

from typing import Any

from core.arrays import Array


def origin(tensor: Any) -> Any:
    """Returns the tensor of which this one is an unchanged copy; itself where it is none."""
    while tensor.op.type in ("Identity", "StopGradient", "PreventGradient"):
        tensor = tensor.op.inputs[0]
    return tensor


def constant(tensor: Any) -> Array | None:
    """Returns the value of a tensor that no input changes; None where one may."""
    import tensorflow as tf

    value: Array | None = tf.get_static_value(origin(tensor))
    return value


def integer(tensor: Any) -> int | None:
    """Returns the value of a constant whole number; None for anything else."""
    value = constant(tensor)
    return None if value is None or value.size != 1 else int(value.reshape(()))
