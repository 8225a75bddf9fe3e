"""The nuclei network: a small U-Net (Ronneberger et al., 2015).

What it has seen at full size goes to the layers that answer at full size, beside what the smaller
sizes say about the surroundings.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy.typing as npt
import tensorflow as tf

from models.nuclei.tiles import LABELS, SIZE

# The filters at full size, at half and at a quarter.
FILTERS = (16, 32, 64)
Hyperparameters = Mapping[str, float | int | str]


def build(
    learnt: Mapping[str, npt.NDArray[Any]],
    hyperparameters: Hyperparameters,  # noqa: ARG001 - none of them shapes this network
) -> keras.Model:
    """Returns the untrained network, from raw pixels to class probabilities for each pixel.

    Args:
        learnt: ``image_mean`` and ``image_variance`` of all training pixels.
        hyperparameters: the profile's.

    Returns:
        A Keras model with the input ``{"image": (n, 64, 64, 1)}`` and the output ``mask``,
        (n, 64, 64, 2).
    """
    image = keras.Input(SIZE.shape, name="image")
    x = keras.layers.Normalization(
        axis=None, mean=float(learnt["image_mean"]), variance=float(learnt["image_variance"])
    )(image)
    sizes = []
    for filters in FILTERS[:-1]:
        x = _convolved(x, filters)
        sizes.append(x)
        x = keras.layers.MaxPooling2D()(x)
    x = _convolved(x, FILTERS[-1])
    for filters, same_size in zip(reversed(FILTERS[:-1]), reversed(sizes), strict=True):
        x = keras.layers.Concatenate()([keras.layers.UpSampling2D()(x), same_size])
        x = _convolved(x, filters)
    x = keras.layers.Conv2D(len(LABELS), 1, activation="softmax", name="mask")(x)
    return keras.Model({"image": image}, x, name="nuclei")


def _convolved(x: Any, filters: int) -> Any:
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))


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
    overlap = keras.metrics.MeanIoU(len(LABELS), name="mean_iou", sparse_y_pred=False)
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01),
        loss="sparse_categorical_crossentropy",
        metrics=[overlap],
    )


def augment_both(inputs: dict[str, Any], masks: Any, seed: Any) -> tuple[dict[str, Any], Any]:
    """Returns a training batch with half of the pictures and masks mirrored in each direction.

    A nucleus has no upper side.

    Args:
        inputs: ``image``, (n, 64, 64, 1).
        masks: (n, 64, 64).
        seed: two int32 numbers; the same seed mirrors the same pictures.
    """
    image = inputs["image"]
    choices = tf.random.stateless_uniform((2, tf.shape(image)[0], 1, 1), seed) < 0.5
    for axis, chosen in zip((1, 2), tf.unstack(choices), strict=True):
        image = tf.where(chosen[..., None], tf.reverse(image, [axis]), image)
        masks = tf.where(chosen, tf.reverse(masks, [axis]), masks)
    return {"image": image}, masks
