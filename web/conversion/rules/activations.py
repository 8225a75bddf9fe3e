"""Functions of single numbers for which TensorFlow.js has no operator."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule


def erfc(operation: Operation) -> Tensor:
    import tensorflow as tf

    return 1 - tf.math.erf(operation.inputs[0])


def softsign(operation: Operation) -> Tensor:
    import tensorflow as tf

    [x] = operation.inputs
    return x / (1 + tf.abs(x))


def rint(operation: Operation) -> Tensor:
    import tensorflow as tf

    return tf.round(operation.inputs[0])


RULES = (
    Rule(("Erfc",), erfc, "there is no operator Erfc, which Keras' exact gelu uses"),
    Rule(("Softsign",), softsign, "there is no operator Softsign"),
    Rule(("Rint",), rint, "there is no operator Rint"),
)
