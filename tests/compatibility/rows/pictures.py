"""Layers and operations for pictures that also work on what a client sends."""

from typing import Any

import keras
from keras import layers

from tests.compatibility.row import BYTES, UNIT, Row, computed, family, of

_PICTURE = (8, 8, 3)
_BYTES = {"x": BYTES}
# Turns by about 17 degrees and shifts.
_TURN = [0.956, -0.292, 1.0, 0.292, 0.956, -0.5, 0.0, 0.0]


class Holder(layers.Layer):
    """Holds a layer with which Keras 3.15 cannot build a functional model: it reports a cycle."""

    def __init__(self, held: layers.Layer) -> None:
        super().__init__()
        self.held = held

    def call(self, x: Any) -> Any:
        return self.held(x)


ROWS = family(
    "Pictures",
    Row("Resizing bilinear", of(lambda: layers.Resizing(6, 10), *_PICTURE)),
    Row("Resizing bicubic", of(lambda: layers.Resizing(6, 10, interpolation="bicubic"), *_PICTURE)),
    Row("Resizing nearest", of(lambda: layers.Resizing(6, 10, interpolation="nearest"), *_PICTURE)),
    Row(
        "Resizing crop to aspect ratio",
        of(lambda: layers.Resizing(4, 6, crop_to_aspect_ratio=True), *_PICTURE),
    ),
    Row("CenterCrop", of(lambda: layers.CenterCrop(4, 5), *_PICTURE)),
    Row("RandomCrop", of(lambda: layers.RandomCrop(4, 5), *_PICTURE)),
    Row("AutoContrast", of(layers.AutoContrast, *_PICTURE), _BYTES),
    Row(
        "Equalization",
        of(lambda: Holder(layers.Equalization()), *_PICTURE),
        _BYTES,
    ),
    Row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        of(
            lambda: layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2)),
            *_PICTURE,
        ),
        _BYTES,
    ),
    Row("Solarization", of(layers.Solarization, *_PICTURE), _BYTES),
    Row(
        "Pipeline",
        of(
            lambda: layers.Pipeline([layers.Rescaling(1 / 255), layers.CenterCrop(6, 6)]), *_PICTURE
        ),
        _BYTES,
    ),
    Row(
        "ops.image.affine_transform",
        of(
            lambda: layers.Lambda(
                lambda x: keras.ops.image.affine_transform(x, keras.ops.convert_to_tensor(_TURN))
            ),
            *_PICTURE,
        ),
    ),
    Row(
        "ops.image.rgb_to_grayscale",
        computed(keras.ops.image.rgb_to_grayscale, *_PICTURE),
        {"x": UNIT},
    ),
    Row(
        "ops.image.extract_patches",
        computed(lambda x: keras.ops.image.extract_patches(x, (4, 4)), *_PICTURE),
    ),
    Row(
        "ops.image.crop_images",
        computed(
            lambda x: keras.ops.image.crop_images(x, 1, 1, target_height=4, target_width=5),
            *_PICTURE,
        ),
    ),
    Row(
        "ops.image.pad_images",
        computed(
            lambda x: keras.ops.image.pad_images(x, 1, 2, target_height=12, target_width=12),
            *_PICTURE,
        ),
    ),
    Row("ops.depth_to_space", computed(lambda x: keras.ops.depth_to_space(x, 2), 4, 4, 8)),
    Row("ops.space_to_depth", computed(lambda x: keras.ops.space_to_depth(x, 2), 4, 4, 3)),
)
