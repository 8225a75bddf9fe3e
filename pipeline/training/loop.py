"""Training without Keras' ``fit``: a custom loop in plain TensorFlow.

``tf.GradientTape`` records what the network computes and differentiates it. The optimizer's step,
the metrics and the order of operations are explicit. One training step is a Python function that
runs unchanged (``eager``), as one graph (``graph``), or compiled by XLA (``xla``).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

EXECUTIONS = ("eager", "graph", "xla")


class Network(Protocol):
    """A trainable network: a Keras model, or a tf.Module that is called in the same way."""

    trainable_variables: Sequence[Any]

    def __call__(self, inputs: dict[str, Any], training: bool) -> Any:
        """Returns the answers: one tensor, or several by their names."""


class Judge(Protocol):
    """What training minimises, and which figures it reports besides the loss."""

    def losses(self, truths: Any, answers: Any) -> Any:
        """Returns the loss of each example, (n,), or their mean."""

    def add(self, truths: Any, answers: Any) -> None:
        """Adds a batch to the figures."""

    def take(self) -> Mapping[str, float]:
        """Returns the figures since the last call by name, and resets them."""


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


def cross_entropy(labels: Any, probabilities: Any) -> Any:
    """Returns each example's loss, (n,), as Keras' sparse_categorical_crossentropy computes it.

    Args:
        labels: the class indices, (n,).
        probabilities: (n, classes). Keras uses the logits if a softmax layer produced the
            probabilities; this function uses the logarithm of the clipped probability.
    """
    clipped = tf.clip_by_value(probabilities, 1e-7, 1 - 1e-7)
    return -tf.math.log(tf.gather(clipped, tf.cast(labels, tf.int32), batch_dims=1))


class ByHand:
    """Judges class probabilities, (n, classes), by cross-entropy and accuracy, written out."""

    def __init__(self) -> None:
        self._accuracy = Mean()

    def losses(self, truths: Any, answers: Any) -> Any:
        return cross_entropy(truths, answers)

    def add(self, truths: Any, answers: Any) -> None:
        top = tf.argmax(answers, axis=1, output_type=tf.int32)
        self._accuracy.add(tf.cast(tf.equal(top, tf.cast(truths, tf.int32)), tf.float32))

    def take(self) -> Mapping[str, float]:
        return {"accuracy": self._accuracy.take()}


def gradients(
    network: Network,
    inputs: dict[str, Any],
    truths: Any,
    losses_of: Callable[[Any, Any], Any] = cross_entropy,
) -> tuple[Any, Any, list[Any]]:
    """Returns the answers, their losses, and the mean loss' gradient for each variable.

    Args:
        losses_of: as ``Judge.losses``.
    """
    with tf.GradientTape() as tape:
        answers = network(inputs, training=True)
        losses = losses_of(truths, answers)
        loss = tf.reduce_mean(losses)
    return answers, losses, tape.gradient(loss, variables_of(network))


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
    judge: Judge,
    epochs: Iterable[int],
    execution: str,
    tell: Callable[[dict[str, float]], bool],
) -> None:
    """Trains the network in place.

    Args:
        apply: the optimizer's step, which takes the gradients in the order of the variables.
        batches: gives one epoch of ``(inputs, true answers)`` each time it is iterated.
        watched: batches of the held-out split.
        judge: what is minimised and reported.
        execution: one of EXECUTIONS.
        epochs: the epoch numbers; each is one iteration of ``batches``.
        tell: called after each epoch with its figures, the held-out ones with the prefix ``val_``;
            returns whether training is to end.
    """
    loss = Mean()

    def measure(truths: Any, answers: Any, losses: Any) -> None:
        # A mean counts as often as the batch has examples.
        count = tf.shape(tf.nest.flatten(answers)[0])[:1]
        loss.add(tf.broadcast_to(losses, count))
        judge.add(truths, answers)

    def train_step(inputs: dict[str, Any], truths: Any) -> None:
        answers, losses, slopes = gradients(network, inputs, truths, judge.losses)
        apply(slopes)
        measure(truths, answers, losses)

    def watch_step(inputs: dict[str, Any], truths: Any) -> None:
        answers = network(inputs, training=False)
        measure(truths, answers, judge.losses(truths, answers))

    step, watch = executed(train_step, execution), executed(watch_step, execution)
    for _ in epochs:
        for inputs, truths in batches:
            step(inputs, truths)
        figures = {"loss": loss.take(), **judge.take()}
        for inputs, truths in watched:
            watch(inputs, truths)
        held_out = {"loss": loss.take(), **judge.take()}
        if tell({**figures, **{f"val_{name}": value for name, value in held_out.items()}}):
            break
