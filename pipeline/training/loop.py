"""Training without Keras' ``fit``: a custom loop in plain TensorFlow.

``tf.GradientTape`` records what the network computes and differentiates it. The optimizer's step,
the metrics and the order of operations are explicit. One training step is a Python function that
runs unchanged (``eager``), as one graph (``graph``), or compiled by XLA (``xla``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

EXECUTIONS = ("eager", "graph", "xla")


class Network(Protocol):
    """A trainable network: a Keras model, or a tf.Module that is called in the same way."""

    trainable_variables: Sequence[Any]

    def __call__(self, inputs: dict[str, Any], training: bool) -> Any:
        """Returns class probabilities of shape (n, classes)."""


class Mean(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """A metric: the mean of all values since the last reset, kept in two variables."""

    def __init__(self) -> None:
        super().__init__()
        self._sum = tf.Variable(0.0, trainable=False)
        self._count = tf.Variable(0.0, trainable=False)

    def add(self, values: Any) -> None:
        """Adds a tensor of values to the mean."""
        self._sum.assign_add(tf.reduce_sum(values))
        self._count.assign_add(tf.cast(tf.size(values), tf.float32))

    def take(self) -> float:
        """Returns the mean and resets it."""
        mean = float(self._sum / self._count)
        self._sum.assign(0.0)
        self._count.assign(0.0)
        return mean


@dataclass(frozen=True)
class Epoch:
    """An epoch's results: mean loss and accuracy, in training and on the held-out split."""

    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


def cross_entropy(labels: Any, probabilities: Any) -> Any:
    """Returns each example's loss, (n,), as Keras' sparse_categorical_crossentropy computes it.

    Args:
        labels: the class indices, (n,).
        probabilities: (n, classes). Keras uses the logits if a softmax layer produced the
            probabilities; this function uses the logarithm of the clipped probability.
    """
    clipped = tf.clip_by_value(probabilities, 1e-7, 1 - 1e-7)
    return -tf.math.log(tf.gather(clipped, tf.cast(labels, tf.int32), batch_dims=1))


def gradients(network: Network, inputs: dict[str, Any], labels: Any) -> tuple[Any, Any, list[Any]]:
    """Returns probabilities, losses per example, and the mean loss' gradient for each variable."""
    with tf.GradientTape() as tape:
        probabilities = network(inputs, training=True)
        losses = cross_entropy(labels, probabilities)
        loss = tf.reduce_mean(losses)
    return probabilities, losses, tape.gradient(loss, variables_of(network))


def variables_of(network: Network) -> list[Any]:
    """Returns the trainable variables as TensorFlow variables."""
    return plain(network.trainable_variables)


def plain(variables: Iterable[Any]) -> list[Any]:
    """Returns variables as TensorFlow variables; Keras 3 wraps each of them in its own type."""
    import keras

    return [v.value if isinstance(v, keras.Variable) else v for v in variables]


def executed(function: Callable[..., Any], execution: str) -> Callable[..., Any]:
    """Returns the function in the form in which it runs: Python, a graph, or compiled by XLA."""
    ways: dict[str, Any] = {
        "eager": lambda function: function,
        "graph": tf.function,
        "xla": lambda function: tf.function(function, jit_compile=True),
    }
    wrapped: Callable[..., Any] = ways[execution](function)
    return wrapped


def train(
    network: Network,
    apply: Callable[[list[Any]], None],
    batches: Iterable[Any],
    watched: Iterable[Any],
    *,
    epochs: Iterable[int],
    execution: str,
    tell: Callable[[Epoch], bool],
) -> None:
    """Trains the network in place.

    Args:
        apply: the optimizer's step, which takes the gradients in the order of the variables.
        batches: gives one epoch of ``(inputs, labels)`` each time it is iterated.
        watched: batches of the held-out split.
        execution: one of EXECUTIONS.
        epochs: the epoch numbers; each is one iteration of ``batches``.
        tell: called after each epoch with its results; returns whether training is to end.
    """
    loss, accuracy = Mean(), Mean()

    def measure(labels: Any, probabilities: Any, losses: Any) -> None:
        top = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        loss.add(losses)
        accuracy.add(tf.cast(tf.equal(top, tf.cast(labels, tf.int32)), tf.float32))

    def train_step(inputs: dict[str, Any], labels: Any) -> None:
        probabilities, losses, slopes = gradients(network, inputs, labels)
        apply(slopes)
        measure(labels, probabilities, losses)

    def watch_step(inputs: dict[str, Any], labels: Any) -> None:
        probabilities = network(inputs, training=False)
        measure(labels, probabilities, cross_entropy(labels, probabilities))

    step, watch = executed(train_step, execution), executed(watch_step, execution)
    for _ in epochs:
        for inputs, labels in batches:
            step(inputs, labels)
        trained = loss.take(), accuracy.take()
        for inputs, labels in watched:
            watch(inputs, labels)
        if tell(Epoch(*trained, loss.take(), accuracy.take())):
            break
