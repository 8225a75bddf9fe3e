"""The error function, which TensorFlow Lite has only inside GELU."""

import math
from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.tensors import constant, origin

# Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: within 1.5e-7.
_P = 0.3275911
_COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with an approximation within 1.5e-7 for each Erf and Erfc.

    What is part of a GELU stays: the converter makes one operator of that.
    """
    return graph.replaced(("Erf", "Erfc"), _approximated)


def _approximated(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    if _in_gelu(operation):
        return None
    (x,) = operation.inputs
    t = 1 / (1 + _P * tf.abs(x))
    polynomial = tf.zeros_like(t)
    for coefficient in reversed(_COEFFICIENTS):
        polynomial = (polynomial + coefficient) * t
    erf = tf.sign(x) * (1 - polynomial * tf.exp(-x * x))
    return [erf if operation.type == "Erf" else 1 - erf]


def _in_gelu(operation: Any) -> bool:
    """Returns whether it is erf(x / √2) or erfc(-x / √2), and is then multiplied by x or x / 2."""
    scaled = origin(operation.inputs[0]).op
    x = _other_factor(scaled)
    if x is None:
        return False
    followers = list(operation.outputs[0].consumers())
    for _ in range(2):
        followers += [
            after for each in followers for out in each.outputs for after in out.consumers()
        ]
    return any(
        each.type == "Mul" and any(_is_multiple(factor, x) for factor in each.inputs)
        for each in followers
    )


def _other_factor(operation: Any) -> Any:
    """Returns x for x · √½, x / √2 and -x · √½."""
    if operation.type not in ("Mul", "RealDiv"):
        return None
    for place, factor in enumerate(operation.inputs):
        value = constant(factor)
        if value is None or value.size != 1:
            continue
        number = abs(float(value.reshape(())))
        number = 1 / number if operation.type == "RealDiv" else number
        if math.isclose(number, math.sqrt(0.5), rel_tol=1e-6):
            x = origin(operation.inputs[1 - place])
            return origin(x.op.inputs[0]) if x.op.type == "Neg" else x
    return None


def _is_multiple(tensor: Any, x: Any) -> bool:
    tensor = origin(tensor)
    return tensor is x or (
        tensor.op.type == "Mul" and any(origin(factor) is x for factor in tensor.op.inputs)
    )
