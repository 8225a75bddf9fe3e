"""The penguins network: one dense layer behind the encoded columns.

The species lie apart so cleanly that hidden layers gained nothing: with them, one to two of the
115 test penguins more were mistaken, which ones depending on the seed. The README says what five
fresh splits made of that choice.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy.typing as npt

from models.penguins.columns import COLUMNS, LABELS

# So much of every column is hidden while training.
BLANKED = 0.05
Hyperparameters = Mapping[str, float | int | str]


def build(
    learnt: Mapping[str, npt.NDArray[Any]],
    hyperparameters: Hyperparameters,  # noqa: ARG001 - none shapes this network
) -> keras.Model:
    """Returns the untrained network, from raw columns to class probabilities.

    Args:
        learnt: means, variances and vocabularies of the training data's columns.
        hyperparameters: the profile's.

    Returns:
        A Keras model with one input a column, of shape (n,), and the output ``probabilities``,
        (n, 3).
    """
    inputs = COLUMNS.inputs()
    x = COLUMNS.encoded(inputs, learnt)
    x = keras.layers.Dense(len(LABELS), activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, x, name="penguins")


def compile(  # noqa: A001 - the pipeline's name for this step is Keras' own
    model: keras.Model, hyperparameters: Hyperparameters, *, steps_per_epoch: int
) -> None:
    """Gives the model its loss and its optimizer, whose learning rate falls to zero.

    Args:
        model: what ``build`` returned.
        hyperparameters: ``epochs`` and ``learning_rate``.
        steps_per_epoch: how many batches an epoch has.
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
    """Returns a training batch in which some values are missing."""
    return COLUMNS.blanked(inputs, seed, BLANKED)
