"""Turns stored examples into the network's raw input, and lists what Transform learns."""

from typing import Any

import tensorflow as tf

HEIGHT, WIDTH = 28, 28
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "label": tf.io.FixedLenFeature([], tf.int64),
}


def raw_inputs(features: dict[str, Any]) -> dict[str, Any]:
    """Returns ``serving_default``'s input for encoded pictures of any size and format.

    Args:
        features: ``image``, a string tensor of shape (n,): PNG, JPEG, GIF or BMP files.

    Returns:
        ``image``: float32 of shape (n, 28, 28, 1) with grey values from 0 to 255. A picture that
        is already 28 × 28 keeps its exact values.
    """
    images = tf.map_fn(
        _decode,
        features["image"],
        fn_output_signature=tf.TensorSpec((HEIGHT, WIDTH, 1), tf.float32),
    )
    return {"image": images}


def _decode(encoded: Any) -> Any:
    image = tf.io.decode_image(encoded, channels=1, expand_animations=False)
    image.set_shape((None, None, 1))
    resized = tf.image.resize(image, (HEIGHT, WIDTH), method="area")
    return tf.ensure_shape(resized, (HEIGHT, WIDTH, 1))


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the label and, in every row, the mean and variance of all training pixels.

    Transform makes the full pass over the training data. The two numbers become the network's
    first layer, so every client sends plain pixels.
    """
    import tensorflow_transform as tft

    pixels = raw_inputs({"image": inputs["image"]})["image"]
    ones = tf.ones_like(inputs["label"], tf.float32)
    return {
        "label": inputs["label"],
        "image_mean": ones * tft.mean(pixels),
        "image_variance": ones * tft.var(pixels),
    }


STATISTICS = ("image_mean", "image_variance")
