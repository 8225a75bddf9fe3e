"""The motions network: two convolutions along time, then a global average."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy.typing as npt
import tensorflow as tf

from models.motions.windows import CHANNELS, LABELS, STEPS

FILTERS, SIZE = (24, 48), 5
# Training windows are scaled up or down by as much as this: people move with different force.
FORCE = 0.2
Hyperparameters = Mapping[str, float | int | str]


def build(
    learnt: Mapping[str, npt.NDArray[Any]],
    hyperparameters: Hyperparameters,  # noqa: ARG001 - none of them shapes this network
) -> keras.Model:
    """Returns the untrained network, from raw measurements to class probabilities.

    Args:
        learnt: ``mean`` and ``variance`` of each channel, of shape (6,).
        hyperparameters: the profile's.

    Returns:
        A Keras model with the input ``{"motion": (n, 30, 6)}`` and the output ``probabilities``,
        (n, 4).
    """
    motion = keras.Input((STEPS, len(CHANNELS)), name="motion")
    x = keras.layers.Normalization(mean=learnt["mean"], variance=learnt["variance"])(motion)
    for filters in FILTERS:
        x = keras.layers.Conv1D(filters, SIZE, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x)
    return keras.Model({"motion": motion}, x, name="motions")


def compile(  # noqa: A001 - the pipeline's name for this step is Keras' own
    model: keras.Model, hyperparameters: Hyperparameters, *, steps_per_epoch: int
) -> None:
    """Gives the model its loss and its optimizer, whose learning rate falls to zero.

    Args:
        model: the result of ``build``.
        hyperparameters: ``epochs`` and ``learning_rate``.
        steps_per_epoch: the number of batches in an epoch.
    """
    schedule = keras.optimizers.schedules.CosineDecay(
        float(hyperparameters["learning_rate"]), int(hyperparameters["epochs"]) * steps_per_epoch
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def augment(inputs: dict[str, Any], seed: Any) -> dict[str, Any]:
    """Returns a training batch with each window's measurements scaled up or down a little."""
    motion = inputs["motion"]
    shape = (tf.shape(motion)[0], 1, 1)
    return {"motion": motion * tf.random.stateless_uniform(shape, seed, 1 - FORCE, 1 + FORCE)}
