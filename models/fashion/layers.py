"""The same fashion network, built from a custom Keras layer and a subclassed model.

``network.functional`` connects ready-made layers into a graph. Here, a layer owns its weights and
computes its output in Python, and the model is a Python object that calls its layers.
"""

from typing import Any

import keras

CONVOLUTION_MOMENTUM = 0.9


class ConvolutionBlock(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A convolution without bias, batch normalisation, ReLU.

    Args:
        filters: the number of output channels.
        size: the side of the square kernel.
        stride: the stride in both directions.
    """

    def __init__(self, filters: int, size: int, stride: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters, self.size, self.stride = filters, size, stride
        self.normalised = keras.layers.BatchNormalization(momentum=CONVOLUTION_MOMENTUM)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Creates the weights once the number of input channels is known."""
        self.kernel = self.add_weight(
            name="kernel", shape=(self.size, self.size, shape[-1], self.filters)
        )
        self.normalised.build((*shape[:-1], self.filters))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns (n, height / stride, width / stride, filters)."""
        x = keras.ops.conv(inputs, self.kernel, strides=self.stride, padding="same")
        return keras.ops.relu(self.normalised(x, training=training))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that create the same layer again."""
        arguments = {"filters": self.filters, "size": self.size, "stride": self.stride}
        return {**super().get_config(), **arguments}


class Subclassed(keras.Model):  # type: ignore[misc]
    """The network as a class: ``call`` is plain Python, which may branch and loop.

    Args:
        mean, variance: the mean and variance of all training pixels.
        convolutions: filters, kernel size and stride of each block.
        classes: the number of classes.
    """

    def __init__(
        self,
        mean: float,
        variance: float,
        convolutions: tuple[tuple[int, int, int], ...],
        classes: int,
    ) -> None:
        super().__init__(name="fashion_subclassed")
        self.pixels_mean, self.pixels_deviation = mean, variance**0.5
        self.blocks = [ConvolutionBlock(*shape) for shape in convolutions]
        self.average = keras.layers.GlobalAveragePooling2D()
        self.classes = keras.layers.Dense(classes, activation="softmax", name="probabilities")

    def call(self, inputs: dict[str, Any], training: bool = False) -> Any:
        """Returns class probabilities, (n, classes), for ``image``, (n, 28, 28, 1)."""
        x = (inputs["image"] - self.pixels_mean) / self.pixels_deviation
        for block in self.blocks:
            x = block(x, training=training)
        return self.classes(self.average(x))
