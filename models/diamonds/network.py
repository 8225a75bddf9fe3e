"""The diamonds network: three dense layers behind the encoded columns."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy.typing as npt

from models.diamonds.columns import COLUMNS
from models.targets import objectives_of, outputs_of

UNITS = (128, 64, 32)
# The share of every column's values that is hidden during training.
BLANKED = 0.005
Hyperparameters = Mapping[str, float | int | str]


def build(
    learnt: Mapping[str, npt.NDArray[Any]],
    hyperparameters: Hyperparameters,  # noqa: ARG001 - none of them shapes this network
) -> keras.Model:
    """Returns the untrained network, from raw columns to the price.

    Args:
        learnt: means, variances and vocabularies of the training data's columns.
        hyperparameters: the profile's.

    Returns:
        A Keras model with one input per column, of shape (n,), and the output ``price``, (n, 1).
    """
    inputs = COLUMNS.inputs()
    x = COLUMNS.encoded(inputs, learnt)
    for units in UNITS:
        x = keras.layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, outputs_of(COLUMNS.targets, x, learnt), name="diamonds")


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
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    model.compile(optimizer=optimizer, **objectives_of(COLUMNS.targets, model))


def augment(inputs: dict[str, Any], seed: Any) -> dict[str, Any]:
    """Returns a training batch in which some values are missing."""
    return COLUMNS.blanked(inputs, seed, BLANKED)
