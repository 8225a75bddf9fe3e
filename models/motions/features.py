"""Turns stored windows into the network's raw input, and lists what Transform learns."""

from typing import Any

import tensorflow as tf

from models.motions.windows import CHANNELS, STEPS

FEATURES = {
    "motion": tf.io.FixedLenFeature([STEPS, len(CHANNELS)], tf.float32),
    "label": tf.io.FixedLenFeature([], tf.int64),
}
STATISTICS = ("mean", "variance")


def raw_inputs(features: dict[str, Any]) -> dict[str, Any]:
    """Returns the windows, float32 of shape (n, 30, 6)."""
    return {"motion": features["motion"]}


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the label and, in every row, each channel's mean and variance, both (n, 6)."""
    import tensorflow_transform as tft

    steps = tf.reshape(inputs["motion"], (-1, len(CHANNELS)))
    rows = tf.ones_like(inputs["label"], tf.float32)[:, None]
    return {
        "label": inputs["label"],
        "mean": rows * tft.mean(steps, reduce_instance_dims=False),
        "variance": rows * tft.var(steps, reduce_instance_dims=False),
    }
