"""Normalisation by statistics of the training data, of the example or of the weights."""

from keras import layers

from tests.compatibility.row import Numbers, Row, family, of

ROWS = family(
    "Normalization",
    Row("Rescaling", of(lambda: layers.Rescaling(1 / 127.5, -1), 6), {"x": Numbers(0, 255)}),
    Row(
        "Normalization",
        of(lambda: layers.Normalization(mean=[3.0, -1.0, 20.0], variance=[4.0, 0.5, 100.0]), 3),
        {"x": Numbers(-5, 5)},
    ),
    Row("BatchNormalization", of(layers.BatchNormalization, 6)),
    Row("BatchNormalization of pictures", of(layers.BatchNormalization, 6, 6, 3)),
    Row("LayerNormalization", of(layers.LayerNormalization, 4)),
    Row("LayerNormalization of 16 numbers", of(layers.LayerNormalization, 5, 16)),
    Row("RMSNormalization", of(layers.RMSNormalization, 8)),
    Row("GroupNormalization", of(lambda: layers.GroupNormalization(groups=2), 6, 6, 4)),
    Row("UnitNormalization", of(layers.UnitNormalization, 6)),
    Row("SpectralNormalization", of(lambda: layers.SpectralNormalization(layers.Dense(5)), 8)),
)
