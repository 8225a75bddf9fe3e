"""Softplus, which TensorFlow Lite computes as log(exp(x) + 1): infinite above 88.7."""

from typing import Any

from mobile.conversion.rules.frozen_graph import FrozenGraph


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with ``max(x, 0) + log(1 + exp(-|x|))`` for every softplus of x.

    The exponential is then at most 1. Keras' log_sigmoid is a softplus too.
    """
    return graph.replaced(("Softplus",), _bounded)


def _bounded(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    (x,) = operation.inputs
    return [tf.nn.relu(x) + tf.math.log1p(tf.exp(-tf.abs(x)))]
