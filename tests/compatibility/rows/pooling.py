"""Pooling, on inputs of which some windows hold negative numbers only."""

from keras import layers

from tests.compatibility.row import Row, family, of

_LINE, _PICTURE, _VOLUME = (12, 4), (8, 8, 3), (6, 6, 6, 2)

ROWS = family(
    "Pooling",
    Row("MaxPooling1D", of(lambda: layers.MaxPooling1D(2), *_LINE)),
    Row("MaxPooling2D", of(lambda: layers.MaxPooling2D(2), *_PICTURE)),
    Row(
        "MaxPooling2D same",
        of(lambda: layers.MaxPooling2D(3, strides=2, padding="same"), *_PICTURE),
    ),
    Row("MaxPooling3D", of(lambda: layers.MaxPooling3D(2), *_VOLUME)),
    Row("AveragePooling1D", of(lambda: layers.AveragePooling1D(2), *_LINE)),
    Row(
        "AveragePooling2D same",
        of(lambda: layers.AveragePooling2D(3, strides=2, padding="same"), *_PICTURE),
        covers=("AveragePooling2D",),
    ),
    Row("AveragePooling3D", of(lambda: layers.AveragePooling3D(2), *_VOLUME)),
    Row("GlobalMaxPooling1D", of(layers.GlobalMaxPooling1D, *_LINE)),
    Row("GlobalMaxPooling2D", of(layers.GlobalMaxPooling2D, *_PICTURE)),
    Row("GlobalMaxPooling3D", of(layers.GlobalMaxPooling3D, 2, 3, 3, 2)),
    Row("GlobalAveragePooling1D", of(layers.GlobalAveragePooling1D, *_LINE)),
    Row("GlobalAveragePooling2D", of(layers.GlobalAveragePooling2D, *_PICTURE)),
    Row("GlobalAveragePooling3D", of(layers.GlobalAveragePooling3D, *_VOLUME)),
    Row("AdaptiveAveragePooling1D", of(lambda: layers.AdaptiveAveragePooling1D(5), *_LINE)),
    Row("AdaptiveAveragePooling2D", of(lambda: layers.AdaptiveAveragePooling2D(3), *_PICTURE)),
    Row("AdaptiveAveragePooling3D", of(lambda: layers.AdaptiveAveragePooling3D(4), *_VOLUME)),
    Row("AdaptiveMaxPooling1D", of(lambda: layers.AdaptiveMaxPooling1D(5), *_LINE)),
    Row("AdaptiveMaxPooling2D", of(lambda: layers.AdaptiveMaxPooling2D(3), *_PICTURE)),
    Row("AdaptiveMaxPooling3D", of(lambda: layers.AdaptiveMaxPooling3D(4), *_VOLUME)),
)
