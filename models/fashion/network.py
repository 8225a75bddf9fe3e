"""The fashion network: six convolutions, made to train in minutes on two CPU cores.

Every layer has an exact counterpart in TensorFlow Lite and TensorFlow.js, and every batch
normalisation directly follows a convolution, into which converters fold it.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy.typing as npt
import tensorflow as tf

from models.fashion.features import HEIGHT, WIDTH

CLASSES = 10
Hyperparameters = Mapping[str, float | int | str]


def build(statistics: Mapping[str, npt.NDArray[Any]], hyperparameters: Hyperparameters) -> Any:  # noqa: ARG001
    """Returns the untrained network, from plain pixels to class probabilities.

    Args:
        statistics: ``image_mean`` and ``image_variance`` of all training pixels.
        hyperparameters: none matter to the shape of the network.

    Returns:
        A Keras model with the input ``{"image": (n, 28, 28, 1)}``, grey values from 0 to 255,
        and the output ``probabilities``, (n, 10).
    """
    image = keras.Input((HEIGHT, WIDTH, 1), name="image")
    x = keras.layers.Normalization(
        axis=None,
        mean=float(statistics["image_mean"]),
        variance=float(statistics["image_variance"]),
    )(image)
    x = _convolution(x, 16)
    x = _convolution(x, 16)
    x = keras.layers.MaxPooling2D()(x)
    x = _convolution(x, 32)
    x = _convolution(x, 32)
    x = keras.layers.MaxPooling2D()(x)
    x = _convolution(x, 64)
    x = _convolution(x, 64)
    x = keras.layers.GlobalAveragePooling2D()(x)
    probabilities = keras.layers.Dense(CLASSES, activation="softmax", name="probabilities")(x)
    return keras.Model({"image": image}, probabilities, name="fashion")


def _convolution(x: Any, filters: int) -> Any:
    # The normalisation that follows makes a bias useless.
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def compile(model: Any, hyperparameters: Hyperparameters, *, steps_per_epoch: int) -> None:  # noqa: A001
    """Gives the model its loss and its optimizer, whose learning rate rises, then falls to zero.

    Args:
        model: what ``build`` returned.
        hyperparameters: ``epochs``, ``learning_rate`` (the highest) and
            ``weight_decay``.
        steps_per_epoch: how many batches an epoch has.
    """
    warmup = max(1, steps_per_epoch // 2)
    highest = float(hyperparameters["learning_rate"])
    model.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                initial_learning_rate=highest / 10,
                warmup_target=highest,
                warmup_steps=warmup,
                decay_steps=max(1, int(hyperparameters["epochs"]) * steps_per_epoch - warmup),
            ),
            weight_decay=float(hyperparameters["weight_decay"]),
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def augment(inputs: dict[str, Any], seed: Any) -> dict[str, Any]:
    """Returns a training batch with half of its pictures mirrored.

    Args:
        inputs: ``image``, (n, 28, 28, 1).
        seed: two int32 numbers; the same seed mirrors the same pictures.
    """
    image = inputs["image"]
    mirrored = tf.random.stateless_uniform((tf.shape(image)[0], 1, 1, 1), seed) < 0.5
    return {"image": tf.where(mirrored, tf.reverse(image, axis=[2]), image)}
