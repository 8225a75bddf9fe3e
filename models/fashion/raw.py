"""The same fashion network as a tf.Module of raw operations, doing by hand what Keras does.

Every weight is a variable created here. Every operation is one of TensorFlow's C++ kernels, called
by its name. Batch normalisation updates its averages itself.
"""

from typing import Any

import tensorflow as tf

MOMENTUM, EPSILON = 0.9, 1e-3
Convolutions = tuple[tuple[int, int, int], ...]


class Block(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """A convolution without bias, batch normalisation, ReLU."""

    def __init__(self, channels: int, filters: int, size: int, stride: int, seed: int) -> None:
        super().__init__()
        self._stride = stride
        self.kernel = tf.Variable(glorot((size, size, channels, filters), seed), name="kernel")
        self.scale = tf.Variable(tf.ones(filters), name="scale")
        self.offset = tf.Variable(tf.zeros(filters), name="offset")
        self.mean = tf.Variable(tf.zeros(filters), trainable=False, name="mean")
        self.variance = tf.Variable(tf.ones(filters), trainable=False, name="variance")

    def __call__(self, x: Any, training: bool) -> Any:
        x = tf.raw_ops.Conv2D(
            input=x,
            filter=self.kernel,
            strides=[1, self._stride, self._stride, 1],
            padding="SAME",
        )
        # Training uses the batch's own mean and variance, inference the averages of all batches.
        averages = [] if training else [self.mean, self.variance]
        normalised = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.scale,
            offset=self.offset,
            mean=averages[0] if averages else tf.zeros(0),
            variance=averages[1] if averages else tf.zeros(0),
            epsilon=EPSILON,
            is_training=training,
        )
        if training:
            self.mean.assign_add((normalised.batch_mean - self.mean) * (1 - MOMENTUM))
            change = normalised.batch_variance - self.variance
            self.variance.assign_add(change * (1 - MOMENTUM))
        return tf.raw_ops.Relu(features=normalised.y)


class Raw(tf.Module):  # type: ignore[misc]
    """The network. Called with ``{"image": (n, 28, 28, 1)}``, it returns (n, classes).

    Args:
        mean, variance: the mean and variance of all training pixels.
        convolutions: filters, kernel size and stride of each block.
        classes: the number of classes.
        seed: the seed of the initial weights.
    """

    step: Any  # the optimizer's step, set by network.compile

    def __init__(
        self, mean: float, variance: float, convolutions: Convolutions, classes: int, seed: int
    ) -> None:
        super().__init__(name="fashion_raw")
        self._mean, self._deviation = mean, variance**0.5
        self.blocks = []
        channels = 1
        for place, (filters, size, stride) in enumerate(convolutions):
            self.blocks.append(Block(channels, filters, size, stride, seed + place))
            channels = filters
        self.kernel = tf.Variable(glorot((channels, classes), seed + len(convolutions)))
        self.bias = tf.Variable(tf.zeros(classes))

    def __call__(self, inputs: dict[str, Any], training: bool = False) -> Any:
        x = (inputs["image"] - self._mean) / self._deviation
        for block in self.blocks:
            x = block(x, training)
        x = tf.raw_ops.Mean(input=x, axis=[1, 2])
        logits = tf.raw_ops.BiasAdd(value=tf.raw_ops.MatMul(a=x, b=self.kernel), bias=self.bias)
        return tf.raw_ops.Softmax(logits=logits)


def glorot(shape: tuple[int, ...], seed: int) -> Any:
    """Returns initial weights that preserve a signal's scale (Glorot and Bengio, 2010)."""
    field = 1
    for size in shape[:-2]:
        field *= size
    limit = (6 / (field * (shape[-2] + shape[-1]))) ** 0.5
    return tf.random.stateless_uniform(shape, (seed, 0), -limit, limit)
