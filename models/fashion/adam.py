"""Adam's step on TensorFlow's own variables, for a network that is not a Keras model."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class Adam(tf.Module):  # type: ignore[misc]
    """Adam's step (Kingma and Ba, 2015) on plain variables, written out.

    Args:
        variables: the variables to train.
        learning_rate: a number, or a function of the step's number, which starts at 0.
    """

    def __init__(
        self,
        variables: Sequence[Any],
        learning_rate: float | Callable[[Any], Any],
        *,
        first: float = 0.9,
        second: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__()
        self._variables = list(variables)
        self._rate = learning_rate
        self._first, self._second, self._epsilon = first, second, epsilon
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._means = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._variables]
        self._squares = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self._variables]

    def __call__(self, slopes: list[Any]) -> None:
        """Moves each variable against its gradient."""
        rate = self._rate(self._step) if callable(self._rate) else self._rate
        count = tf.cast(self._step + 1, tf.float32)
        # Both means start at zero. This corrects the bias towards zero of the first steps.
        unbiased = tf.sqrt(1 - self._second**count) / (1 - self._first**count)
        moments = zip(self._variables, slopes, self._means, self._squares, strict=True)
        for variable, slope, mean, square in moments:
            mean.assign_add((slope - mean) * (1 - self._first))
            square.assign_add((tf.square(slope) - square) * (1 - self._second))
            variable.assign_sub(rate * unbiased * mean / (tf.sqrt(square) + self._epsilon))
        self._step.assign_add(1)
