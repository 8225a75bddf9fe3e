"""Layers that move, repeat, cut and pad, and change no number."""

import keras
from keras import layers

from tests.compatibility.row import Row, computed, family, of

ROWS = family(
    "Shape",
    Row("Permute", of(lambda: layers.Permute((2, 1)), 4, 5)),
    Row("Reshape", of(lambda: layers.Reshape((2, 10)), 4, 5)),
    Row("Flatten", of(layers.Flatten, 4, 5)),
    Row("RepeatVector", of(lambda: layers.RepeatVector(3), 5)),
    Row("Cropping1D", of(lambda: layers.Cropping1D((1, 2)), 8, 3)),
    Row("Cropping2D", of(lambda: layers.Cropping2D(((1, 2), (0, 1))), 6, 6, 3)),
    Row("Cropping3D", of(lambda: layers.Cropping3D(1), 4, 5, 6, 2)),
    Row("ZeroPadding1D", of(lambda: layers.ZeroPadding1D((1, 2)), 6, 3)),
    Row("ZeroPadding2D", of(lambda: layers.ZeroPadding2D(((1, 2), (0, 1))), 4, 4, 3)),
    Row("ZeroPadding3D", of(lambda: layers.ZeroPadding3D(1), 3, 3, 3, 2)),
    Row(
        "ReflectionPadding (ops.pad reflect)",
        computed(
            lambda x: keras.ops.pad(x, ((0, 0), (1, 2), (2, 1), (0, 0)), mode="reflect"), 5, 5, 3
        ),
    ),
    Row("UpSampling1D", of(lambda: layers.UpSampling1D(2), 5, 3)),
    Row("UpSampling2D nearest", of(lambda: layers.UpSampling2D(2), 4, 4, 3)),
    Row(
        "UpSampling2D bilinear",
        of(lambda: layers.UpSampling2D(2, interpolation="bilinear"), 4, 4, 3),
    ),
    Row("UpSampling3D", of(lambda: layers.UpSampling3D(2), 3, 3, 3, 2)),
)
