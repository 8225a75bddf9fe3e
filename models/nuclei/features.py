"""Turns a stored example into the network's raw input; defines what Transform learns."""

from typing import Any

import tensorflow as tf

from models.nuclei.tiles import SIZE

FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "mask": tf.io.FixedLenFeature(SIZE.shape[:2], tf.int64),
}
STATISTICS = ("image_mean", "image_variance")


def raw_inputs(features: dict[str, Any]) -> dict[str, Any]:
    """Returns pictures as float32 with values from 0 to 255, from encoded files of any size."""
    return {"image": SIZE.decoded(features["image"])}


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns, in every row, the mean and variance of all training pixels."""
    import tensorflow_transform as tft

    pixels = raw_inputs({"image": inputs["image"]})["image"]
    ones = tf.ones(tf.shape(inputs["image"])[:1])
    return {
        "image_mean": ones * tft.mean(pixels),
        "image_variance": ones * tft.var(pixels),
    }
