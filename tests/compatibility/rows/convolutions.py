"""Convolutions, plain, separable and transposed."""

from keras import layers

from tests.compatibility.row import Row, family, of

ROWS = family(
    "Convolution",
    Row("Conv1D", of(lambda: layers.Conv1D(6, 3), 12, 4)),
    Row(
        "Conv1D causal dilated",
        of(lambda: layers.Conv1D(6, 3, padding="causal", dilation_rate=2), 12, 4),
    ),
    Row(
        "Conv2D strides 2 same", of(lambda: layers.Conv2D(6, 3, strides=2, padding="same"), 9, 9, 3)
    ),
    Row("Conv2D dilated", of(lambda: layers.Conv2D(6, 3, dilation_rate=2), 9, 9, 3)),
    Row("Conv2D groups=4", of(lambda: layers.Conv2D(8, 3, groups=4), 8, 8, 8)),
    Row(
        "Conv2D stride above kernel",
        of(lambda: layers.Conv2D(6, 1, strides=3, padding="same"), 8, 8, 3),
    ),
    Row("Conv2D hard_swish", of(lambda: layers.Conv2D(6, 3, activation="hard_swish"), 8, 8, 3)),
    Row(
        "Conv2D channels first",
        of(lambda: layers.Conv2D(5, 3, data_format="channels_first"), 3, 8, 8),
    ),
    Row("Conv1D groups=2", of(lambda: layers.Conv1D(6, 3, groups=2), 12, 4)),
    Row("Conv3D", of(lambda: layers.Conv3D(5, 3), 6, 6, 6, 2)),
    Row("DepthwiseConv1D", of(lambda: layers.DepthwiseConv1D(3), 12, 4)),
    Row(
        "DepthwiseConv2D multiplier 2",
        of(lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), 8, 8, 3),
    ),
    Row("SeparableConv1D", of(lambda: layers.SeparableConv1D(6, 3), 12, 4)),
    Row("SeparableConv2D", of(lambda: layers.SeparableConv2D(6, 3), 8, 8, 3)),
    Row("Conv1DTranspose", of(lambda: layers.Conv1DTranspose(5, 3, strides=2), 6, 4)),
    Row("Conv2DTranspose stride 2", of(lambda: layers.Conv2DTranspose(5, 3, strides=2), 6, 6, 3)),
    Row(
        "Conv2DTranspose dilated",
        of(lambda: layers.Conv2DTranspose(5, 3, dilation_rate=2), 6, 6, 3),
    ),
    Row("Conv3DTranspose", of(lambda: layers.Conv3DTranspose(4, 3, strides=2), 4, 4, 4, 2)),
)
